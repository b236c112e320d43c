"""Ten things that admins come to do, each from the dashboard to its end by keyboard alone, four by pointer without
JavaScript too. What they take is counted on the way, and docs/console.md says the same.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask
from sqlalchemy.pool import NullPool
from werkzeug.serving import make_server

from example_app import create_app
from example_app.models import User, db
from example_app.past import enroll_with_key
from example_app.people import DAVES_KEY
from flask_mfa_gate.domain.enrollment.enrollment import Status, start_period
from flask_mfa_gate.domain.enrollment.state_changes import Requirement
from tests.browser.conftest import Screen, new_chrome
from tests.browser.hands import Hand, Keyboard, Pointer, Steps, counted
from tests.conftest import Browser, close_portal, key_of, portal_config, state_of
from tests.policy_kit import policy, put
from tests.services.kit import rows

TABLE = re.compile(r"^\| \*\*(?P<task>.+?)\*\* \| (?P<steps>\d+) \| (?P<done>\d+) \|", re.MULTILINE)
GLASS_KEY = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
PEOPLE = (
    ("glenn", "Glenn Glass", "", "admin"), ("alan", "Alan Able", "", "admin"),
    ("emma", "Emma Early", "engineering", ""), ("emil", "Emil Ernst", "engineering", ""),
    ("enzo", "Enzo Enders", "engineering", ""), ("lena", "Lena Late", "", ""), ("leo", "Leo Later", "", ""),
    ("lars", "Lars Latest", "", ""), ("paul", "Paul Phone", "", ""), ("eva", "Eva Extra", "", ""),
)  # fmt: skip


def documented() -> dict[str, tuple[int, int]]:
    """Steps, and clicks with fields, of each task."""
    text = (Path(__file__).parents[2] / "docs" / "console.md").read_text()
    return {found["task"]: (int(found["steps"]), int(found["done"])) for found in TABLE.finditer(text)}


@dataclass(frozen=True, slots=True)
class AuthenticatedRequest:
    """Where an admin sits, signed in: the portal, the browser, and the hand that works it."""

    app: Flask
    screen: Screen
    hand: Hand
    steps: Steps
    cookies: list[dict[str, Any]]

    def begin(self) -> None:
        """Ada at the dashboard."""
        self.screen.chrome.delete_all_cookies()
        for cookie in self.cookies:
            self.screen.chrome.add_cookie(cookie)
        self.steps.taken.clear()
        self.hand.done = 0
        self.screen.open("/admin/mfa/")

    def end(self, task: str) -> None:
        """The browser had no complaint, and the docs say what it took."""
        assert self.screen.complaints() == []
        assert (len(self.steps.taken), self.hand.done) == documented()[task], "\n".join(self.steps.taken)

    def page(self, name: str) -> str:
        """The address of a user's page."""
        return f"/admin/mfa/users/{key_of(self.app, name)}"


def furnish(app: Flask) -> None:
    """Somebody for each task."""
    with app.app_context():
        password = db.session.get(User, 2).password_hash  # type: ignore[union-attr]
        for number, (username, name, group, role) in enumerate(PEOPLE, 9):
            email = f"{username}@example.org"
            db.session.add(User(id=number, username=username, name=name, email=email, group=group, role=role,
                                password_hash=password, enabled=True))  # fmt: skip
        db.session.commit()
        state, now = state_of(app), datetime.now(UTC)
        for username, key in (("ada", DAVES_KEY), ("glenn", GLASS_KEY), ("bob", DAVES_KEY), ("enzo", DAVES_KEY),
                              ("paul", DAVES_KEY)):  # fmt: skip
            enroll_with_key(app, key_of(app, username), key)
        state.people.users.sync()
        with state.store.database.write() as tx:
            for username, hours in (("lena", 20), ("leo", 23), ("lars", 60), ("eva", 70)):
                period = start_period(now + timedelta(hours=hours) - timedelta(days=7), days=7)
                state.store.enrollments.lock(tx, key_of(app, username))
                state.store.enrollments.set_requirement(
                    tx, [key_of(app, username)], Requirement("cli", period), due_at=None
                )
    put(app, policy("Codes for bakers", on=["app"], users={"include": [f"user:{key_of(app, 'bob')}"]}))


HANDS = pytest.mark.parametrize("office", [Keyboard, Pointer], ids=["keyboard", "pointer-no-script"], indirect=True)


