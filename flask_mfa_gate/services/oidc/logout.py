"""Back-channel logout: clients are told of the end of a sign-in (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

from ...clock import Clock
from ...crypto import new_id
from ...domain.oidc.client import OidcClient
from ...domain.oidc.grant import sid_of
from ...outbound import AddressRefused
from ...store.oidc.logouts import DueLogout
from ..unit_of_work import TransactionRunner
from .clients import ClientService
from .signing_keys import SigningKeyService

EVENT = "http://schemas.openid.net/event/backchannel-logout"
CLAIM, FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=2), timedelta(minutes=1), timedelta(hours=6)
MOST_ATTEMPTS, SLICE = 20, 50
VALID_FOR = timedelta(minutes=2)
Post = Callable[[str, bytes], int]
log = logging.getLogger("flask_mfa_gate")


class LogoutTokens:
    """Makes what clients are told by (OpenID Connect Back-Channel Logout 1.0 section 2.4)."""

    def __init__(self, signing_keys: SigningKeyService, *, issuer: str, clock: Clock) -> None:
        self._signing_keys, self._issuer, self._clock = signing_keys, issuer, clock

    def make(self, client: OidcClient, logout: DueLogout) -> str:
        """One for this client."""
        from joserfc import jwt  # noqa: PLC0415 - only an app that is a provider needs it

        now, signer = self._clock(), self._signing_keys.signer(client.id_token_signed_response_alg)
        # SECURITY: another type than an ID token's, and no nonce, so that it can never pass for one (section 2.4).
        header = {"alg": signer.algorithm.value, "kid": signer.kid, "typ": "logout+jwt"}
        claims: dict[str, object] = {
            "iss": self._issuer, "aud": client.client_id, "sid": sid_of(logout.lineage),
            "iat": int(now.timestamp()), "exp": int((now + VALID_FOR).timestamp()), "jti": new_id(),
            "events": {EVENT: {}},
        }  # fmt: skip
        if logout.subject is not None:
            claims["sub"] = logout.subject
        return jwt.encode(header, claims, signer.key, [signer.algorithm.value])


class LogoutNotifier:
    """Tells clients. Each is claimed first, so that two processes never tell the same.

    :param idle: how long a sign-in lives without a request.
    :param send: posts a form to a client.
    """

    def __init__(
        self, worker: TransactionRunner, clients: ClientService, tokens: LogoutTokens, *, idle: timedelta, send: Post
    ) -> None:
        self._worker, self._clients, self._tokens, self._idle, self._send = worker, clients, tokens, idle, send

    def is_wanted(self) -> bool:
        """Whether any client wants to be told at all."""
        return any(client.backchannel_logout_uri is not None for client in self._clients.list())

    def run(self) -> int:
        """Tell everybody once who has to be told; how many now know."""
        store, clock, told = self._worker.store, self._worker.clock, 0
        now = clock()
        with store.database.read() as tx:
            due = store.oidc.logouts.due(tx, now=now, idle_since=now - self._idle, limit=SLICE)
        for logout in due:
            until = clock() + CLAIM
            is_mine = self._worker.run(
                lambda work, one=logout, until=until: store.oidc.logouts.try_claim(  # type: ignore[misc]
                    work.tx, one, now=work.clock(), until=until
                )
            )
            told += is_mine and self._tell(logout)
        return told

    def _tell(self, logout: DueLogout) -> bool:
        registered = self._clients.find(logout.client_id)
        address = registered.client.backchannel_logout_uri if registered is not None else None
        store = self._worker.store.oidc.logouts
        if registered is None or address is None or logout.attempts >= MOST_ATTEMPTS:
            self._worker.run(lambda work: store.note_told(work.tx, logout))
            return False
        try:
            body = urlencode({"logout_token": self._tokens.make(registered.client, logout)})
            status = self._send(address, body.encode())
        except Exception as error:  # noqa: BLE001 - whatever a client's server does must not keep others from being told
            problem = str(error) if isinstance(error, AddressRefused) else type(error).__name__
            log.warning("the client %s could not be told of a sign-out: %s", logout.client_id, problem)
            status = 0
        if status in {200, 204}:
            self._worker.run(lambda work: store.note_told(work.tx, logout))
            return True
        due_at = self._worker.clock() + min(FIRST_RETRY * 2 ** min(logout.attempts, 12), LONGEST_RETRY)
        self._worker.run(lambda work: store.note_failed(work.tx, logout, due_at=due_at))
        return False
