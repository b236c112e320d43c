"""Races that only a server with row locks shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from example_app import create_app
from flask_mfa_gate import Conflict
from flask_mfa_gate.domain.assurance import Method
from flask_mfa_gate.domain.person import NOWHERE
from tests.conftest import IS_SOAK, Browser, StillClock, at_once, state_of

pytestmark = [pytest.mark.soak] if IS_SOAK else []
ROUNDS = 200 if IS_SOAK else 20


@pytest.fixture
def portal(server_url: str, clock: StillClock) -> Iterator[Flask]:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": server_url, "MFA_GATE_CLOCK": clock})
    yield app
    from example_app.models import db

    state_of(app).store.database.dispose()
    with app.app_context():
        db.engine.dispose()


def test_no_id_survives_the_end_of_its_sign_in(portal: Flask, clock: StillClock) -> None:
    state = state_of(portal)
    for number in range(ROUNDS):
        browser = Browser(portal)
        browser.sign_in("frank")
        found = state.sessions.find(browser.cookie() or "")
        assert found is not None
        session = found[0]

        def rise(session: Any = session) -> None:
            proved = session.assurance.with_proof(Method.TOTP, at=clock())
            try:
                state.worker.run(lambda work: state.sessions.rise(work, session, proved))
            except Conflict:
                return

        def sign_out(session: Any = session) -> None:
            state.sessions.end(session, origin=NOWHERE)

        def reset() -> None:
            with portal.app_context():
                state.enrollments.reset("6")

        at_once([rise, sign_out if number % 2 else reset])
        with state.store.database.read() as tx:
            assert state.store.sessions.of_user(tx, "6") == [], number


@pytest.mark.parametrize("ending", ["sign-out", "reset", "end-others"])
def test_an_id_that_is_being_written_dies_with_its_sign_in(portal: Flask, clock: StillClock, ending: str) -> None:
    """The new id is written and not yet committed when all ids of the user are ended."""
    state = state_of(portal)
    browser, other = Browser(portal), Browser(portal)
    browser.sign_in("frank")
    other.sign_in("frank")
    found, kept = (state.sessions.find(one.cookie() or "") for one in (browser, other))
    assert found is not None
    assert kept is not None
    written = threading.Event()

    def rise() -> None:
        def act(work: Any) -> None:
            state.sessions.rise(work, found[0], found[0].assurance.with_proof(Method.TOTP, at=clock()))
            written.set()
            time.sleep(0.5)

        state.worker.run(act)

    def end() -> None:
        assert written.wait(10)
        if ending == "sign-out":
            state.sessions.end(found[0], origin=NOWHERE)
        elif ending == "end-others":
            state.self_service.end_other_sessions(kept[0])
        else:
            with portal.app_context():
                state.enrollments.reset("6")

    at_once([rise, end])
    with state.store.database.read() as tx:
        assert found[0].lineage not in {one.lineage for one in state.store.sessions.of_user(tx, "6")}


def test_one_code_on_a_server_lets_one_in(portal: Flask, clock: StillClock, phone: Any) -> None:
    from .test_one_winner import pending, post

    for _ in range(ROUNDS // 2):
        clock.forward(seconds=60)
        code = phone.code()
        seen = at_once([lambda one=one, code=code: post(*one, code) for one in pending(portal, 8)])  # type: ignore[misc]
        assert sorted(seen) == [303] + [422] * 7
        with portal.app_context():
            state_of(portal).enrollments.unlock("4")