@pytest.fixture(scope="module", params=[Keyboard], ids=["keyboard"])
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthenticatedRequest]:
    folder = tmp_path_factory.mktemp("office")
    uri = f"sqlite:///{folder}/portal.sqlite3"
    config = portal_config(uri, lambda: datetime.now(UTC))
    # What a test opens is closed after it, and this app outlives each: nothing may stay in a pool.
    pool = {"SQLALCHEMY_ENGINE_OPTIONS": {"poolclass": NullPool}}
    app = create_app({**config, **pool, "MFA_GATE_BREAK_GLASS": ["9"], "SEND_FILE_MAX_AGE_DEFAULT": 3600})
    furnish(app)
    steps = Steps()
    steps.watch(app)
    running = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    with new_chrome(folder, scripts=request.param is Keyboard) as chrome:
        screen = Screen(chrome, f"http://127.0.0.1:{running.server_port}")
        sign_in(screen, "ada", DAVES_KEY)
        yield AuthenticatedRequest(app, screen, request.param(chrome), steps, chrome.get_cookies())
    running.shutdown()
    thread.join()
    running.server_close()
    close_portal(app)


@pytest.fixture
def desk(office: AuthenticatedRequest) -> AuthenticatedRequest:
    office.begin()
    return office


def sign_in(screen: Screen, username: str, key: str) -> None:
    screen.sign_in(username)
    screen.type("code", pyotp.TOTP(key).now())
    screen.press("Verify")
    screen.expect("Hello")


def outbox(app: Flask, kind: str) -> list[Any]:
    return [row for row in rows(state_of(app).store, "outbox") if row.kind == kind]


def status_of(app: Flask, username: str) -> Any:
    with app.app_context():
        return state_of(app).people.enrollments.status(key_of(app, username))


@HANDS
def test_require_mfa_of_a_group_with_14_days(desk: AuthenticatedRequest) -> None:
    hand = desk.hand
    with counted(desk.steps):
        hand.go("Users")
        hand.press("Filters")
        hand.fill("Group", "engineering")
        hand.press("Apply filters")
        hand.press("All 3 that match")
        hand.expect("Require MFA for 3 users")
        hand.fill("Days", "14")
        hand.press("Require MFA for")
        hand.expect("Done for 3 users.")
    for username in ("emma", "emil"):
        found = status_of(desk.app, username)
        assert (found.status, found.days_left) == (Status.IN_ENROLLMENT, 14)
    assert status_of(desk.app, "enzo").status is Status.ENROLLED
    desk.end("Require MFA for a group, with 14 days")


def test_remind_exactly_those_who_lapse_within_a_day(desk: AuthenticatedRequest) -> None:
    hand = desk.hand
    with counted(desk.steps):
        hand.expect("2 users lapse within a day.")
        hand.press("Remind them")
        hand.expect("Lena Late, Leo Later")
        hand.press("Remind 2 users")
        hand.expect("Done for 2 users.")
    assert {row.user_key for row in outbox(desk.app, "reminder")} == {
        key_of(desk.app, name) for name in ("lena", "leo")
    }
    desk.end("See who lapses tomorrow, and remind exactly them")


@HANDS
def test_help_somebody_who_lost_their_phone(desk: AuthenticatedRequest) -> None:
    hand = desk.hand
    with counted(desk.steps):
        hand.go("Users")
        hand.fill("Search by name, email or key", "paul")
        hand.press("Search")
        hand.press("Paul Phone")
        hand.press("Issue a pass")
        hand.press("Issue the pass")
        hand.expect("Copy it now: it is shown only once.")
    (code,) = desk.screen.texts("#pass-code")
    paul = Browser(desk.app)
    paul.sign_in("paul")
    assert paul.send("/mfa/challenge", code=code, factor="access_pass").status_code == 303
    secret = paul.begin_setup()["secret"]
    assert paul.send("/mfa/enroll/totp", code=pyotp.TOTP(secret).now()).status_code == 200
    assert paul.is_in()
    desk.end("Help somebody who lost their phone")


def test_extend_a_deadline_without_losing_the_key(desk: AuthenticatedRequest) -> None:
    hand, eva = desk.hand, Browser(desk.app)
    eva.sign_in("eva")
    secret = eva.begin_setup()["secret"]
    with counted(desk.steps):
        hand.go("Users")
        hand.fill("Search by name, email or key", "eva")
        hand.press("Search")
        hand.press("Eva Extra")
        hand.press("Extend the deadline")
        hand.expect("Keys and factors stay as they are.")
        hand.fill("Days", "14")
        hand.press("Extend for 1 user")
        hand.expect("Done for 1 user.")
    assert status_of(desk.app, "eva").days_left == 17
    assert eva.send("/mfa/enroll/totp", code=pyotp.TOTP(secret).now()).status_code == 200
    assert status_of(desk.app, "eva").status is Status.ENROLLED
    desk.end("Extend a deadline and keep the key")


