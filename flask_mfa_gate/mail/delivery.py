"""Mail on its way out of the outbox, through the host's Flask-Mail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from typing import Protocol

from ..clock import Clock
from ..store import Store
from ..store.outbox import Message

CLAIM = timedelta(minutes=10)
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=6)
SLICE = 100
log = logging.getLogger("flask_mfa_gate")


class Sender(Protocol):
    """Hands one message to a mail server, or raises."""

    def __call__(self, message: Message) -> None:
        """Return when the server took it."""


class Delivery:
    """Sends what waits. A message is claimed first; a sender killed between claim and send leaves it to the next."""

    def __init__(self, store: Store, send: Sender, *, clock: Clock) -> None:
        self._store, self._send, self._clock = store, send, clock

    def send_due(self) -> tuple[int, int]:
        """Try everything that is due once; counts of sent and failed."""
        return self._send_until_empty(lambda _: True)

    def send_only(self, message_ids: Collection[str]) -> tuple[int, int]:
        """Try these messages once."""
        return self._send_until_empty(lambda message: message.id in message_ids)

    def _send_until_empty(self, is_wanted: Callable[[Message], bool]) -> tuple[int, int]:
        sent = failed = 0
        for message in self._claimed(is_wanted):
            if self._try_send(message):
                sent += 1
            else:
                failed += 1
        return sent, failed

    def _claimed(self, is_wanted: Callable[[Message], bool]) -> Iterable[Message]:
        while True:
            with self._store.database.read() as tx:
                due = self._store.outbox.due(tx, now=self._clock(), limit=SLICE)
            mine = [message for message in due if is_wanted(message) and self._claim(message)]
            yield from mine
            if not mine:
                return

    def _claim(self, message: Message) -> bool:
        now = self._clock()
        return self._store.database.transact(
            lambda tx: self._store.outbox.try_claim(tx, message.id, now=now, until=now + CLAIM)
        )

    def _try_send(self, message: Message) -> bool:
        try:
            self._send(message)
        except Exception as error:  # noqa: BLE001 - a mail server may fail in any way; none of them may cost a mail
            self._postpone(message, error)
            return False
        self._store.database.transact(lambda tx: self._store.outbox.note_sent(tx, message.id, now=self._clock()))
        return True

    def _postpone(self, message: Message, error: Exception) -> None:
        log.warning("mail %s of kind %s not sent: %s", message.id, message.kind, type(error).__name__)
        pause = min(FIRST_RETRY * 2 ** min(message.attempts, 12), LONGEST_RETRY)
        due_at = self._clock() + pause
        self._store.database.transact(
            lambda tx: self._store.outbox.note_failed(tx, message, problem=type(error).__name__, due_at=due_at)
        )
