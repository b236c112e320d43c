"""Mail on its way out of the outbox, through the host's Flask-Mail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum, auto
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from typing import Protocol

from sqlalchemy import Connection

from ..clock import Clock
from ..domain.records.mail_kind import MailKind
from ..errors import MFAGateError
from ..store import Store
from ..store.records.outbox import Message

CLAIM = timedelta(minutes=10)
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=6)
GIVE_UP = timedelta(days=7)
SLICE = 100
PATIENCE = timedelta(seconds=30)
# Where a mail tells the end of the period that it is about.
_ENDS: Mapping[str, str] = {MailKind.REMINDER: "ends_at", MailKind.LAPSED: "ended_at"}
log = logging.getLogger("flask_mfa_gate")


class ServerUnavailable(MFAGateError):
    """No mail server to talk to: it can't be reached, lets the app not in, or does not answer in time."""


class Sender(Protocol):
    """Hands one message to a mail server, or raises."""

    def __call__(self, message: Message, *, limit: timedelta) -> None:
        """Return when the server took it.

        :raises ServerUnavailable: when the next message would fare no better.
        """


class Outcome(Enum):
    """How one try ended."""

    SENT = auto()
    REFUSED = auto()
    UNAVAILABLE = auto()


class Delivery:
    """Sends what waits. A message is claimed first; a sender killed between claim and send leaves it to the next."""

    def __init__(self, store: Store, send: Sender, *, clock: Clock) -> None:
        self._store, self._send, self._clock = store, send, clock

    def send_due(self, *, limit: timedelta = PATIENCE) -> tuple[int, int]:
        """Try everything that is due once; counts of sent and failed.

        :param limit: how long to wait for the mail server, for each message. A server that is down ends the run.
        """
        return self._send_until_empty(lambda _: True, limit)

    def send_only(self, message_ids: Collection[str], *, limit: timedelta = PATIENCE) -> tuple[int, int]:
        """Try these messages once."""
        return self._send_until_empty(lambda message: message.id in message_ids, limit)

    def try_now(self, message: Message, *, limit: timedelta) -> str | None:
        """Try a message that never waited; why the mail server did not take it, or None where it did."""
        try:
            self._send(message, limit=limit)
        except Exception as error:  # noqa: BLE001 - a mail server may fail in any way
            return _problem(error)
        return None

    def _send_until_empty(self, is_wanted: Callable[[Message], bool], limit: timedelta) -> tuple[int, int]:
        sent = failed = 0
        for message in self._claimed(is_wanted):
            outcome = self._try_send(message, limit)
            if outcome is Outcome.SENT:
                sent += 1
            else:
                failed += 1
            if outcome is Outcome.UNAVAILABLE:
                break
        return sent, failed

    def _claimed(self, is_wanted: Callable[[Message], bool]) -> Iterable[Message]:
        """Each is claimed when its turn comes: the claim must outlast its own send only, and a run may stop early."""
        claimed_any = True
        while claimed_any:
            claimed_any = False
            with self._store.database.read() as tx:
                due = self._store.outbox.due(tx, now=self._clock(), limit=SLICE)
            for message in filter(is_wanted, due):
                if self._give_up_if_old(message) or self._drop_if_overtaken(message):
                    claimed_any = True
                elif self._claim(message):
                    claimed_any = True
                    yield message

    def _give_up_if_old(self, message: Message) -> bool:
        """What could not be delivered for so long would surprise more than it tells."""
        now = self._clock()
        if now - message.created_at < GIVE_UP:
            return False
        self._store.database.transact(lambda tx: self._store.outbox.give_up(tx, message.id, now=now))
        log.warning("mail %s of kind %s is given up: %s", message.id, message.kind, "not delivered for a week")
        return True

    def _drop_if_overtaken(self, message: Message) -> bool:
        """A mail about the end of a period that is over or has another end by now would only mislead."""
        told = message.facts.get(_ENDS.get(message.kind, ""))
        if told is None:
            return False

        def act(tx: Connection) -> bool:
            period = self._store.enrollments.state(tx, message.user_key, now=self._clock()).period
            if period is not None and period.ends_at == datetime.fromisoformat(str(told)):
                return False
            self._store.outbox.drop(tx, message.id)
            return True

        return self._store.database.transact(act)

    def _claim(self, message: Message) -> bool:
        now = self._clock()
        return self._store.database.transact(
            lambda tx: self._store.outbox.try_claim(tx, message.id, now=now, until=now + CLAIM)
        )

    def _try_send(self, message: Message, limit: timedelta) -> Outcome:
        try:
            self._send(message, limit=limit)
        except Exception as error:  # noqa: BLE001 - a mail server may fail in any way; none of them may cost a mail
            self._postpone(message, _problem(error))
            return Outcome.UNAVAILABLE if isinstance(error, ServerUnavailable) else Outcome.REFUSED
        self._store.database.transact(lambda tx: self._store.outbox.note_sent(tx, message.id, now=self._clock()))
        return Outcome.SENT

    def _postpone(self, message: Message, problem: str) -> None:
        log.warning("mail %s of kind %s not sent: %s", message.id, message.kind, problem)
        pause = min(FIRST_RETRY * 2 ** min(message.attempts, 12), LONGEST_RETRY)
        due_at = self._clock() + pause
        self._store.database.transact(
            lambda tx: self._store.outbox.note_failed(tx, message, problem=problem, due_at=due_at)
        )


def _problem(error: Exception) -> str:
    """What went wrong, without the server's own words: they may repeat the address."""
    name = type(error).__name__
    if isinstance(error, ServerUnavailable):
        return f"{name}: {error}"
    if isinstance(error, SMTPRecipientsRefused):
        return " ".join([name, *(str(code) for code, _ in error.recipients.values())])
    return f"{name} {error.smtp_code}" if isinstance(error, SMTPResponseException) else name
