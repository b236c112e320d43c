"""Records are written, sealed and removed by several processes at once: the chain stays whole."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.conftest import IS_SOAK, StillClock, state_of
from tests.race.processes import PROCESSES, Job
from tests.services.kit import rows

pytestmark = [pytest.mark.soak] if IS_SOAK else []
ROUNDS = 50 if IS_SOAK else 2
OLD, TURNS = 20, 6


def write_and_seal(app: Flask) -> int:
    for _ in range(TURNS):
        state_of(app).people.enrollments.unlock("2", actor="cli")
        state_of(app).operations.audit.seal()
    return 0


def remove_old(app: Flask) -> int:
    return sum(state_of(app).operations.upkeep.sweeper._retention.run() for _ in range(TURNS))


def test_the_chain_stays_whole(app: Flask, clock: StillClock, portal_uri: str, in_processes: Any) -> None:
    state, removed = state_of(app), 0
    with app.app_context():
        for _ in range(ROUNDS):
            state.people.enrollments.unlock([*"23456"] * (OLD // 5), actor="cli")
            for _ in range(OLD):
                state.people.enrollments.unlock("3", actor="cli")
            state.operations.audit.seal()
            old = state.operations.audit.head()
            clock.forward(days=401)
            jobs = [Job(portal_uri, clock(), one) for one in (write_and_seal, remove_old)] * (PROCESSES // 2)
            removed += sum(in_processes(jobs))
            assert removed == old.number, "each old record once, and no other"
            state.operations.audit.seal()
            found = state.operations.audit.verify(str(state.operations.audit.head()))
            numbers = sorted(row.number for row in rows(state.store, "audit"))
            assert numbers == list(range(old.number + 1, state.operations.audit.head().number + 1))
            assert (found.broken_at, found.unsealed, found.verified) == (None, 0, len(numbers))
            assert len(numbers) == TURNS * PROCESSES // 2
            assert found.anchor.last == old
            assert state.operations.audit.has_its_end()
