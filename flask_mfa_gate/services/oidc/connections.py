"""``gate.oidc.connections``: which apps a user is connected to, and the end of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ...clock import Clock
from ...domain.oidc.client import OFFLINE
from ...domain.people.person import NOWHERE, Origin
from ...domain.people.roles import Actor, ActorLike, Right, refusal
from ...domain.records.event_name import EventName
from ...errors import BadRequest, NotAllowed
from ...store import Store
from ..actions.subjects import REFUSALS
from ..unit_of_work import TransactionRunner, UnitOfWork


@dataclass(frozen=True, slots=True)
class ConnectedApp:
    """One app that a user agreed to, or is signed in to.

    :param scopes: what it may have, in the words of the protocol.
    :param last_used_at: when the user last signed in to it; None where nothing of that is left.
    :param is_offline: whether it has access while the user is signed out.
    """

    client_id: str
    scopes: tuple[str, ...]
    consented_at: datetime | None
    last_used_at: datetime | None
    is_offline: bool


class ConnectionService:
    """Connected apps, of a user or of a client."""

    def __init__(
        self, store: Store, worker: TransactionRunner, actor_of: Callable[[ActorLike], Actor], *, clock: Clock
    ) -> None:
        self._store, self._worker, self._actor_of, self._clock = store, worker, actor_of, clock

    def of_user(self, user_key: str) -> Sequence[ConnectedApp]:
        """The apps of one user, by client."""
        with self._store.database.read() as tx:
            consents = {one.client_id: one for one in self._store.oidc.consents.of_user(tx, user_key)}
            grants = self._store.oidc.grants.of_user(tx, user_key, now=self._clock())
        found = []
        for client_id in sorted({*consents, *(grant.client_id for grant in grants)}):
            mine = [grant for grant in grants if grant.client_id == client_id]
            consent = consents.get(client_id)
            scopes = set(consent.scope.split() if consent else ()).union(*(grant.scope.split() for grant in mine))
            found.append(
                ConnectedApp(
                    client_id=client_id,
                    scopes=tuple(sorted(scopes)),
                    consented_at=consent.given_at if consent else None,
                    last_used_at=max((grant.created_at for grant in mine), default=None),
                    is_offline=any(OFFLINE in grant.scope.split() for grant in mine),
                )
            )
        return found

    def disconnect(self, user_key: str, client_id: str, *, origin: Origin = NOWHERE) -> None:
        """The user takes back what they agreed to; the app has nothing of theirs any more."""

        def act(work: UnitOfWork) -> None:
            self._store.oidc.grants.revoke_of(work.tx, user_key=user_key, client_id=client_id, now=work.clock())
            if self._store.oidc.consents.withdraw(work.tx, user_key, client_id):
                work.record(
                    EventName.CONSENT_WITHDRAWN, subject=user_key, actor=f"user:{user_key}", origin=origin,
                    client=client_id,
                )  # fmt: skip

        self._worker.run(act)

    def revoke(
        self, *, user_key: str | None = None, client_id: str | None = None, actor: ActorLike, reason: str | None = None
    ) -> int:
        """An admin ends what was granted: of a user, to a client, or of a user to a client.

        :returns: how many grants ended.
        :raises BadRequest: where neither is named.
        :raises NotAllowed: for anybody but an admin, and for one's own account.
        """
        if user_key is None and client_id is None:
            raise BadRequest("Name a user or a client.")

        def act(work: UnitOfWork) -> int:
            by = self._actor_of(actor)
            if (why := refusal(by, Right.RULE, subject=user_key or "", role=None)) is not None:
                raise NotAllowed(why, REFUSALS[why])
            ended = self._store.oidc.grants.revoke_of(work.tx, user_key=user_key, client_id=client_id, now=work.clock())
            work.record(
                EventName.CLIENT_GRANTS_REVOKED, subject=user_key or "", actor=by.name, reason=reason,
                client=client_id, count=ended,
            )  # fmt: skip
            return ended

        return self._worker.run(act)
