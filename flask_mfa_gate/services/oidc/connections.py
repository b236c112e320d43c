"""``gate.oidc.connections``: the apps that users are connected to, and the ways out of that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ...domain.oidc.client import SCOPES, OidcClient
from ...domain.oidc.grant import Grant
from ...domain.people.person import Origin
from ...domain.people.roles import Actor, ActorLike, Right, refusal
from ...domain.records.event_name import EventName
from ...domain.sign_in.session import GateSession
from ...errors import NotAllowed
from ...store.oidc.consents import Consent
from ..actions.actions import ActionRunner
from ..actions.subjects import REFUSALS
from ..sign_in.endings import require_living
from ..text_validation import check_words
from ..unit_of_work import ActedBy, TransactionRunner, UnitOfWork
from .clients import NOBODY, ClientService


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedApp:
    """A client that a user agreed to, or is signed in with.

    :param client: None for one that the configuration no longer has.
    :param scopes: what it may see, as far as the user agreed.
    :param connected_at: since when.
    :param last_used_at: of the newest sign-in with it that is not over; None without any.
    :param is_offline: whether it has access while the user is signed out.
    """

    client_id: str
    client: OidcClient | None
    scopes: tuple[str, ...]
    connected_at: datetime
    last_used_at: datetime | None = None
    is_offline: bool = False

    @property
    def name(self) -> str:
        """As the user knows it."""
        return self.client.client_name if self.client is not None else self.client_id


class ConnectionService:
    """Reads them, and disconnects them. A client that was disconnected has to ask for consent again."""

    def __init__(self, worker: TransactionRunner, runner: ActionRunner, clients: ClientService) -> None:
        self._store, self._worker, self._runner = worker.store, worker, runner
        self._clients, self._clock = clients, worker.clock

    def of_user(self, user_key: str) -> list[ConnectedApp]:
        """Those of this user, by name."""
        known = {one.client_id: one for one in self._clients.list()}
        with self._store.database.read() as tx:
            consents = {one.client_id: one for one in self._store.oidc.consents.of_user(tx, user_key)}
            grants = self._store.oidc.grants.of_user(tx, user_key, now=self._clock())
        ids = {*consents, *(one.client_id for one in grants)}
        found = [
            _app(one, known.get(one), consents.get(one), [grant for grant in grants if grant.client_id == one])
            for one in ids
        ]
        return sorted(found, key=lambda one: (one.name.lower(), one.client_id))

    def disconnect(self, session: GateSession, client_id: str, *, origin: Origin) -> bool:
        """The user of this session takes consent back, and the app's tokens are dead. False where there was nothing."""

        def act(work: UnitOfWork) -> bool:
            work.lock_users(session.user_key)
            require_living(work, session)
            return self._cut(work, session.user_key, client_id, ActedBy(Actor.user(session.user_key).name, origin))

        return self._worker.run(act)

    def revoke(
        self, user_key: str, client_id: str | None = None, *, actor: ActorLike = Actor.HOST, reason: str | None = None
    ) -> int:
        """Disconnect one app from a user, or all of them; how many there were.

        :raises UnknownUser, NotAllowed, BadRequest: see there.
        """
        check_words(actor, reason)
        by = self._runner.actor(actor)
        self._runner.checked(by, Right.RESCUE, user_key)
        wanted = [one.client_id for one in self.of_user(user_key)] if client_id is None else [client_id]

        def act(work: UnitOfWork) -> int:
            work.lock_users(user_key)
            return sum(self._cut(work, user_key, one, ActedBy(by.name, reason=reason)) for one in wanted)

        return self._worker.run(act)

    def revoke_client(self, client_id: str, *, actor: ActorLike = Actor.HOST, reason: str | None = None) -> int:
        """Every token of a client is dead, and its users sign in again; how many grants ended.

        :raises NotFound, NotAllowed, BadRequest: see there.
        """
        check_words(actor, reason)
        by = self._runner.actor(actor)
        # SECURITY: it signs everybody out of an app, so only an admin does it.
        if (why := refusal(by, Right.RULE, subject=NOBODY, role=None)) is not None:
            raise NotAllowed(why, REFUSALS[why])
        self._clients.get(client_id)

        def act(work: UnitOfWork) -> int:
            ended = self._store.oidc.grants.revoke_of(work.tx, client_id=client_id, now=work.clock())
            work.record(
                EventName.CLIENT_GRANTS_REVOKED, subject=NOBODY, actor=by.name, reason=reason, client=client_id,
                count=ended,
            )  # fmt: skip
            return ended

        return self._worker.run(act)

    def _cut(self, work: UnitOfWork, user_key: str, client_id: str, by: ActedBy) -> bool:
        had_consent = self._store.oidc.consents.withdraw(work.tx, user_key, client_id)
        ended = self._store.oidc.grants.revoke_of(work.tx, user_key=user_key, client_id=client_id, now=work.clock())
        if not had_consent and not ended:
            return False
        work.record(
            EventName.CONSENT_WITHDRAWN,
            subject=user_key,
            actor=by.actor,
            origin=by.origin,
            reason=by.reason,
            client=client_id,
        )
        return True


def _app(
    client_id: str, client: OidcClient | None, consent: Consent | None, grants: Collection[Grant]
) -> ConnectedApp:  # fmt: skip
    words = {word for one in grants for word in one.scope.split()} | set(consent.scope.split() if consent else ())
    times = [one.created_at for one in grants]
    return ConnectedApp(
        client_id=client_id, client=client, scopes=tuple(scope for scope in SCOPES if scope in words),
        connected_at=min([*times, *([consent.given_at] if consent else [])]), last_used_at=max(times, default=None),
        is_offline=any(one.is_offline for one in grants),
    )  # fmt: skip
