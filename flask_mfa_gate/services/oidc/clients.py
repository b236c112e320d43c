"""``gate.oidc.clients``: relying parties, from configuration and from rows, and their secrets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from ...clock import Clock
from ...crypto import new_id, new_token, token_digest
from ...domain.oidc.client import ClientSecret, OidcClient, RegisteredClient
from ...domain.oidc.registration import BadClient, client_words, read_client
from ...domain.people.roles import Actor, ActorLike, Right, refusal
from ...domain.records.event_name import EventName
from ...errors import BadRequest, Conflict, NotAllowed, NotFound
from ...sentences import Sentence
from ...store import Store
from ...store.oidc.clients import ClientRow, SecretRow
from ..actions.subjects import REFUSALS
from ..unit_of_work import TransactionRunner, UnitOfWork

log = logging.getLogger("flask_mfa_gate")
NOBODY = ""
MOST_SECRETS = 2
OVERLAP = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A client with a secret that is shown this once; None for a client that takes none."""

    client: OidcClient
    secret: str | None = field(repr=False)


class ClientService:
    """Adds, changes and finds clients.

    :param actor_of: gives an actor their role.
    :param configured: those of ``MFA_GATE_OIDC_CLIENTS``, which no page changes.
    """

    def __init__(
        self, store: Store, worker: TransactionRunner, actor_of: Callable[[ActorLike], Actor],
        configured: Collection[RegisteredClient], *, clock: Clock,
    ) -> None:  # fmt: skip
        self._store, self._worker, self._actor_of, self._clock = store, worker, actor_of, clock
        self._configured = {one.client.client_id: one for one in configured}

    def find(self, client_id: str) -> RegisteredClient | None:
        """An enabled client, with what it proves itself by."""
        if client_id in self._configured:
            return self._configured[client_id]
        with self._store.database.read() as tx:
            row = self._store.oidc.clients.get(tx, client_id, now=self._clock())
        client = _readable(row) if row is not None and row.is_enabled else None
        return RegisteredClient(client, row.secrets) if row is not None and client is not None else None

    def find_for(self, client_id: str, user_key: str) -> tuple[OidcClient, str] | None:
        """An enabled client, with the scopes that this user agreed to."""
        configured = self._configured.get(client_id)
        with self._store.database.read() as tx:
            if configured is not None:
                given = self._store.oidc.consents.of_user(tx, user_key)
                return configured.client, next((one.scope for one in given if one.client_id == client_id), "")
            row = self._store.oidc.clients.get_for(tx, client_id, user_key)
        client = _readable(row) if row is not None and row.is_enabled else None
        return (client, row.consent) if row is not None and client is not None else None

    def list(self) -> Sequence[OidcClient]:
        """Every client, by name, disabled ones included."""
        with self._store.database.read() as tx:
            kept = [client for row in self._store.oidc.clients.all(tx) if (client := _readable(row)) is not None]
        configured = [one.client for one in self._configured.values()]
        rows = [client for client in kept if client.client_id not in self._configured]
        return sorted([*configured, *rows], key=lambda client: (client.client_name.lower(), client.client_id))

    def get(self, client_id: str) -> OidcClient:
        """One client.

        :raises NotFound: where there is none.
        """
        return next((one for one in self.list() if one.client_id == client_id), None) or _missing(client_id)

    def try_use_assertion(self, client_id: str, jti: str, *, ends_at: datetime) -> bool:
        """Note that a client proved itself by this assertion; False when it did so before."""
        digest = sha256(f"{client_id}\0{jti}".encode(errors="replace")).hexdigest()
        return self._worker.run(
            lambda work: self._store.oidc.assertions.try_use(work.tx, digest, ends_at=ends_at)
        )  # fmt: skip

    def secrets(self, client_id: str) -> Sequence[SecretRow]:
        """The living secrets of a client in a row: when each was made, and when it ends."""
        with self._store.database.read() as tx:
            return self._store.oidc.clients.secrets(tx, client_id, now=self._clock())

    def add(self, words: Mapping[str, Any], *, actor: ActorLike, reason: str | None = None) -> NewSecret:
        """Register a client by its metadata (RFC 7591); its secret is shown this once.

        :raises BadClient: for metadata that can't be.
        :raises Conflict: ``taken``, for a ``client_id`` that another client has.
        """
        client = read_client({"client_id": f"app-{new_id()[:12]}", **words})
        secret = new_token() if client.token_endpoint_auth_method.takes_secret else None

        def act(work: UnitOfWork) -> None:
            by, now = self._admin(actor), work.clock()
            if client.client_id in self._configured or self._row(work, client.client_id) is not None:
                raise Conflict("taken", Sentence("There already is a client %(client)r.", client=client.client_id))
            self._store.oidc.clients.add(work.tx, client.client_id, client_words(client), now=now)
            if secret is not None:
                self._store.oidc.clients.add_secret(work.tx, client.client_id, _secret(secret), now=now)
            self._record(work, by, client.client_id, "added", reason)

        self._worker.run(act)
        return NewSecret(client, secret)

    def change(
        self, client_id: str, words: Mapping[str, Any], *, actor: ActorLike, reason: str | None = None,
        version: str | None = None,
    ) -> NewSecret:  # fmt: skip
        """Other metadata for some of its words; the others stay. None takes a word away.

        A client that takes a secret now and has none gets one; one that takes none any more loses its secrets.

        :param version: of the client that the author read (``ClientOverview.version``); None to not ask.
        :raises BadClient: for metadata that can't be.
        :raises NotFound: where there is no such client.
        :raises Conflict: ``stale``, where it was changed since.
        """

        def act(work: UnitOfWork) -> NewSecret:
            by, row = self._admin(actor), self._owned(work, client_id)
            # SECURITY: the form of one admin must not silently take back what another tightened meanwhile.
            if version is not None and version != row.changed_at.isoformat():
                raise Conflict("stale", "Somebody else changed this client after you opened it. Nothing was saved.")
            merged = {**row.words, **words, "client_id": client_id}
            changed = read_client({word: value for word, value in merged.items() if value is not None})
            self._store.oidc.clients.change(work.tx, client_id, words=client_words(changed), now=work.clock())
            self._record(work, by, client_id, "changed", reason, words=sorted(words))
            return NewSecret(changed, self._fit_secrets(work, changed))

        return self._worker.run(act)

    def _fit_secrets(self, work: UnitOfWork, client: OidcClient) -> str | None:
        """A first secret for a client that proved itself otherwise until now; none for one that needs none."""
        clients, now = self._store.oidc.clients, work.clock()
        living = clients.secrets(work.tx, client.client_id, now=now)
        if client.token_endpoint_auth_method.takes_secret:
            secret = None if living else new_token()
            if secret is not None:
                clients.add_secret(work.tx, client.client_id, _secret(secret), now=now)
            return secret
        # SECURITY: a secret that is of no use now must not come back with the next change.
        for one in living:
            clients.revoke_secret(work.tx, client.client_id, one.id, now=now)
        return None

    def set_enabled(self, client_id: str, *, enabled: bool, actor: ActorLike, reason: str | None = None) -> None:
        """Switch a client on, or off with all that it was granted.

        :raises NotFound: where there is no such client.
        """

        def act(work: UnitOfWork) -> None:
            by = self._admin(actor)
            self._owned(work, client_id)
            self._store.oidc.clients.change(work.tx, client_id, is_enabled=enabled, now=work.clock())
            if not enabled:
                self._store.oidc.grants.revoke_of(work.tx, client_id=client_id, now=work.clock())
            self._record(work, by, client_id, "enabled" if enabled else "disabled", reason)

        self._worker.run(act)

    def remove(self, client_id: str, *, actor: ActorLike, reason: str | None = None) -> None:
        """Take a client away, with all that it was granted.

        :raises NotFound: where there is no such client.
        """

        def act(work: UnitOfWork) -> None:
            by = self._admin(actor)
            self._owned(work, client_id)
            self._store.oidc.grants.revoke_of(work.tx, client_id=client_id, now=work.clock())
            self._store.oidc.clients.remove(work.tx, client_id)
            self._record(work, by, client_id, "removed", reason)

        self._worker.run(act)

    def new_secret(
        self, client_id: str, *, actor: ActorLike, overlap: timedelta = OVERLAP, reason: str | None = None
    ) -> NewSecret:
        """Give a client another secret; the one before stays good for a while.

        :param overlap: how long; zero ends it now.
        :raises Conflict: ``no-secret``, for a client that proves itself otherwise.
        :raises NotFound: where there is no such client.
        """
        if overlap < timedelta(0):
            raise BadRequest("The overlap can't be less than zero.")
        secret = new_token()

        def act(work: UnitOfWork) -> OidcClient:
            by, now, client = self._admin(actor), work.clock(), _client(self._owned(work, client_id))
            if not client.token_endpoint_auth_method.takes_secret:
                raise Conflict("no-secret", "This client takes no secret.")
            added, clients = _secret(secret), self._store.oidc.clients
            living = clients.secrets(work.tx, client_id, now=now)
            # SECURITY: no more than two at once, or secrets that nobody remembers would open the client for years.
            for old in living[: max(0, len(living) + 1 - MOST_SECRETS)]:
                clients.revoke_secret(work.tx, client_id, old.id, now=now)
            clients.add_secret(work.tx, client_id, added, now=now)
            clients.end_secrets(work.tx, client_id, but=added.id, at=now + overlap, now=now)
            self._record(work, by, client_id, "secret-added", reason)
            return client

        return NewSecret(self._worker.run(act), secret)

    def revoke_secret(self, client_id: str, secret_id: str, *, actor: ActorLike, reason: str | None = None) -> None:
        """Let a secret count no more.

        :raises NotFound: where there is no such secret.
        """

        def act(work: UnitOfWork) -> None:
            by = self._admin(actor)
            self._owned(work, client_id)
            if not self._store.oidc.clients.revoke_secret(work.tx, client_id, secret_id, now=work.clock()):
                raise NotFound("There is no such secret.")
            self._record(work, by, client_id, "secret-revoked", reason)

        self._worker.run(act)

    def _row(self, work: UnitOfWork, client_id: str) -> ClientRow | None:
        return self._store.oidc.clients.get(work.tx, client_id, now=work.clock())

    def _owned(self, work: UnitOfWork, client_id: str) -> ClientRow:
        if client_id in self._configured:
            raise Conflict("configured", "This client stands in MFA_GATE_OIDC_CLIENTS; change it there.")
        row = self._row(work, client_id)
        return row if row is not None else _missing(client_id)

    def _admin(self, actor: ActorLike) -> Actor:
        by = self._actor_of(actor)
        # SECURITY: a client opens the accounts of those who sign in through it, so only an admin registers one.
        if (why := refusal(by, Right.RULE, subject=NOBODY, role=None)) is not None:
            raise NotAllowed(why, REFUSALS[why])
        return by

    def _record(
        self, work: UnitOfWork, by: Actor, client_id: str, act: str, reason: str | None, words: Sequence[str] = ()
    ) -> None:
        work.record(
            EventName.CLIENT_CHANGED, subject=NOBODY, actor=by.name, reason=reason, client=client_id, act=act,
            words=list(words),
        )  # fmt: skip


