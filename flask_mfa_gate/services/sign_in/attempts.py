"""Tries of a code: counted before they are tried, so that no number of parallel requests gets more of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from ...domain.address import UNREADABLE_PLACE, counted_place, place_of
from ...domain.factors.throttle import Admission, Failures, admission, retry_after, wait_until
from ...domain.factors.typed_code import CodeShape
from ...domain.people.person import Origin
from ...domain.records.event_name import EventName
from ...domain.records.mail_kind import MailKind, Notice
from ...domain.records.refusal import STOPPED, THROTTLED, WAITS, Refusal
from ...domain.sign_in.assurance import Method
from ...errors import BadRequest, CodeInvalid, StoreBusy, Throttled
from ...factors.base import Verifier
from ...store.sign_in.failures import OrdinalTaken
from ..client.origins import note_if_unreadable
from ..unit_of_work import T, TransactionRunner, UnitOfWork
from .refusals import Refusals

_TRIES_FOR_AN_ORDINAL = 50
_WARN_FROM = 3
_WARNING_INTERVAL = timedelta(hours=1)
_WRONG = "That code didn't work."
_STOPPED = "Too many incorrect codes. Verify another way, or contact your administrator to unlock your account."


class AttemptService:
    """The one counter that every verifier of a typed code goes through."""

    def __init__(self, worker: TransactionRunner, refusals: Refusals) -> None:
        self._store, self._worker, self._clock = worker.store, worker, worker.clock
        self._refusals = refusals

    def attempt(
        self,
        verifier: Verifier,
        raw: object,
        *,
        user_key: str,
        origin: Origin,
        accept: Callable[[UnitOfWork, str], T | None],
    ) -> T:
        """Try one code.

        :param accept: does all that a right code leads to, in one transaction; answers None for a wrong code.
        :raises BadRequest: for input that is no code at all; not counted.
        :raises Throttled: while waiting or stopped; neither tried nor counted.
        :raises CodeInvalid: for a wrong code; counted.
        """
        shape, code = verifier.read(raw)
        if shape is CodeShape.UNUSABLE:
            raise BadRequest("Send the code as text of at most 64 characters.")
        try:
            ordinal = self._charge(verifier, user_key=user_key, origin=origin)
        except Throttled as refusal:
            refusal.reference = self._refusals.note(user_key, _refused(refusal), origin=origin)
            raise

        def act(work: UnitOfWork) -> T | None:
            outcome = accept(work, code) if shape is CodeShape.OK else None
            if outcome is None:
                self._record_failure(work, verifier.method, user_key, origin)
            else:
                self._clear(work, user_key, origin, ordinal)
            return outcome

        accepted = self._worker.run(act)
        if accepted is None:
            raise self._invalid(verifier, user_key, code, shape)
        return accepted

    def waiting(self, *, verifier: Verifier, user_key: str, origin: Origin) -> Throttled | None:
        """The refusal that a code would meet now, for pages that say so before one is typed."""
        with self._store.database.read() as tx:
            failures, _ = self._store.failures.count(
                tx, user_key, place=counted_place(origin.address), now=self._clock()
            )
        return self.refusal(verifier, failures, user_key=user_key, origin=origin)

    def refusal(self, verifier: Verifier, failures: Failures, *, user_key: str, origin: Origin) -> Throttled | None:
        """The same after these failures."""
        refusal = self._refusal(failures, stoppable=verifier.is_stoppable)
        if refusal is not None:
            refusal.reference = self._refusals.find(user_key, _refused(refusal), origin=origin)
        return refusal

    def _clear(self, work: UnitOfWork, user_key: str, origin: Origin, ordinal: int | None) -> None:
        """A success clears the failures from where it came; itself it is none."""
        place = place_of(origin.address)
        # SECURITY: unreadable addresses wait as one, yet the owner's success must not clear what a thief has tried.
        if place is not None:
            self._store.failures.clear(work.tx, user_key, place=place)
        elif ordinal is not None:
            self._store.failures.uncharge(work.tx, user_key, place=UNREADABLE_PLACE, ordinal=ordinal)

    def _charge(self, verifier: Verifier, *, user_key: str, origin: Origin) -> int | None:
        # SECURITY: the attempt is on record, in a transaction of its own, before the code is looked at.
        for _ in range(_TRIES_FOR_AN_ORDINAL):
            with suppress(OrdinalTaken):
                return self._worker.run(lambda work: self._charge_next(work, verifier, user_key, origin))
        raise StoreBusy("Too many codes are being tried for this account at once.")

    def _charge_next(self, work: UnitOfWork, verifier: Verifier, user_key: str, origin: Origin) -> int | None:
        """The ordinal of this attempt; None where a success needs none to clear it."""
        now, place, stoppable = self._clock(), counted_place(origin.address), verifier.is_stoppable
        if place != UNREADABLE_PLACE and self._store.failures.try_charge(
            work.tx, user_key, place=place, now=now, stoppable=stoppable
        ):
            return None
        note_if_unreadable(work, origin)
        failures, ordinal = self._store.failures.count(work.tx, user_key, place=place, now=now)
        refusal = self._refusal(failures, stoppable=stoppable)
        if refusal is not None:
            raise refusal
        self._store.failures.charge(work.tx, user_key, place=place, ordinal=ordinal, now=now)
        return ordinal

    def _refusal(self, failures: Failures, *, stoppable: bool) -> Throttled | None:
        now = self._clock()
        word = admission(failures, now=now, stoppable=stoppable)
        if word is Admission.OPEN:
            return None
        if word is Admission.STOPPED:
            return Throttled(_STOPPED, retry_at=None, retry_after=86400)
        until = wait_until(failures) or now
        seconds = retry_after(until, now)
        return Throttled(_waiting(seconds), retry_at=until, retry_after=seconds)

    def _record_failure(self, work: UnitOfWork, method: Method, user_key: str, origin: Origin) -> None:
        work.record(
            EventName.CHALLENGE_FAILED, subject=user_key, actor=f"user:{user_key}", origin=origin, method=method.value
        )
        now = work.clock()
        failures, _ = self._store.failures.count(work.tx, user_key, place=counted_place(origin.address), now=now)
        is_known = self._store.outbox.was_told(work.tx, user_key, MailKind.WRONG_CODES, since=now - _WARNING_INTERVAL)
        # Somebody who guesses codes or passes has the password; somebody who sets up a first factor only mistypes.
        is_guess = method not in Method.of_factors or bool(self._store.factors.confirmed(work.tx, user_key))
        if failures.in_total >= _WARN_FROM and not is_known and is_guess:
            work.tell(user_key, Notice(MailKind.WRONG_CODES, {"times": failures.in_total, **seen_from(origin)}))

    def _invalid(self, verifier: Verifier, user_key: str, code: str, shape: CodeShape) -> CodeInvalid:
        """What was wrong with a code, as far as its owner can do something about it."""
        if shape is not CodeShape.OK:
            return CodeInvalid(_WRONG)
        with self._store.database.read() as tx:
            why = verifier.explain(tx, user_key, code, now=self._clock())
        return CodeInvalid(why.sentence or _WRONG, hint=why.hint)


def _refused(why: Throttled) -> Refusal:
    return Refusal(THROTTLED, STOPPED if why.retry_at is None else WAITS)


def _waiting(seconds: int) -> str:
    return f"Too many incorrect codes. Try again in {seconds // 60}:{seconds % 60:02}."


def seen_from(origin: Origin) -> dict[str, str | None]:
    """From where something was done, for a mail that asks whether it was the owner."""
    return {"address": origin.address, "user_agent": origin.user_agent}
