"""One transaction with its audit records, its mail and, after the commit, its signals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from ..clock import Clock
from ..domain.person import NOWHERE, Origin
from ..signals import Event
from ..store import Store
from ..store.outbox import Message

T = TypeVar("T")
log = logging.getLogger("flask_mfa_gate")


@dataclass(slots=True)
class Work:
    """What one transaction does. Made anew when the transaction is tried again."""

    store: Store
    tx: Connection
    clock: Clock
    events: list[Event] = field(default_factory=list)
    message_ids: list[str] = field(default_factory=list)

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
        """Write an audit record; its signal is sent after the commit."""
        event = Event(
            name=name, at=self.clock(), actor=actor, subject=subject, address=origin.address,
            user_agent=origin.user_agent, reason=reason, details=details,
        )  # fmt: skip
        self.store.audit.write(self.tx, event)
        self.events.append(event)

    def post(self, message: Message) -> None:
        """Put a mail into the outbox; without an address there is nobody to tell."""
        if message.recipient:
            self.store.outbox.add(self.tx, message)
            self.message_ids.append(message.id)


@dataclass(frozen=True, slots=True)
class Worker:
    """Runs work.

    :param publish: tells the host's receivers of an event.
    :param dispatch: told which mails were put into the outbox.
    """

    store: Store
    clock: Clock
    publish: Callable[[Event], None]
    dispatch: Callable[[Collection[str]], None]

    def run(self, act: Callable[[Work], T]) -> T:
        """Do ``act`` in one transaction; signals and mail follow its commit. An error undoes all of it."""

        def attempt(tx: Connection) -> tuple[T, Work]:
            work = Work(self.store, tx, self.clock)
            return act(work), work

        result, work = self.store.database.transact(attempt)
        for event in work.events:
            self._tell(event)
        if work.message_ids:
            self.dispatch(work.message_ids)
        return result

    def _tell(self, event: Event) -> None:
        """A receiver that fails must not undo or hide what is already committed."""
        try:
            self.publish(event)
        except Exception:
            log.exception("a receiver of the signal %s failed", event.name)
