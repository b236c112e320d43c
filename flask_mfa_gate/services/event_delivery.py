"""Events on their way to other servers: how it stands with each, a test, another try, and the end of trying."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..domain.people.person import NOWHERE, Origin
from ..domain.people.roles import Actor, Right, refusal
from ..domain.records.destination import Destination
from ..domain.records.event_name import EventName
from ..errors import NotAllowed, NotFound
from ..events.sender import EventSender
from ..sentences import Sentence
from ..store.records.outgoing_events import Backlog, OutgoingEvent, OutgoingState
from .actions.subjects import REFUSALS
from .unit_of_work import TransactionRunner, UnitOfWork

GIVE_UP = timedelta(days=7)
# A run of cron has other work, and the next one comes soon.
RUN = timedelta(seconds=60)
MOST_FAILED = 100
NOBODY = ""
Backlogs = Mapping[tuple[str, OutgoingState], Backlog]


@dataclass(frozen=True, slots=True)
class DestinationState:
    """How it stands with one destination.

    :param destination: None for one that is no longer set up, and of which events still wait.
    :param waiting_since: since when the oldest waits.
    """

    name: str
    destination: Destination | None
    waiting: int
    waiting_since: datetime | None
    given_up: int
    last_sent_at: datetime | None


class EventDelivery:
    """What an operator does about events that are sent elsewhere."""

    def __init__(self, worker: TransactionRunner, sender: EventSender) -> None:
        self._store, self._worker, self._sender, self._clock = worker.store, worker, sender, worker.clock

    def run(self) -> tuple[int, int]:
        """Give up what is too old, and send what is due; counts of sent and failed."""
        now = self._clock()
        with self._store.database.read() as tx:
            is_late = self._store.outgoing_events.has_waited(tx, since=now - GIVE_UP)
        if is_late:
            self._worker.run(_give_up)
        return self._sender.send_due(limit=RUN)

    def states(self) -> Sequence[DestinationState]:
        """How it stands with each destination, those that are no longer set up last."""
        with self._store.database.read() as tx:
            found = self._store.outgoing_events.backlogs(tx)
            set_up = {one.name: one for one in self._sender.destinations}
            sent = {name: self._store.outgoing_events.last_sent_at(tx, name) for name in set_up}
        gone = sorted({name for name, _ in found} - set_up.keys())
        return [_state(name, set_up.get(name), found, sent.get(name)) for name in (*set_up, *gone)]

    def failed(self) -> Sequence[OutgoingEvent]:
        """The latest events that did not arrive at a try."""
        with self._store.database.read() as tx:
            return self._store.outgoing_events.failed(tx, limit=MOST_FAILED)

    def test(self, name: str, *, actor: Actor, origin: Origin = NOWHERE) -> None:
        """Put a test event on its way, by the same road as every other.

        :raises NotAllowed: for anybody but an admin.
        :raises NotFound: for an unknown destination.
        """
        self._require_admin(actor)
        _require_among(name, {one.name for one in self._sender.destinations})
        self._record(EventName.TEST_EVENT_SENT, name, actor, origin)

    def send_now(self, name: str, *, limit: timedelta) -> tuple[int, int]:
        """Send what is due for one destination; counts of sent and failed. Never inside of a request."""
        return self._sender.send_to(name, limit=limit)

    def retry(self, name: str, *, actor: Actor, origin: Origin = NOWHERE) -> int:
        """Have events tried again at once that failed or were given up; how many.

        :raises NotAllowed: for anybody but an admin.
        :raises NotFound: for a destination that is not set up and of which nothing waits.
        """
        self._require_admin(actor)
        _require_among(name, {one.name for one in self.states()})

        def act(work: UnitOfWork) -> int:
            count = self._store.outgoing_events.retry(work.tx, name, now=work.clock())
            if count:
                work.record(
                    EventName.EVENTS_RETRIED, subject=NOBODY, actor=actor.name, origin=origin,
                    destination=name, count=count,
                )  # fmt: skip
            return count

        return self._worker.run(act)

    def _record(self, event: EventName, name: str, actor: Actor, origin: Origin) -> None:
        self._worker.run(
            lambda work: work.record(event, subject=NOBODY, actor=actor.name, origin=origin, destination=name)
        )

    def _require_admin(self, actor: Actor) -> None:
        if (why := refusal(actor, Right.RULE, subject=NOBODY, role=None)) is not None:
            raise NotAllowed(why, REFUSALS[why])


def _require_among(name: str, known: Collection[str]) -> None:
    if name not in known:
        raise NotFound(Sentence("There is no event destination %(name)r.", name=name))


def _give_up(work: UnitOfWork) -> None:
    """What could not be sent for so long, with a record that says how much; the events themselves stay for a month."""
    now = work.clock()
    for name, count in work.store.outgoing_events.give_up(work.tx, before=now - GIVE_UP, now=now).items():
        work.record(EventName.EVENTS_GIVEN_UP, subject=NOBODY, actor=Actor.SYSTEM.name, destination=name, count=count)


def _state(
    name: str, destination: Destination | None, found: Backlogs, last_sent_at: datetime | None
) -> DestinationState:
    waiting, given_up = found.get((name, OutgoingState.WAITING)), found.get((name, OutgoingState.GIVEN_UP))
    return DestinationState(
        name, destination, waiting.count if waiting else 0, waiting.oldest if waiting else None,
        given_up.count if given_up else 0, last_sent_at,
    )  # fmt: skip