def configured_client(words: Mapping[str, Any]) -> RegisteredClient:
    """A client of ``MFA_GATE_OIDC_CLIENTS``, whose ``client_secret`` stands among its words.

    :raises BadClient: for metadata that can't be, and a secret that could be guessed.
    """
    secret = words.get("client_secret")
    client = read_client({word: value for word, value in words.items() if word != "client_secret"}, is_configured=True)
    if not client.token_endpoint_auth_method.takes_secret:
        if secret is not None:
            raise BadClient("client_secret", "goes only with client_secret_basic and client_secret_post")
        return RegisteredClient(client)
    # SECURITY: a digest without salt is enough only for what can't be guessed.
    if not isinstance(secret, str) or len(secret) < 32 or not secret.isascii() or not secret.isprintable():
        raise BadClient("client_secret", "must be at least 32 printable ASCII characters, from a random generator")
    return RegisteredClient(client, (_secret(secret),))


def _secret(secret: str) -> ClientSecret:
    return ClientSecret(new_id(), token_digest(secret))


def _client(row: ClientRow) -> OidcClient:
    return read_client(row.words, is_enabled=row.is_enabled)


def _readable(row: ClientRow) -> OidcClient | None:
    """The same; None for a row that was edited by hand, or holds what was allowed once, such as a short key."""
    try:
        return _client(row)
    except BadClient as error:
        log.warning("the client %r is passed over: %s", row.client_id, error)
        return None


def _missing(client_id: str) -> Any:
    raise NotFound(Sentence("There is no client %(client)r.", client=client_id))
