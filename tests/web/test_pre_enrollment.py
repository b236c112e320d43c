"""A period that waits until the account is switched on and used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Request

from flask_mfa_gate.errors import MFAGateError
from tests.conftest import JSON, Browser, Phone, StillClock, at_once, key_of, state_of
from tests.web.kit import act, change_user, events, kinds, signed_in

Make = Callable[..., Flask]
TOKEN = {"Authorization": "Bearer franks-token", **JSON}


@pytest.fixture
def waiting(app: Flask) -> Flask:
    """Frank, disabled, and required with seven days."""
    return wait_for_frank(app)


def wait_for_frank(app: Flask) -> Flask:
    change_user(app, "frank", enabled=False)
    result = act(app, "require", "frank", days=7)
    assert result.done == ((key_of(app, "frank"), ""),)
    return app


def facts(app: Flask) -> tuple[str, int | None, bool]:
    found = act(app, "status", "frank")
    assert found.required
    return found.status.value, found.days_left, found.ends_at is not None


@pytest.fixture
def with_tokens(make_app: Make) -> Any:
    """The portal with a ``request_loader`` for one bearer token."""
    from example_app import login_manager
    from example_app.models import User, db

    def load(request: Request) -> User | None:
        if request.headers.get("Authorization") != TOKEN["Authorization"]:
            return None
        found: User | None = db.session.execute(db.select(User).where(User.username == "frank")).scalar()
        return found

    login_manager.request_loader(load)
    yield make_app()
    login_manager._request_callback = None


def test_nothing_runs_before_the_account_is_switched_on(waiting: Flask, clock: StillClock) -> None:
    assert facts(waiting) == ("PRE_ENROLLMENT", 7, False)
    assert kinds(waiting, "frank") == []
    clock.forward(days=30)
    assert facts(waiting) == ("PRE_ENROLLMENT", 7, False)
    with waiting.app_context():
        state_of(waiting).gate.run_due()
    assert kinds(waiting, "frank") == []


def test_an_account_that_is_switched_off_starts_nothing(waiting: Flask) -> None:
    Browser(waiting).sign_in("frank")
    assert facts(waiting) == ("PRE_ENROLLMENT", 7, False)
    assert not events(waiting, "frank", "signed_in")


def test_the_first_sign_in_starts_the_clock(waiting: Flask, clock: StillClock) -> None:
    clock.forward(days=30)
    change_user(waiting, "frank", enabled=True)
    browser = Browser(waiting)
    browser.sign_in("frank")
    assert facts(waiting) == ("IN_ENROLLMENT", 7, True)
    assert kinds(waiting, "frank") == ["start"]
    assert browser.get("/").location == "/mfa/enroll", "from now on it is a period like any other"
    started = events(waiting, "frank", "enrollment_started")
    assert [(told.actor, told.details["waiting"]) for told in started] == [("host", True), ("system", False)]


def test_the_requirement_stays_whose_it_was(waiting: Flask) -> None:
    change_user(waiting, "frank", enabled=True)
    Browser(waiting).sign_in("frank")
    assert act(waiting, "status", "frank").required_by == "host"


def test_later_requests_start_nothing_again(waiting: Flask, clock: StillClock) -> None:
    change_user(waiting, "frank", enabled=True)
    browser = signed_in(waiting, "frank")
    before = act(waiting, "status", "frank").ends_at
    clock.forward(minutes=5)
    browser.send("/mfa/enroll/later")
    assert browser.is_in()
    signed_in(waiting, "frank")
    assert act(waiting, "status", "frank").ends_at == before
    assert kinds(waiting, "frank") == ["start"]


def test_a_session_that_was_there_already_starts_it_too(app: Flask, clock: StillClock) -> None:
    """Switched off and on again while the host's session lived."""
    browser = signed_in(app, "frank")
    wait_for_frank(app)
    assert browser.get("/").status_code == 403
    assert facts(app) == ("PRE_ENROLLMENT", 7, False)
    other = Browser(app)
    change_user(app, "frank", enabled=True)
    other.sign_in("frank")
    assert facts(app) == ("IN_ENROLLMENT", 7, True)


def test_a_token_starts_it(with_tokens: Flask) -> None:
    app = wait_for_frank(with_tokens)
    client = app.test_client()
    assert client.get("/api/me", headers=TOKEN).status_code == 403
    assert facts(app) == ("PRE_ENROLLMENT", 7, False)
    change_user(app, "frank", enabled=True)
    for _ in range(2):
        assert client.get("/api/me", headers=TOKEN).json["username"] == "frank"  # type: ignore[index]
        assert facts(app) == ("IN_ENROLLMENT", 7, True)
    assert kinds(app, "frank") == ["start"]


def test_two_first_requests_at_once_start_it_once(with_tokens: Flask) -> None:
    app = wait_for_frank(with_tokens)
    change_user(app, "frank", enabled=True)
    clients = [app.test_client() for _ in range(4)]
    answers = at_once([lambda one=one: one.get("/api/me", headers=TOKEN).status_code for one in clients])
    assert set(answers) == {200}
    assert kinds(app, "frank") == ["start"]
    assert len(events(app, "frank", "enrollment_started")) == 2


def test_extend_adds_days_before_it_begins(waiting: Flask, clock: StillClock) -> None:
    act(waiting, "extend", "frank", days=3)
    assert facts(waiting) == ("PRE_ENROLLMENT", 10, False)
    clock.forward(days=20)
    change_user(waiting, "frank", enabled=True)
    Browser(waiting).sign_in("frank")
    assert facts(waiting) == ("IN_ENROLLMENT", 10, True)


def test_days_never_grow_past_what_a_period_may_have(waiting: Flask) -> None:
    for _ in range(3):
        act(waiting, "extend", "frank", days=365)
    change_user(waiting, "frank", enabled=True)
    Browser(waiting).sign_in("frank")
    assert facts(waiting)[0] == "IN_ENROLLMENT"


def test_a_key_ends_the_wait(waiting: Flask, clock: StillClock) -> None:
    change_user(waiting, "frank", enabled=True)
    browser = signed_in(waiting, "frank")
    browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code())
    found = act(waiting, "status", "frank")
    assert (found.status.value, found.days_left, found.required) == ("ENROLLED", None, True)


@pytest.mark.parametrize(("action", "options"), [("remove", {}), ("reset", {"days": 0})])
def test_remove_and_force_end_the_wait(waiting: Flask, action: str, options: dict[str, Any]) -> None:
    act(waiting, action, "frank", **options)
    found = act(waiting, "status", "frank")
    assert (found.status.value, found.days_left) == ("NOT_ENROLLED", None)


def test_reset_waits_again(waiting: Flask) -> None:
    act(waiting, "reset", "frank")
    assert facts(waiting) == ("PRE_ENROLLMENT", 7, False)


def test_a_store_that_is_busy_lets_nobody_past_the_clock(waiting: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    change_user(waiting, "frank", enabled=True)

    def busy(_person: object) -> bool:
        raise MFAGateError("busy")

    monkeypatch.setattr(type(state_of(waiting).people.enrollments), "begin_waiting", lambda _self, person: busy(person))
    browser = Browser(waiting)
    assert browser.sign_in("frank").status_code == 503
    assert not browser.cookie("session") or browser.get("/").status_code != 200
