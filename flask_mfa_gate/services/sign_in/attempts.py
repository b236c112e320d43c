"""Tries of a code: one after the other, so that no number of parallel requests gets more of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from ...domain.address import counted_place, place_of
from ...domain.factors.throttle import Admission, Failures, admission, retry_after, wait_until
from ...domain.factors.typed_code import CodeShape
from ...domain.people.person import Origin
from ...domain.records.event_name import EventName
from ...domain.records.mail_kind import MailKind, Notice
from ...domain.records.refusal import STOPPED, THROTTLED, WAITS, Refusal
from ...domain.sign_in.assurance import Method
from ...errors import BadRequest, CodeInvalid, StoreError, Throttled
from ...factors.base import Verifier
from ...store.sign_in.holdings import Held
from ..client.origins import note_if_unreadable
from ..unit_of_work import T, TransactionRunner, UnitOfWork
from .refusals import Refusals

_WARN_FROM = 3
_WARNING_INTERVAL = timedelta(hours=1)
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
        accept: Callable[[UnitOfWork, Held, str], T | None],
    ) -> T:
        """Try one code.

        :param accept: does all that a right code leads to, in the same transaction and given what the user holds;
            answers None for a wrong code.
        :raises BadRequest: for input that is no code at all; not counted.
        :raises Throttled: while waiting or stopped; neither tried nor counted.
        :raises CodeInvalid: for a wrong code; counted.
        """
        shape, code = verifier.read(raw)
        if shape is CodeShape.UNUSABLE:
            raise BadRequest("Send the code as text of at most 64 characters.")

        def act(work: UnitOfWork) -> T | None:
            held = self._admit(work, verifier, user_key, origin)
            outcome = accept(work, held, code) if shape is CodeShape.OK else None
            if outcome is None:
                self._count(work, user_key, origin)
            else:
                self._clear(work, held, origin)
            return outcome

        accepted = self._counted(act, user_key, origin)
        if accepted is None:
            # SECURITY: told in a second transaction, so that a wrong code counts also where telling of it fails.
            self._worker.run(lambda work: self._record_failure(work, verifier.method, user_key, origin))
            raise self._invalid(verifier, user_key, code, shape)
        return accepted

    def _counted(self, act: Callable[[UnitOfWork], T | None], user_key: str, origin: Origin) -> T | None:
        try:
            return self._worker.run(act)
        except Throttled as refusal:
            refusal.reference = self._refusals.note(user_key, _refused(refusal), origin=origin)
            raise
        except StoreError:
            raise
        except Exception:
            # SECURITY: somebody with an answer that breaks the verifier could otherwise try as many as they like.
            self._worker.run(lambda work: self._count(work, user_key, origin))
            raise

    def _count(self, work: UnitOfWork, user_key: str, origin: Origin) -> None:
        work.lock_users(user_key)
        self._store.failures.add(work.tx, user_key, place=counted_place(origin.address), now=self._clock())

    def waiting(self, *, verifier: Verifier, user_key: str, origin: Origin) -> Throttled | None:
        """The refusal that a code would meet now, for pages that say so before one is typed."""
        with self._store.database.read() as tx:
            failures = self._store.failures.count(tx, user_key, place=counted_place(origin.address), now=self._clock())
        return self.refusal(verifier, failures, user_key=user_key, origin=origin)

    def refusal(self, verifier: Verifier, failures: Failures, *, user_key: str, origin: Origin) -> Throttled | None:
        """The same after these failures."""
        refusal = self._refusal(failures, stoppable=verifier.is_stoppable)
        if refusal is not None:
            refusal.reference = self._refusals.find(user_key, _refused(refusal), origin=origin)
        return refusal

    def _admit(self, work: UnitOfWork, verifier: Verifier, user_key: str, origin: Origin) -> Held:
        """What the user holds, and how it has gone lately, once it is this request's turn.

        :raises Throttled: while waiting or stopped.
        """
        # SECURITY: of codes that are tried at once each one has to be on record before the next is looked at.
        work.lock_users(user_key)
        note_if_unreadable(work, origin)
        held = self._store.holdings.read(work.tx, user_key, place=counted_place(origin.address), now=self._clock())
        refusal = self._refusal(held.failures, stoppable=verifier.is_stoppable)
        if refusal is not None:
            raise refusal
        return held

    def _clear(self, work: UnitOfWork, held: Held, origin: Origin) -> None:
        """A success clears the failures from where it came."""
        place = place_of(origin.address)
        # SECURITY: unreadable addresses wait as one, yet the owner's success must not clear what a thief has tried.
        if place is not None and held.failures.at_address:
            self._store.failures.clear(work.tx, held.user_key, place=place)

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
        held = self._store.holdings.read(work.tx, user_key, place=counted_place(origin.address), now=now)
        is_known = self._store.outbox.was_told(work.tx, user_key, MailKind.WRONG_CODES, since=now - _WARNING_INTERVAL)
        # Somebody who guesses codes or passes has the password; somebody who sets up a first factor only mistypes.
        is_guess, times = method not in Method.of_factors or bool(held.factors), held.failures.in_total
        if times >= _WARN_FROM and is_guess and not is_known:
            work.tell(user_key, Notice(MailKind.WRONG_CODES, {"times": times, **seen_from(origin)}))

    def _invalid(self, verifier: Verifier, user_key: str, code: str, shape: CodeShape) -> CodeInvalid:
        """What was wrong with a code, as far as its owner can do something about it."""
        if shape is not CodeShape.OK:
            return CodeInvalid(verifier.about.wrong)
        with self._store.database.read() as tx:
            why = verifier.explain(tx, user_key, code, now=self._clock())
        return CodeInvalid(why.sentence or verifier.about.wrong, hint=why.hint)


def _refused(why: Throttled) -> Refusal:
    return Refusal(THROTTLED, STOPPED if why.retry_at is None else WAITS)


def _waiting(seconds: int) -> str:
    return f"Too many incorrect codes. Try again in {seconds // 60}:{seconds % 60:02}."


def seen_from(origin: Origin) -> dict[str, str | None]:
    """From where something was done, for a mail that asks whether it was the owner."""
    return {"address": origin.address, "user_agent": origin.user_agent}
