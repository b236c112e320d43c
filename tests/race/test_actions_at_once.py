"""Several processes continue one large action at once: each user is acted on once, whoever does it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.domain.people.roles import Actor, Role
from flask_mfa_gate.services.actions import action_requests
from flask_mfa_gate.services.actions.action_options import ActionOptions
from tests.conftest import IS_SOAK, StillClock, state_of
from tests.race import due
from tests.race.processes import PROCESSES, Job

pytestmark = [pytest.mark.soak] if IS_SOAK else []
PEOPLE = 40 if IS_SOAK else 12
ADA = Actor("user:1", Role.ADMIN)


@pytest.fixture
def portal(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def confirmed(app: Flask, keys: list[str], clock: StillClock) -> str:
    """A reminder for these users that nobody works on."""
    state = state_of(app)
    frozen = state.people.action_requests.freeze("remind", keys, actor=ADA)
    assert state.people.action_jobs._claim(frozen, ActionOptions())
    with state.store.database.write() as tx:
        state.store.action_requests.leave(tx, frozen.id, now=clock(), is_done=False)
    return frozen.id


def continue_all(app: Flask) -> int:
    action_requests.SLICE = 5
    return state_of(app).people.action_jobs.continue_all()


def work_unclaimed(app: Flask, request_id: str) -> None:
    """As a process that was taken for dead does, beside its successor."""
    action_requests.SLICE = 5
    state = state_of(app)
    request = state.people.action_requests.get(request_id, actor=ADA)
    state.people.action_jobs._work(request, ActionOptions(), ADA, until=None)


def test_each_user_once(portal: Flask, clock: StillClock, portal_uri: str, in_processes: Any) -> None:
    keys = due.add_people(portal, PEOPLE)
    state_of(portal).people.enrollments.require(keys, days=7, actor="cli", notify=False)
    ids = [confirmed(portal, keys, clock) for _ in range(2)]
    done = in_processes([Job(portal_uri, clock(), continue_all)] * PROCESSES)
    assert sum(done) == 2, "each request is claimed once"
    twice = (["enrollment_started", *["enrollment_reminded"] * 2], ["reminder"] * 2)
    assert due.words(portal, keys) == dict.fromkeys(keys, twice)
    for request_id in ids:
        request = state_of(portal).people.action_requests.get(request_id, actor=ADA)
        totals = state_of(portal).people.action_requests.totals(request)
        assert (request.state.value, totals) == ("done", {("done", ""): PEOPLE})


def test_two_at_one_request_share_it(portal: Flask, clock: StillClock, portal_uri: str, in_processes: Any) -> None:
    keys = due.add_people(portal, PEOPLE)
    state_of(portal).people.enrollments.require(keys, days=7, actor="cli", notify=False)
    request_id = confirmed(portal, keys, clock)
    request = state_of(portal).people.action_requests.get(request_id, actor=ADA)
    assert state_of(portal).people.action_jobs._claim(request, ActionOptions())
    in_processes([Job(portal_uri, clock(), work_unclaimed, (request_id,))] * PROCESSES)
    once = (["enrollment_started", "enrollment_reminded"], ["reminder"])
    assert due.words(portal, keys) == dict.fromkeys(keys, once)
