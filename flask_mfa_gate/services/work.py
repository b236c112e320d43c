"""One transaction with its audit records, its mail and, after the commit, its signals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from ..clock import Clock
from ..domain.moves import Notice
from ..domain.person import NOWHERE, Origin, Person
from ..mail.notices import is_silenceable, is_told_twice, notice
from ..signals import Event
from ..store import Store
from ..store.outbox import Message
from ..store.people import KnownPerson

T = TypeVar("T")
log = logging.getLogger("flask_mfa_gate")


@dataclass(slots=True)
class Work:
    """What one transaction does. Made anew when the transaction is tried again."""

    store: Store
    tx: Connection
    clock: Clock
    events: list[Event] = field(default_factory=list)
    notices: list[tuple[str, Notice]] = field(default_factory=list)

    def record(
        self,
        name: str,
        *,
        subject: str,
        actor: str,
        origin: Origin = NOWHERE,
        reason: str | None = None,
        **details: object,
    ) -> None:
        """Put an event on record; its signal is sent after the commit."""
        event = Event(
            name=name, at=self.clock(), actor=actor, subject=subject, address=origin.address,
            user_agent=origin.user_agent, reason=reason, details=details,
        )  # fmt: skip
        self.events.append(event)

    def tell(self, user_key: str, what: Notice) -> None:
        """Put a mail to a user into the outbox."""
        self.notices.append((user_key, what))

    def finish(self, muted: Collection[str]) -> list[str]:
        """Write records and mail, all at once; the ids of the mails."""
        self.store.audit.write(self.tx, self.events)
        told = [(key, what) for key, what in self.notices if what.kind not in muted or not is_silenceable(what.kind)]
        people = self.store.people.known(self.tx, {key for key, _ in told}, now=self.clock()) if told else {}
        messages = [message for key, what in told if key in people for message in self._mails(people[key], what)]
        self.store.outbox.add(self.tx, messages)
        return [message.id for message in messages]

    def _mails(self, known: KnownPerson, what: Notice) -> list[Message]:
        """Without an address there is nobody to tell."""
        addresses = known.addresses if is_told_twice(what.kind) else known.addresses[:1] if known.person.email else []
        return [notice(what.kind, known.person, now=self.clock(), to=address, **what.facts) for address in addresses]


@dataclass(frozen=True, slots=True)
class Worker:
    """Runs work.

    :param publish: tells the host's receivers of an event.
    :param dispatch: told which mails were put into the outbox.
    :param muted: kinds of mail that the app does not send.
    """

    store: Store
    clock: Clock
    publish: Callable[[Event], None]
    dispatch: Callable[[Collection[str]], None]
    muted: frozenset[str] = frozenset()

    def run(self, act: Callable[[Work], T], *, is_bulk: bool = False) -> T:
        """Do ``act`` in one transaction; signals and mail follow its commit. An error undoes all of it.

        :param is_bulk: the mail waits for ``run-due``.
        """

        def attempt(tx: Connection) -> tuple[T, list[Event], list[str]]:
            work = Work(self.store, tx, self.clock)
            result = act(work)
            return result, work.events, work.finish(self.muted)

        result, events, message_ids = self.store.database.transact(attempt)
        for event in events:
            self._tell(event)
        if message_ids and not is_bulk:
            self.dispatch(message_ids)
        return result

    def _tell(self, event: Event) -> None:
        """A receiver that fails must not undo or hide what is already committed."""
        try:
            self.publish(event)
        except Exception:
            log.exception("a receiver of the signal %s failed", event.name)


def write_person(work: Work, person: Person) -> None:
    """Keep what the host says of somebody now, so that lists and mail know it too."""
    work.store.people.write(work.tx, [person], now=work.clock())
