"""Two admins act on one user at the same moment: it ends as if one had come after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from tests.conftest import IS_SOAK, StillClock, state_of
from tests.race.processes import Job

pytestmark = [pytest.mark.soak] if IS_SOAK else []
ROUNDS = 200 if IS_SOAK else 2
ADMINS = ("user:1", "cli")
Act = tuple[str, dict[str, Any]]
PAIRS: Sequence[tuple[Act, Act]] = (
    (("require", {"days": 3}), ("remove", {})),
    (("extend", {"days": 5}), ("reset", {})),
    (("require", {"days": 0}), ("reset", {"days": 9})),
    (("remove", {}), ("extend", {"days": 2})),
)


def act(app: Flask, key: str, what: Act, actor: str) -> str:
    name, arguments = what
    result = getattr(state_of(app).people.enrollments, name)(key, actor=actor, **arguments)
    return f"{len(result.done)} {len(result.skipped)} {len(result.failed)}"


def begin(app: Flask, key: str) -> None:
    """In a period of seven days, with nothing on record."""
    state_of(app).people.enrollments.remove(key, actor="cli", notify=False)
    state_of(app).people.enrollments.require(key, days=7, actor="cli", notify=False)
    tables = state_of(app).store.tables
    with state_of(app).store.database.write() as tx:
        tx.execute(delete(tables.audit).where(tables.audit.c.subject == key))
        tx.execute(delete(tables.outbox).where(tables.outbox.c.user_key == key))


def seen(app: Flask, key: str) -> tuple[Any, ...]:
    """The user's status, what is on record in its order, and the mails."""
    tables = state_of(app).store.tables
    status = state_of(app).people.enrollments.status(key)
    records = select(tables.audit.c.event, tables.audit.c.actor, tables.audit.c.details)
    with state_of(app).store.database.read() as tx:
        told = tx.execute(records.where(tables.audit.c.subject == key).order_by(tables.audit.c.id)).all()
        kinds = tx.execute(select(tables.outbox.c.kind).where(tables.outbox.c.user_key == key)).scalars()
        mails = sorted(kinds)
    state = (status.status, status.required, status.required_by, status.ends_at)
    return state, [(event, actor, dict(details)) for event, actor, details in told], mails


def one_after_the_other(app: Flask, key: str, acts: Sequence[tuple[Act, str]]) -> tuple[Any, ...]:
    begin(app, key)
    for what, actor in acts:
        act(app, key, what, actor)
    return seen(app, key)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-".join(name for name, _ in pair))
def test_one_comes_after_the_other(
    app: Flask, clock: StillClock, portal_uri: str, in_processes: Any, pair: tuple[Act, Act]
) -> None:
    acts = list(zip(pair, ADMINS, strict=True))
    keys = ("6", "5")
    for _ in range(ROUNDS):
        clock.forward(hours=1)
        with app.app_context():
            orders = {
                key: (one_after_the_other(app, key, acts), one_after_the_other(app, key, acts[::-1])) for key in keys
            }
            for key in keys:
                begin(app, key)
        in_processes([Job(portal_uri, clock(), act, (key, what, actor)) for key in keys for what, actor in acts])
        with app.app_context():
            for key in keys:
                assert seen(app, key) in orders[key]


def test_two_run_over_the_same_people(app: Flask, clock: StillClock, portal_uri: str, in_processes: Any) -> None:
    """Sets that overlap, given in opposite orders."""
    keys = ["5", "6", "7", "8"]
    for _ in range(ROUNDS):
        clock.forward(hours=1)
        with app.app_context():
            for key in keys:
                begin(app, key)
        jobs = [
            Job(portal_uri, clock(), act, (part, ("extend", {"days": 1}), "cli"))
            for part in (keys, keys[::-1], keys[1:], keys[2::-1])
        ]
        in_processes(jobs)
        with app.app_context():
            records = {key: [event for event, _, _ in seen(app, key)[1]] for key in keys}
        times = {"5": 3, "6": 4, "7": 4, "8": 3}
        assert records == {key: ["enrollment_extended"] * times[key] for key in keys}