@HANDS
def test_a_policy_for_finance_outside_the_office_through_report_only_to_on(desk: AuthenticatedRequest) -> None:
    hand, erin = desk.hand, Browser(desk.app)
    with counted(desk.steps):
        hand.go("Networks")
        hand.press("New network")
        hand.fill("Name", "office")
        hand.fill("Addresses, blocks and ranges", "198.51.100.0/24")
        hand.press("Save network")
        hand.go("Policies")
        hand.press("New policy")
        hand.fill("Name", "Finance outside the office")
        hand.tick("Everyone", group="Applies to")
        hand.tick("Group finance", group="Applies to")
        hand.tick("The whole app", group="Resources")
        hand.tick("payroll", group="Resources")
        hand.press("Add condition")
        hand.choose("Network", "is not")
        hand.tick("office")
        hand.press("Save policy")
        hand.expect(
            "The group finance must verify with a second factor to open payroll when the address is not in office."
        )
        hand.expect("Report only")
        erin.sign_in("erin")
        assert erin.get("/payroll").status_code == 200
        hand.go("Policies")
        hand.expect("Last 7 days: 1 ×")
        hand.press("Finance outside the office")
        hand.press("Turn on")
        hand.expect("Turn off")
    assert erin.get("/payroll").status_code == 303
    desk.end("A policy for finance outside the office, from nothing through report-only to on")


def test_say_why_bob_was_asked(desk: AuthenticatedRequest) -> None:
    hand, bob = desk.hand, Browser(desk.app)
    bob.sign_in("bob")
    with counted(desk.steps):
        hand.go("Sign-ins")
        hand.fill("User key or email", "bob@example.org")
        hand.press("Filter")
        hand.expect("Codes for bakers")
        hand.expect("Policy version")
    desk.end("Say why Bob was asked for a code")


def test_find_admins_without_mfa(desk: AuthenticatedRequest) -> None:
    hand = desk.hand
    with counted(desk.steps):
        hand.press("Admins without MFA")
        hand.expect("Alan Able")
        assert len(desk.screen.texts("tbody tr")) == 1
    desk.end("Find the admins without MFA")


def test_undo_a_mistake_in_a_policy_and_nothing_else(desk: AuthenticatedRequest) -> None:
    hand, users = desk.hand, {"include": ["group:engineering"]}
    put(desk.app, policy("Contractors", on=["wiki"], users=users))
    put(desk.app, policy("Contractors", "allow", on=["wiki"], users=users))
    put(desk.app, policy("Others", "deny", on=["wiki"], users={"include": ["group:others"]}))
    with counted(desk.steps):
        hand.go("Policies")
        hand.press("Contractors")
        hand.press("History")
        hand.press("Undo or roll back")
        hand.expect("Later changes stay")
        hand.press("Undo this change")
        hand.expect("Contractors")
    with desk.app.app_context():
        policies = state_of(desk.app).access.policies
        assert policies.get("Contractors").effect.action.value == "require"
        assert policies.get("Others").effect.action.value == "deny"
    desk.end("Undo a mistake in a policy")


def test_prove_that_the_log_is_unaltered(desk: AuthenticatedRequest) -> None:
    hand = desk.hand
    with counted(desk.steps):
        hand.go("Audit log")
        hand.press("Verify")
        hand.expect("Audit log intact:")
        hand.expect("Head")
    desk.end("Prove that the log is unaltered")


@HANDS
def test_nobody_is_locked_out_by_their_own_policy_for_good(desk: AuthenticatedRequest) -> None:
    hand, screen = desk.hand, desk.screen
    with counted(desk.steps):
        hand.go("Policies")
        hand.press("New policy")
        hand.fill("Name", "Nobody")
        hand.choose("State", "On")
        hand.tick("Deny")
        hand.press("Save policy")
        hand.expect("Denies you the console, whatever the facts are.")
    put(desk.app, policy("Nobody", "deny", on=["app"]))
    screen.open("/admin/mfa/")
    hand.expect("Your organization's policy doesn't allow this.")
    screen.chrome.delete_all_cookies()
    sign_in(screen, "glenn", GLASS_KEY)
    screen.open("/admin/mfa/")
    with counted(desk.steps):
        hand.go("Policies")
        hand.press("Nobody")
        hand.press("Turn off")
        hand.expect("Turn on")
    assert screen.complaints() == []
    desk.end("Be stopped before locking oneself out, and get in all the same")


def test_the_docs_know_these_tasks_and_no_others() -> None:
    told = documented()
    assert len(told) == 10
    assert all(steps <= (10 if "finance" in task else 6) for task, (steps, _) in told.items())
