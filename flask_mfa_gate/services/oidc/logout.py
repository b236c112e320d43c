"""Back-channel logout: clients are told of the end of a sign-in (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from threading import Timer
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from ...crypto import new_id
from ...domain.oidc.client import OidcClient
from ...domain.oidc.grant import sid_of
from ...store.oidc.logouts import DueLogout
from ..unit_of_work import TransactionRunner
from .clients import ClientService
from .signing_keys import SigningKeyService

EVENT = "http://schemas.openid.net/event/backchannel-logout"
CLAIM, FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=2), timedelta(minutes=1), timedelta(hours=6)
MOST_ATTEMPTS, SLICE, PATIENCE_SECONDS = 20, 50, 5
VALID_FOR = timedelta(minutes=2)
Post = Callable[[str, bytes], int]
log = logging.getLogger("flask_mfa_gate")


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Nowhere: the address that was registered is the one that is told."""
        # SECURITY: a client that redirects could make this server fetch addresses inside its own network.


class _Brief(HTTPConnection):
    """A connection that is cut when its time is over."""

    _end: Timer | None = None

    def connect(self) -> None:
        """The clock runs from here."""
        super().connect()
        # SECURITY: the limit of a socket is for each wait; a client that sends a byte every second would hold up
        # whatever others have to be told.
        self._end = Timer(PATIENCE_SECONDS, _cut, [self.sock])
        self._end.daemon = True
        self._end.start()

    def close(self) -> None:
        """In time."""
        if self._end is not None:
            self._end.cancel()
        super().close()


class _SecureBrief(_Brief, HTTPSConnection):
    pass


class _BriefHandler(HTTPHandler):
    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_Brief, req)


class _SecureBriefHandler(HTTPSHandler):
    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_SecureBrief, req, context=ssl.create_default_context())


def _cut(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def post(address: str, body: bytes) -> int:
    """Send a form; the status of the answer.

    :raises OSError: where nobody answers in time, or not with a certificate that can be trusted.
    """
    opener = build_opener(_NoRedirects(), _BriefHandler(), _SecureBriefHandler())
    sent = Request(address, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})  # noqa: S310 - https, checked when it was registered
    with opener.open(sent, timeout=PATIENCE_SECONDS) as answer:
        return int(answer.status)


class LogoutNotifier:
    """Tells clients. Each is claimed first, so that two processes never tell the same.

    :param send: posts a form to a client.
    """

    def __init__(
        self, worker: TransactionRunner, clients: ClientService, signing_keys: SigningKeyService, *, issuer: str,
        send: Post = post,
    ) -> None:  # fmt: skip
        self._worker, self._clients, self._signing_keys = worker, clients, signing_keys
        self._issuer, self._send = issuer, send

    def is_wanted(self) -> bool:
        """Whether any client wants to be told at all."""
        return any(client.backchannel_logout_uri is not None for client in self._clients.list())

    def run(self) -> int:
        """Tell everybody once who has to be told; how many now know."""
        store, clock, told = self._worker.store, self._worker.clock, 0
        with store.database.read() as tx:
            due = store.oidc.logouts.due(tx, now=clock(), limit=SLICE)
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
            status = self._send(address, urlencode({"logout_token": self._token(registered.client, logout)}).encode())
        except Exception as error:  # noqa: BLE001 - whatever a client's server does must not keep others from being told
            log.warning("the client %s could not be told of a sign-out: %s", logout.client_id, type(error).__name__)
            status = 0
        if status in {200, 204}:
            self._worker.run(lambda work: store.note_told(work.tx, logout))
            return True
        due_at = self._worker.clock() + min(FIRST_RETRY * 2 ** min(logout.attempts, 12), LONGEST_RETRY)
        self._worker.run(lambda work: store.note_failed(work.tx, logout, due_at=due_at))
        return False

    def _token(self, client: OidcClient, logout: DueLogout) -> str:
        from joserfc import jwt  # noqa: PLC0415 - only an app that is a provider needs it

        now, signer = self._worker.clock(), self._signing_keys.signer(client.id_token_signed_response_alg)
        # SECURITY: another type than an ID token's, and no nonce, so that it can never pass for one (section 2.4).
        header = {"alg": signer.algorithm.value, "kid": signer.kid, "typ": "logout+jwt"}
        claims = {
            "iss": self._issuer, "aud": client.client_id, "sub": logout.user_key, "sid": sid_of(logout.lineage),
            "iat": int(now.timestamp()), "exp": int((now + VALID_FOR).timestamp()), "jti": new_id(),
            "events": {EVENT: {}},
        }  # fmt: skip
        return jwt.encode(header, claims, signer.key, [signer.algorithm.value])
