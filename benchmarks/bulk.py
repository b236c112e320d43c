"""Require MFA of everybody, with audit and outbox rows, beside a loop over ORM objects that does the same.

Goals (P11): a quarter of the time of the loop that commits every 1,000 people, a fortieth of the one that commits each,
and no write lock held for longer than half a second.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.orm import Session, registry

from benchmarks import kit
from flask_mfa_gate.crypto import new_id
from flask_mfa_gate.domain.people.user_filter import EVERYBODY
from flask_mfa_gate.store.tables.tables import Tables
from flask_mfa_gate.web.state import GateState

DAYS, CHUNK, SAMPLE = 7, 1000, 1000
REMINDER = timedelta(days=3)


@dataclass
class Longest:
    """The longest time that one transaction of the gate took, from its begin to the end of its commit."""

    seconds: float = 0.0


def watch(state: GateState) -> Longest:
    longest, write = Longest(), state.store.database.write

    @contextmanager
    def timed() -> Iterator[Connection]:
        with write() as tx:
            began = time.perf_counter()
            yield tx
        longest.seconds = max(longest.seconds, time.perf_counter() - began)

    state.store.database.write = timed  # type: ignore[method-assign]
    return longest


def models(tables: Tables) -> Any:
    """The same tables as ORM classes."""
    mapped: dict[str, type] = {}
    for name in ("person", "enrollment", "factor", "audit", "outbox"):
        mapped[name] = type(name.title(), (), {})
        registry().map_imperatively(mapped[name], getattr(tables, name))
    return SimpleNamespace(**mapped)


class OrmLoop:
    """What a host would write by itself: objects, one unit of work for each chunk, and the same rows in the end."""

    def __init__(self, state: GateState) -> None:
        self._engine, self._models = state.store.database.engine, models(state.store.tables)

    def in_chunks(self) -> None:
        person, enrollment = self._models.person, self._models.enrollment
        both = select(person, enrollment).outerjoin(enrollment, enrollment.user_key == person.user_key)
        after = ""
        while True:
            with self._session() as session:
                chunk = both.where(person.user_key > after).order_by(person.user_key).limit(CHUNK)
                found = session.execute(chunk).all()
                if not found:
                    return
                after = found[-1][0].user_key
                enrolled = self._enrolled(session, [one.user_key for one, _ in found])
                for one, row in found:
                    self._require(session, one, row, is_enrolled=one.user_key in enrolled)
                session.commit()

    def one_by_one(self, keys: list[str]) -> None:
        for key in keys:
            with self._session() as session:
                one = session.get_one(self._models.person, key)
                row = session.get(self._models.enrollment, key)
                self._require(session, one, row, is_enrolled=bool(self._enrolled(session, [key])))
                session.commit()

    def _session(self) -> Session:
        level = "SERIALIZABLE" if self._engine.dialect.name == "sqlite" else "READ COMMITTED"
        return Session(self._engine.execution_options(isolation_level=level))

    def _enrolled(self, session: Session, keys: list[str]) -> set[str]:
        factor = self._models.factor
        live = (factor.confirmed_at.is_not(None), factor.voided_at.is_(None))
        return set(session.scalars(select(factor.user_key).where(factor.user_key.in_(keys), *live)))

    def _require(self, session: Session, one: Any, row: Any, *, is_enrolled: bool) -> None:
        if is_enrolled or (row is not None and row.required):
            return
        if row is None:
            row = self._models.enrollment()
            row.user_key = one.user_key
            session.add(row)
        ends_at = kit.NOW + timedelta(days=DAYS)
        row.required, row.required_by, row.days = True, "cli", DAYS
        row.started_at, row.ends_at, row.due_at = kit.NOW, ends_at, ends_at - REMINDER
        session.add(self._audit(one))
        session.add(self._mail(one, ends_at))

    def _audit(self, one: Any) -> Any:
        record = self._models.audit()
        record.at, record.event, record.actor, record.subject = kit.NOW, "enrollment_started", "cli", one.user_key
        record.details = {"days": DAYS, "waiting": False}
        return record

    def _mail(self, one: Any, ends_at: Any) -> Any:
        mail = self._models.outbox()
        mail.id, mail.kind, mail.user_key, mail.recipient = new_id(), "start", one.user_key, one.email
        mail.created_at = mail.due_at = kit.NOW
        mail.attempts = 0
        mail.facts = {
            "days": DAYS, "ends_at": ends_at.isoformat(), "name": one.name, "locale": one.locale,
            "timezone": one.timezone, "at": kit.NOW.isoformat(),
        }  # fmt: skip
        return mail


def empty(state: GateState, expected: int) -> None:
    """Back to the start, after a look at whether everybody got his rows."""
    tables = state.store.tables
    with state.store.database.write() as tx:
        for table in (tables.enrollment, tables.audit, tables.outbox):
            gone = tx.execute(delete(table)).rowcount
            assert gone == expected, (table.name, gone, expected)
    if state.store.database.engine.dialect.name == "postgresql":
        with state.store.database.read() as tx:
            for table in (tables.enrollment, tables.audit, tables.outbox):
                tx.exec_driver_sql(f"VACUUM ANALYZE {table.name}")


def measure(state: GateState, people: int, rounds: int) -> None:
    loop = OrmLoop(state)
    ours, chunks, each, locks = [], [], [], []
    for _ in range(rounds):
        held = watch_once(state, ours, people, locks)
        chunks.append(kit.seconds(loop.in_chunks))
        empty(state, people)
        sample = [kit.key_of(number) for number in range(0, people, max(1, people // SAMPLE))]
        each.append(kit.seconds(lambda sample=sample: loop.one_by_one(sample)) * people / len(sample))  # type: ignore[misc]
        empty(state, len(sample))
        print(f"  gate {ours[-1]:.1f} s (lock {held:.2f} s), chunks {chunks[-1]:.1f} s, each {each[-1]:.0f} s")
    print(f"  of the chunks: {kit.middle(a / b for a, b in zip(ours, chunks, strict=True)):.3f}  (goal 0.25)")
    print(f"  of commit-each: {kit.middle(a / b for a, b in zip(ours, each, strict=True)):.4f}  (goal 0.025)")
    print(f"  longest transaction: {max(locks):.2f} s  (goal 0.5)")


def watch_once(state: GateState, ours: list[float], people: int, locks: list[float]) -> float:
    database = state.store.database
    held = watch(state)
    ours.append(kit.seconds(lambda: state.people.enrollments.require(EVERYBODY, days=DAYS, actor="cli")))
    del database.write  # type: ignore[method-assign]
    locks.append(held.seconds)
    empty(state, people)
    return held.seconds


def main() -> None:
    options = kit.arguments("Bulk require beside an ORM loop.", people=100_000)
    for kind in kit.chosen(options.on):
        print(f"{kind}, {options.people:,} people; {kit.machine()}")
        with kit.database(kind) as uri, kit.gate_on(uri) as state:
            kit.fill(state, state.store.tables.person, (kit.person_row(number) for number in range(options.people)))
            measure(state, options.people, options.rounds)


if __name__ == "__main__":
    main()
