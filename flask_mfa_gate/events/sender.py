"""Sends events that wait, each destination in turn."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto

from sqlalchemy import Connection

from ..clock import Clock
from ..domain.records.destination import Destination, SyslogServer, Webhook
from ..outbound import Outbound
from ..store import Store
from ..store.records.outgoing_events import OutgoingEvent
from . import syslog, webhooks
from .payload import body_of
from .trouble import Refused, problem_of

CLAIM = timedelta(minutes=2)
FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=1), timedelta(hours=6)
# How long one destination has the floor while others wait.
SLICE, TURN_SECONDS = 50, 10
log = logging.getLogger("flask_mfa_gate")


class Outcome(Enum):
    """How one try ended."""

    SENT = auto()
    REFUSED = auto()
    TROUBLE = auto()


class EventSender:
    """Each event is claimed first, so that two processes never send the same. A sender that is killed between claim
    and note leaves the event to the next, who sends it under the same id.

    :param app: the name of the app, as users know it.
    """

    def __init__(
        self, store: Store, destinations: Sequence[Destination], *, clock: Clock, app: str, outbound: Outbound
    ) -> None:
        self.destinations = tuple(destinations)
        self._store, self._clock, self._app, self._outbound = store, clock, app, outbound
        self._rests: dict[str, datetime] = {}

    def send_due(self, *, limit: timedelta) -> tuple[int, int]:
        """Try what is due; counts of sent and failed. What is left when the time is over stays due."""
        return self._send(self.destinations, limit)

    def send_soon(self, *, limit: timedelta) -> tuple[int, int]:
        """The same, without destinations that had trouble a moment ago: they are left to ``run-due``."""
        return self._send([one for one in self.destinations if not self._is_resting(one.name)], limit)

    def send_to(self, name: str, *, limit: timedelta) -> tuple[int, int]:
        """The same for one destination."""
        return self._send([one for one in self.destinations if one.name == name], limit)

    def _is_resting(self, name: str) -> bool:
        """Also by a clock that was set back, which must not make a rest longer."""
        now = self._clock()
        return now < self._rests.get(name, now) <= now + FIRST_RETRY

    def _send(self, destinations: Iterable[Destination], limit: timedelta) -> tuple[int, int]:
        ends, done = time.monotonic() + limit.total_seconds(), Counter[Outcome]()
        left = list(destinations)
        while left and time.monotonic() < ends:
            left = [one for one in left if self._has_more(one, done)]
        return done[Outcome.SENT], done[Outcome.REFUSED] + done[Outcome.TROUBLE]

    def _has_more(self, to: Destination, done: Counter[Outcome]) -> bool:
        """Give a destination its turn; whether it wants another one."""
        ends = time.monotonic() + TURN_SECONDS
        with self._store.database.read() as tx:
            due = self._store.outgoing_events.due(tx, to.name, now=self._clock(), limit=SLICE)
        for one in due:
            until = self._claim(one)
            if until is None:
                continue
            outcome = self._try_send(to, one, until)
            done[outcome] += 1
            if outcome is Outcome.TROUBLE:
                return False
            if time.monotonic() >= ends:
                break
        return bool(due)

    def _claim(self, one: OutgoingEvent) -> datetime | None:
        """The end of the claim; None where another sender has it."""
        now = self._clock()
        until = now + CLAIM

        def act(tx: Connection) -> bool:
            return self._store.outgoing_events.try_claim(tx, one.id, now=now, until=until)

        return until if self._store.database.transact(act) else None

    def _try_send(self, to: Destination, one: OutgoingEvent, until: datetime) -> Outcome:
        outgoing, transact = self._store.outgoing_events, self._store.database.transact
        try:
            self._hand_over(to, one)
        except Exception as error:  # noqa: BLE001 - a server may fail in any way; none of them may cost an event
            problem, due_at = problem_of(error), self._clock() + _pause(one.attempts)
            log.warning("event %s (%s) did not reach %s: %s", one.id, one.event.name, to.name, problem)
            transact(lambda tx: outgoing.note_failed(tx, one, until=until, problem=problem, due_at=due_at))
            if isinstance(error, Refused):
                return Outcome.REFUSED
            self._rests[to.name] = self._clock() + FIRST_RETRY
            return Outcome.TROUBLE
        transact(lambda tx: outgoing.note_sent(tx, one.id, now=self._clock()))
        return Outcome.SENT

    def _hand_over(self, to: Destination, one: OutgoingEvent) -> None:
        body = body_of(one, to.format, app=self._app)
        if isinstance(to, Webhook):
            webhooks.post(to, one.id, body, now=self._clock(), outbound=self._outbound)
        elif isinstance(to, SyslogServer):
            syslog.send(to, one, body, app=self._app)


def _pause(attempts: int) -> timedelta:
    doubled: timedelta = FIRST_RETRY * 2 ** min(attempts, 12)
    return min(doubled, LONGEST_RETRY)
