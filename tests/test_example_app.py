"""The portal keeps its contract."""

from __future__ import annotations

from datetime import date
from typing import Any

import example_app
from example_app import create_app
from tests.conftest import Browser, Phone, StillClock, key_of, state_of

STATES = {
    "ada": ("NOT_ENROLLED", False, None), "bob": ("IN_ENROLLMENT", True, 7), "carol": ("ENROLLMENT_EXPIRED", True, 0),
    "dave": ("ENROLLED", True, None), "erin": ("NOT_ENROLLED", False, None), "frank": ("NOT_ENROLLED", False, None),
    "grace": ("NOT_ENROLLED", False, None), "hugo": ("NOT_ENROLLED", False, None),
}  # fmt: skip


def states_of(app: Any) -> dict[str, Any]:
    with app.app_context():
        found = {name: example_app.gate.enrollments.status(key_of(app, name)) for name in STATES}
    return {name: (one.status, one.required, one.days_left) for name, one in found.items()}


def close(app: Any) -> None:
    from example_app.models import db

    state_of(app).store.database.dispose()
    with app.app_context():
        db.engine.dispose()


def test_everybody_is_in_their_state_also_after_a_restart(make_app: Any) -> None:
    assert states_of(make_app()) == STATES
    app = make_app()
    assert states_of(app) == STATES
    assert app.extensions["mfa_gate"].gate is example_app.gate
    with app.app_context():
        assert example_app.gate.doctor() == []
        assert any(row["endpoint"] == "portal.payroll" for row in example_app.gate.routes())


def test_a_program_that_is_not_signed_in_gets_401_and_a_browser_the_sign_in_page(app: Any) -> None:
    client = app.test_client()
    for headers in ({"Accept": "application/json"}, {"Authorization": "Bearer x"}, {"Authorization": "nonsense"}):
        answer = client.get("/api/me", headers=headers)
        assert (answer.status_code, (answer.json or {})["code"]) == (401, "sign_in_required"), headers
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert client.get("/api/me", headers={"Accept": "text/html"}).location.startswith("/login?next=")


def test_the_sign_in_page_has_what_it_takes_to_sign_in(app: Any, clock: StillClock) -> None:
    from example_app.people import DAVES_KEY

    page = app.test_client().get("/login").text
    assert DAVES_KEY in page
    browser = Browser(app)
    browser.sign_in("dave")
    assert browser.send("/mfa/challenge", code=Phone(clock, DAVES_KEY).code()).status_code == 303


def test_in_memory(clock: StillClock, phone: Phone) -> None:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": "sqlite://", "MFA_GATE_CLOCK": clock})
    browser = Browser(app)
    assert browser.sign_in("dave").location == "/mfa/challenge"
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"
    close(app)


def test_on_a_server(server_url: str, clock: StillClock, phone: Phone) -> None:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": server_url, "MFA_GATE_CLOCK": clock})
    assert states_of(app) == STATES
    browser = Browser(app)
    browser.sign_in("dave")
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"
    close(app)


def test_an_address_may_be_a_url_object() -> None:
    from sqlalchemy import make_url

    from flask_mfa_gate.opening import _as_text

    assert _as_text(make_url("postgresql://gate:hunter2@db/app")) == "postgresql://gate:hunter2@db/app"
    assert _as_text("sqlite://") == "sqlite://"
    assert _as_text(None) is None


def test_the_demo_has_a_crowd_at_all_stages_with_a_past_and_tests_do_without(make_app: Any) -> None:
    app = make_app(EXAMPLE_CROWD=True)
    assert states_of(app) == STATES
    state = state_of(app)
    numbers, counts = state.people.user_list.numbers(), state.people.daily_totals.read(since=date(2020, 1, 1))
    assert numbers.users == len(STATES) + 40
    assert min(numbers.enrolled, numbers.in_period, numbers.lapsed, numbers.lapsing_24h, numbers.required) > 0
    assert {"engineering", "finance", "sales", "support"} <= set(counts.groups)
    assert {word for day in counts.sign_ins for word in day.counts} >= {"verified", "passed", "prompted", "locked"}
    assert len(counts.adoption[""]) >= 55


def test_an_admin_views_the_portal_as_somebody_else_and_comes_back(app: Any, clock: StillClock) -> None:
    from tests.web.admin.kit import at_console

    browser = at_console(app, "ada", Phone(clock, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"))
    form = {"username": "erin", "reason": "ticket 42"}
    assert browser.client.post("/view-as", data=form).location == "/"
    page = browser.get("/").text
    assert "Hello Erin" in page
    assert "acting as Erin" in page
    assert browser.get("/admin/mfa/").status_code == 403
    assert browser.send("/mfa/impersonation/leave").location == "/"
    assert "Hello Ada" in browser.get("/").text
    assert browser.client.post("/view-as", data={"username": "erin"}).status_code == 400
    assert browser.client.post("/view-as", data={**form, "username": "nobody\0"}).status_code == 403
    assert Browser(app).client.post("/view-as", data=form).status_code in {302, 303, 401}
