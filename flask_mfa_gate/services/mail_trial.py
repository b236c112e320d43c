"""A test mail to the admin who asks for it: over the same way as every other, and told at once how it went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ..domain.people.person import Origin, Person
from ..domain.people.roles import Actor, Right, refusal
from ..domain.records.event_name import EventName
from ..domain.records.mail_kind import MailKind
from ..errors import Conflict, NotAllowed, Throttled
from ..mail.delivery import Delivery
from ..mail.notices import notice
from ..store.sign_in.noted import WITHIN, NoteKey
from .actions.subjects import REFUSALS
from .unit_of_work import TransactionRunner, UnitOfWork

MOST_IN_AN_HOUR = 5
PATIENCE = timedelta(seconds=10)
_KIND, _ANYWHERE = "test-mail", ""
_NO_ADDRESS = "Your account has no email address, so there is nowhere to send a test email."
_TOO_MANY = "You sent five test emails within an hour. Try again later."


@dataclass(frozen=True, slots=True)
class MailTrialResult:
    """How it went.

    :param problem: why the mail server did not take it; None where it did.
    """

    address: str
    problem: str | None


class MailTrial:
    """Sends test mails, a few an hour to one admin, and nowhere else."""

    def __init__(self, worker: TransactionRunner, delivery: Delivery) -> None:
        self._worker, self._delivery = worker, delivery

    def send(self, person: Person, *, actor: Actor, origin: Origin) -> MailTrialResult:
        """Try one, now.

        :param person: the actor, as the directory shows them.
        :raises NotAllowed: for anybody but an admin.
        :raises Conflict: ``no-address``.
        :raises Throttled: after a few within the hour.
        """
        # SECURITY: only to the address of the admin who asks: it must not become a way to mail others.
        if (why := refusal(actor, Right.RULE, subject="", role=None)) is not None or actor.user_key != person.key:
            raise NotAllowed(why or "not-allowed", REFUSALS[why or "not-allowed"])
        if not person.email:
            raise Conflict("no-address", _NO_ADDRESS)
        self._worker.run(lambda work: _take_one(work, person.key))
        message = notice(MailKind.TEST, person, now=self._worker.clock())
        problem = self._delivery.try_now(message, limit=PATIENCE)
        self._worker.run(
            lambda work: work.record(
                EventName.TEST_MAIL_SENT,
                subject=person.key,
                actor=actor.name,
                origin=origin,
                sent=problem is None,
                problem=problem,
            )
        )
        return MailTrialResult(person.email, problem)


def _take_one(work: UnitOfWork, key: str) -> None:
    """Use up one of the few; of several tries at once each takes another one."""
    now, noted = work.clock(), work.store.noted
    kinds = (f"{_KIND} {number}" for number in range(MOST_IN_AN_HOUR))
    # SECURITY: an open console must not flood a mailbox, nor use up what the mail server takes in an hour.
    if not any(noted.try_note(work.tx, NoteKey(key, kind, _ANYWHERE), now=now) for kind in kinds):
        raise Throttled(_TOO_MANY, retry_at=now + WITHIN, retry_after=int(WITHIN.total_seconds()))
