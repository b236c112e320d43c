"""Refusals on record: each has a reference, which the refused person is shown and an admin finds it by."""

from __future__ import annotations

import secrets

from ...domain.address import counted_place
from ...domain.people.person import Origin
from ...domain.records.event_name import EventName
from ...domain.records.refusal import BITS, Refusal, reference_of
from ...store.sign_in.noted import NoteKey
from ..unit_of_work import TransactionRunner, UnitOfWork

_LONGEST_KIND = 64


class Refusals:
    """One record an hour for each user, place and reason; what is refused again meanwhile has the same reference."""

    def __init__(self, worker: TransactionRunner) -> None:
        self._store, self._worker, self._clock = worker.store, worker, worker.clock

    def note(self, user_key: str, what: Refusal, *, origin: Origin) -> str | None:
        """Put it on record; its reference."""
        return self._worker.run(lambda work: self._note(work, user_key, what, origin))

    def find(self, user_key: str, what: Refusal, *, origin: Origin) -> str | None:
        """The reference of the record that there is; None where the like was not refused within the hour."""
        with self._store.database.read() as tx:
            note = self._store.noted.get(tx, _note(user_key, what, origin))
        return note.value if note is not None and not note.is_old(self._clock()) else None

    def _note(self, work: UnitOfWork, user_key: str, what: Refusal, origin: Origin) -> str | None:
        fresh = reference_of(secrets.randbits(BITS))
        # SECURITY: anyone who has the password could be refused for ever, and each time leave a record for years.
        note = _note(user_key, what, origin)
        reference = self._store.noted.note_once(work.tx, note, now=self._clock(), value=fresh)
        work.record(
            EventName.ACCESS_DENIED, subject=user_key, actor=f"user:{user_key}", origin=origin,
            kept=reference == fresh, verdict=what.verdict, reason_id=what.reason_id, endpoint=what.endpoint,
            policies=list(what.policies), reference=reference,
        )  # fmt: skip
        return reference


def _note(user_key: str, what: Refusal, origin: Origin) -> NoteKey:
    return NoteKey(user_key, f"access_denied {what.reason_id}"[:_LONGEST_KIND], counted_place(origin.address))
