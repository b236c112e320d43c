"""Authorization requests on their way: kept while their user signs in, proves something or agrees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ...clock import Clock
from ...crypto import new_token, token_digest
from ...domain.people.person import Origin
from ...domain.records.event_name import EventName
from ...store import Store
from ...store.oidc.authorize_requests import WaitingRequest
from ...store.oidc.consents import Consent
from ..unit_of_work import TransactionRunner, UnitOfWork

WAITS_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A request with the id by which its browser continues."""

    id: str = field(repr=False)
    request: WaitingRequest = field(repr=False)


class RequestService:
    """Keeps them, and what users agree to."""

    def __init__(self, store: Store, worker: TransactionRunner, *, clock: Clock) -> None:
        self._store, self._worker, self._clock = store, worker, clock

    def keep(self, client_id: str, parameters: Mapping[str, str], *, browser: str) -> Kept:
        """A new one, for the browser that has this secret."""
        request_id = new_token()
        request = WaitingRequest(
            id_digest=token_digest(request_id), browser=token_digest(browser), client_id=client_id,
            parameters=parameters, answers={}, asked_at=self._clock(),
        )  # fmt: skip
        self._worker.run(lambda work: self._store.oidc.requests.add(work.tx, request))
        return Kept(request_id, request)

    def find(self, request_id: str, *, browser: str | None) -> WaitingRequest | None:
        """That of this id and this browser; None where there is none, or it waited too long."""
        with self._store.database.read() as tx:
            found = self._store.oidc.requests.get(tx, token_digest(request_id))
        # SECURITY: a link to somebody else's request, sent to a victim, leads nowhere.
        if found is None or browser is None or found.browser != token_digest(browser):
            return None
        return found if self._clock() - found.asked_at < WAITS_FOR else None

    def client_id(self, request_id: str) -> str | None:
        """The client of a request that waits, to name it to its user; None where there is no such request."""
        with self._store.database.read() as tx:
            found = self._store.oidc.requests.get(tx, token_digest(request_id))
        return found.client_id if found is not None else None

    def note(self, request: WaitingRequest, **answers: Any) -> WaitingRequest:
        """What the user chose on the way."""
        noted = {**request.answers, **answers}
        self._worker.run(lambda work: self._store.oidc.requests.note_answers(work.tx, request.id_digest, noted))
        return replace(request, answers=noted)

    def try_take(self, request: WaitingRequest) -> bool:
        """It is answered now; False when it was before, as by a second click."""
        return self._worker.run(lambda work: self._store.oidc.requests.try_take(work.tx, request.id_digest))

    def consent(self, user_key: str, client_id: str, scope: str, *, origin: Origin) -> None:
        """The user agrees that a client may have this."""

        def act(work: UnitOfWork) -> None:
            given = Consent(user_key, client_id, scope, work.clock())
            self._store.oidc.consents.give(work.tx, given)
            work.record(
                EventName.CONSENT_GIVEN, subject=user_key, actor=f"user:{user_key}", origin=origin, client=client_id,
                scope=scope,
            )  # fmt: skip

        self._worker.run(act)
