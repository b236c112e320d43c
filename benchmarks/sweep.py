"""Reminders among a million enrollment rows of which a few are due, beside a scan that looks at each.

Goals (P12): twenty times faster than the scan, and the cost follows the rows that are due.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update

from benchmarks import kit
from flask_mfa_gate.domain.enrollment.enrollment import next_due, start_period
from flask_mfa_gate.web.state import GateState

EVERY = 625
LENGTH = 7
REMINDERS = (timedelta(days=3), timedelta(days=1))


def enrollment_row(number: int) -> dict[str, Any]:
    """One in 625 has a reminder due; of the others half are in a period, half are not."""
    row = {"user_key": kit.key_of(number), "required": True, "required_by": "cli", "days": None, "started_at": None,
           "ends_at": None, "due_at": None}  # fmt: skip
    if number % EVERY and number % 2:
        return row
    age = timedelta(days=5) if not number % EVERY else timedelta(days=number % 2)
    period = start_period(kit.NOW - age, days=LENGTH)
    due_at = period.ends_at - REMINDERS[0] if not number % EVERY else next_due(period, REMINDERS, after=kit.NOW)
    return row | {"days": LENGTH, "started_at": period.started_at, "ends_at": period.ends_at, "due_at": due_at}


class Scan:
    """What a job without the due mark does: read every row, compute what is due, and hand the due ones on."""

    def __init__(self, state: GateState) -> None:
        self._state, self._table = state, state.store.tables.enrollment

    def due(self) -> list[str]:
        row = self._table.c
        found = []
        with self._state.store.database.write() as tx:
            rows = tx.execution_options(yield_per=5000).execute(
                select(row.user_key, row.started_at, row.ends_at).where(row.ends_at.is_not(None))
            )
            for key, started_at, ends_at in rows:
                passed = [ends_at - offset for offset in REMINDERS if ends_at - offset > started_at] + [ends_at]
                if any(kit.NOW - timedelta(days=2) < moment <= kit.NOW for moment in passed):
                    found.append(key)
        return found


class Sweep:
    """The gate's own, with and without the work that each due row brings: a record and a mail."""

    def __init__(self, state: GateState) -> None:
        self._state = state

    def due(self) -> list[str]:
        found: list[str] = []
        store = self._state.store
        with store.database.write() as tx:
            found.extend(store.enrollments.take_due(tx, now=kit.NOW, limit=1_000_000))
        return found

    def whole(self) -> int:
        return self._state.operations.upkeep._look_at_periods()[0]


def again(state: GateState, keys: list[str]) -> None:
    """Put the due marks back, and take records and mail away."""
    tables = state.store.tables
    row = tables.enrollment.c
    with state.store.database.write() as tx:
        tx.execute(delete(tables.audit))
        tx.execute(delete(tables.outbox))
        for start in range(0, len(keys), 500):
            mine = row.user_key.in_(keys[start : start + 500])
            tx.execute(update(tables.enrollment).where(mine).values(due_at=kit.NOW - timedelta(days=1)))


def measure(state: GateState, rounds: int) -> None:
    scan, sweep = Scan(state), Sweep(state)
    finding, whole, costs = [], [], []
    for _ in range(rounds):
        keys = sweep.due()
        scanned, found = kit.seconds(scan.due), kit.seconds(sweep.due)
        swept = kit.seconds(lambda: sweep.whole())
        again(state, keys[: len(keys) // 4])
        quarter = kit.seconds(lambda: sweep.whole())
        again(state, keys)
        finding.append(scanned / found)
        whole.append(scanned / swept)
        costs.append(swept / quarter)
        print(
            f"  {len(keys):,} due: scan {scanned:.2f} s, find {found * 1000:.1f} ms,"
            f" with records and mail {swept * 1000:.0f} ms, a quarter of them {quarter * 1000:.0f} ms"
        )
    print(f"  finding is {kit.middle(finding):.0f} times faster than the scan  (goal 20)")
    print(f"  the whole sweep, records and mail included, {kit.middle(whole):.1f} times faster than the scan alone")
    print(f"  four times as many due rows cost {kit.middle(costs):.1f} times as much  (4 or less: it follows them)")


def main() -> None:
    options = kit.arguments("Reminders among many, beside a scan.", people=1_000_000)
    for kind in kit.chosen(options.on):
        print(f"{kind}, {options.people:,} people; {kit.machine()}")
        with kit.database(kind) as uri, kit.gate_on(uri) as state:
            numbers = range(options.people)
            kit.fill(state, state.store.tables.person, _due_people(options.people))
            kit.fill(state, state.store.tables.enrollment, (enrollment_row(number) for number in numbers))
            measure(state, options.rounds)


def _due_people(count: int) -> Iterator[dict[str, Any]]:
    """Nobody else's row of the person table is looked at."""
    return (kit.person_row(number) for number in range(0, count, EVERY))


if __name__ == "__main__":
    main()
