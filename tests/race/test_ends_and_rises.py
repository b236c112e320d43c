"""What raises a sign-in and what ends it at the same moment: most of these races only a server with row locks shows."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate import Conflict
from flask_mfa_gate.domain.people.person import NOWHERE, Person
from flask_mfa_gate.domain.sign_in.assurance import Method
from flask_mfa_gate.errors import StoreBusy
from flask_mfa_gate.services.sign_in.arrival import SigningInUser
from tests.conftest import IS_SOAK, Browser, NoPolicies, StillClock, at_once, state_of

pytestmark = [pytest.mark.soak] if IS_SOAK else []
ROUNDS = 200 if IS_SOAK else 5
TRIES = 5


def test_no_id_survives_the_end_of_its_sign_in(app: Flask, clock: StillClock) -> None:
    state = state_of(app)
    for number in range(ROUNDS):
        browser = Browser(app)
        browser.sign_in("frank")
        found = state.sign_in.sessions.find(browser.cookie() or "")
        assert found is not None
        session = found[0]

        def elevate(session: Any = session) -> None:
            proved = session.assurance.with_proof(Method("totp"), at=clock())
            try:
                state.worker.run(
                    lambda work: state.sign_in.sessions.elevate(work, session, proved, authorizer=NoPolicies(state))
                )
            except Conflict:
                return

        def sign_out(session: Any = session) -> None:
            state.sign_in.sessions.end(session, origin=NOWHERE)

        def reset() -> None:
            with app.app_context():
                state.people.enrollments.reset("6")

        at_once([elevate, sign_out if number % 2 else reset])
        with state.store.database.read() as tx:
            assert state.store.sessions.of_user(tx, "6") == [], number


@pytest.mark.parametrize("ending", ["sign-out", "reset", "end-others"])
def test_an_id_that_is_being_written_dies_with_its_sign_in(app: Flask, clock: StillClock, ending: str) -> None:
    """The new id is written and not yet committed when all ids of the user are ended."""
    state = state_of(app)
    browser, other = Browser(app), Browser(app)
    browser.sign_in("frank")
    other.sign_in("frank")
    found, kept = (state.sign_in.sessions.find(one.cookie() or "") for one in (browser, other))
    assert found is not None
    assert kept is not None
    written = threading.Event()

    def elevate() -> None:
        def act(work: Any) -> None:
            state.sign_in.sessions.elevate(
                work, found[0], found[0].assurance.with_proof(Method("totp"), at=clock()), authorizer=NoPolicies(state)
            )
            written.set()
            time.sleep(0.5)

        state.worker.run(act)

    def end() -> None:
        assert written.wait(60)
        end_by(app, ending, found[0], kept[0])

    at_once([elevate, end])
    with state.store.database.read() as tx:
        assert found[0].lineage not in {one.lineage for one in state.store.sessions.of_user(tx, "6")}


def end_by(app: Flask, ending: str, session: Any, other: Any) -> None:
    """End a session of Frank's in one of the ways that there are; ``other`` is his too, and ends all but itself.

    Where the machine stands still for as long as a lock is waited for, nothing is ended and the caller is told so.
    """
    for _ in range(TRIES):
        with suppress(StoreBusy):
            return end_once(app, ending, session, other)
    raise AssertionError("the lock was never free")


def end_once(app: Flask, ending: str, session: Any, other: Any) -> None:
    state = state_of(app)
    if ending == "sign-out":
        state.sign_in.sessions.end(session, origin=NOWHERE)
    elif ending == "end-others":
        state.factors.self_service.end_other_sessions(other)
    else:
        with app.app_context():
            state.people.enrollments.reset("6") if ending == "reset" else state.gate.password_changed("6")


def renew(app: Flask, session: Any) -> Any:
    who = SigningInUser(Person(session.user_key), (session.stamp,), session.host_user_id)
    return state_of(app).sign_in.sessions.renew(session, who, origin=NOWHERE)


@pytest.mark.parametrize("ending", ["sign-out", "reset", "end-others", "password"])
def test_who_signs_in_again_while_all_is_ended_is_out(
    app: Flask, clock: StillClock, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new id is written and not yet committed."""
    state = state_of(app)
    browser, other = Browser(app), Browser(app)
    browser.sign_in("frank")
    other.sign_in("frank")
    found, kept = (state.sign_in.sessions.find(one.cookie() or "") for one in (browser, other))
    assert found is not None
    assert kept is not None
    written, people = threading.Event(), type(state.store.people)
    note_sign_in = people.note_sign_in

    def slowly(*args: Any, **options: Any) -> None:
        note_sign_in(*args, **options)
        written.set()
        time.sleep(0.5)

    def end() -> None:
        assert written.wait(60)
        end_by(app, ending, found[0], kept[0])

    monkeypatch.setattr(people, "note_sign_in", slowly)
    at_once([lambda: renew(app, found[0]), end])
    with state.store.database.read() as tx:
        assert found[0].lineage not in {one.lineage for one in state.store.sessions.of_user(tx, "6")}


def test_of_two_who_sign_in_again_over_one_id_one_goes_on(app: Flask, clock: StillClock) -> None:
    state = state_of(app)
    browser = Browser(app)
    browser.sign_in("frank")
    for number in range(ROUNDS):
        with state.store.database.read() as tx:
            (live,) = state.store.sessions.of_user(tx, "6")
        entries = at_once([lambda live=live: renew(app, live)] * 3)
        assert [entry is None for entry in entries].count(False) == 1, number


@pytest.mark.parametrize("ending", ["sign-out", "reset", "password"])
def test_nothing_survives_whichever_comes_first(app: Flask, clock: StillClock, ending: str) -> None:
    state = state_of(app)
    for number in range(ROUNDS):
        browser = Browser(app)
        browser.sign_in("frank")
        found = state.sign_in.sessions.find(browser.cookie() or "")
        assert found is not None

        def end(live: Any = found[0]) -> None:
            end_by(app, ending, live, live)

        at_once([lambda live=found[0]: renew(app, live), end])
        with state.store.database.read() as tx:
            assert found[0].lineage not in {one.lineage for one in state.store.sessions.of_user(tx, "6")}, number


def test_of_two_sessions_that_say_they_changed_the_password_none_is_left(app: Flask, clock: StillClock) -> None:
    """One of them may be a thief's, whose request was open while the owner changed it."""
    state = state_of(app)
    for number in range(ROUNDS):
        clock.forward(seconds=1)  # of a hundred ended sign-ins the new ones must be the youngest, or they are trimmed
        browsers = Browser(app), Browser(app)
        for browser in browsers:
            browser.sign_in("frank")
        lives = [state.sign_in.sessions.look_up(browser.cookie() or "").session for browser in browsers]
        assert all(lives)
        stamps = (f"stamp {number}",)
        kept = at_once(
            [lambda live=live, stamps=stamps: state.sign_in.revocations.keep(live, stamps) for live in lives]
        )
        assert sorted(one.stays for one in kept) == [False, True], number
        assert state.sign_in.sessions.living("6") == [], number
