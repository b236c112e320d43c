"""What every request pays: counted, since a clock on a busy machine tells nothing.

The ceilings are what was reached when they were written, and a tenth; who makes it cheaper lowers them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from flask_mfa_gate.domain.sign_in.session_bounds import MOST_FORMER
from tests.conftest import Phone, state_of
from tests.hosts_small.kit import Host
from tests.hosts_small.request_costs import bare, calls_of, gated, places_in, requests_of, with_views

MOST_CALLS = {"proved": 575, "anonymous": 120, "file": 42}
# Flask asks of each hook whether it is a coroutine function, which takes newer Pythons a dozen calls more.
MORE_CALLS = {(3, 11): 0, (3, 12): 20, (3, 13): 40}
# Files and functions of the package that one request runs through.
MOST_PLACES = {"proved": (25, 80), "anonymous": (10, 34), "file": (6, 12)}
# Of a sign-in with a form in an enrollment period. The goal is 32 files.
MOST_PLACES_OF_SIGN_IN = 61, 246


@pytest.mark.parametrize("kind", MOST_PLACES)
def test_a_request_can_be_read_in_so_many_files_and_functions(kind: str) -> None:
    files, functions = places_in(requests_of(*gated())[kind])
    most_files, most_functions = MOST_PLACES[kind]
    assert files <= most_files
    assert functions <= most_functions


def test_so_can_a_sign_in_within_an_enrollment_period() -> None:
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)
    with_views(host.app)
    with host.app.app_context():
        host.gate.enrollments.require("1", days=7)
    assert host.client().post("/login").location == "/mfa/enroll"
    files, functions = places_in(lambda: host.client().post("/login"))
    most_files, most_functions = MOST_PLACES_OF_SIGN_IN
    assert files <= most_files
    assert functions <= most_functions


@pytest.mark.parametrize("kind", MOST_CALLS)
def test_the_gate_adds_no_more_calls_than_it_did(kind: str) -> None:
    added = calls_of(requests_of(*gated())[kind]) - calls_of(requests_of(*bare())[kind])
    assert 0 < added <= MOST_CALLS[kind] + MORE_CALLS[sys.version_info[:2]]


@pytest.mark.parametrize(("kind", "selects"), [("proved", 1), ("anonymous", 0), ("file", 0)])
def test_the_gate_sends_one_select_for_a_proved_request_and_none_for_others(kind: str, selects: int) -> None:
    app, client = gated()
    said: list[str] = []
    engine = state_of(app).store.database.engine
    event.listen(engine, "before_cursor_execute", lambda *arguments: said.append(arguments[2]))
    requests_of(app, client)[kind]()
    assert [statement.split()[0] for statement in said] == ["SELECT"] * selects


# Statements and the writes among them. At the first sign-in of a minute the time of it comes to them, of an hour from a
# place one row of the audit log and the note of it, and of somebody new what they are found by. The goal is 14 and 6.
STATEMENTS = {"login": (5, 2), "challenge": (1, 0), "code": (7, 4), "page": (1, 0)}
IN_A_PERIOD = {"login": (5, 2), "prompt": (1, 0), "later": (6, 3), "page": (1, 0)}
FIRST_FACTOR = {"login": (8, 5), "prompt": (1, 0), "setup": (7, 3), "confirm": (23, 11), "page": (1, 0)}
_BRACKETS = ("BEGIN", "COMMIT")
Steps = dict[str, Callable[[], Any]]


class Pages:
    """A browser that sends the form of the page that it was shown last."""

    def __init__(self, host: Host) -> None:
        self._client, self._text = host.client(), ""

    def get(self, path: str) -> Any:
        page = self._client.get(path)
        self._text = page.text
        return page

    def post(self, path: str, **fields: str) -> Any:
        return self._client.post(path, data={"csrf_token": self.shown(r'name="csrf_token" value="([^"]+)"'), **fields})

    def log_in(self) -> Any:
        return self._client.post("/login")

    def shown(self, pattern: str) -> str:
        return re.search(pattern, self._text)[1]  # type: ignore[index]


def sign_in_with_code(host: Host) -> Steps:
    """Each request, in order."""
    pages = Pages(host)
    return {
        "login": pages.log_in,
        "challenge": lambda: pages.get("/mfa/challenge"),
        "code": lambda: pages.post("/mfa/challenge", code=host.phone.code()),
        "page": lambda: pages.get("/"),
    }


def sign_in_in_a_period(host: Host) -> Steps:
    pages = Pages(host)
    return {
        "login": pages.log_in,
        "prompt": lambda: pages.get("/mfa/enroll"),
        "later": lambda: pages.post("/mfa/enroll/later"),
        "page": lambda: pages.get("/"),
    }


def first_factor(host: Host) -> Steps:
    pages = Pages(host)
    phone = lambda: Phone(host.clock, pages.shown("secret=([A-Z2-7]+)"))  # noqa: E731
    return {
        "login": pages.log_in,
        "prompt": lambda: pages.get("/mfa/enroll"),
        "setup": lambda: pages.get("/mfa/enroll/totp"),
        "confirm": lambda: pages.post("/mfa/enroll/totp", code=phone().code()),
        "page": lambda: pages.get("/"),
    }


def counted(host: Host, steps: Steps) -> dict[str, tuple[int, int]]:
    """Of each request the statements of the gate, and the writes among them."""
    said: list[str] = []
    event.listen(
        state_of(host.app).store.database.engine, "before_cursor_execute", lambda *arguments: said.append(arguments[2])
    )
    found = {}
    for name, act in steps.items():
        said.clear()
        assert act().status_code in {200, 303}, name
        told = [statement for statement in said if not statement.startswith(_BRACKETS)]
        found[name] = len(told), sum(not statement.startswith("SELECT") for statement in told)
    return found


def host_with_pages() -> Host:
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)
    with_views(host.app)
    return host


def test_a_sign_in_with_a_code_sends_no_more_statements_than_it_did() -> None:
    """Of a user who signed in here within the minute."""
    host = host_with_pages()
    host.enroll()
    for act in sign_in_with_code(host).values():
        act()
    host.clock.forward(seconds=30)
    assert counted(host, sign_in_with_code(host)) == STATEMENTS


def test_nor_does_one_in_a_period_that_puts_the_setup_off() -> None:
    host = host_with_pages()
    with host.app.app_context():
        host.gate.enrollments.require(["1"], days=7)
    for act in sign_in_in_a_period(host).values():
        act()
    assert counted(host, sign_in_in_a_period(host)) == IN_A_PERIOD


def test_nor_does_the_setup_of_a_first_factor() -> None:
    host = host_with_pages()
    with host.app.app_context():
        host.gate.enrollments.require(["1"], days=7)
    assert counted(host, first_factor(host)) == FIRST_FACTOR


def test_former_sign_ins_with_a_code_make_the_next_one_no_longer() -> None:
    """Each leaves the id that it had before the code, in a sign-in of its own."""
    host = host_with_pages()
    host.enroll()
    for _ in range(MOST_FORMER + 2):
        host.clock.forward(seconds=31)
        for act in sign_in_with_code(host).values():
            act()
    host.clock.forward(seconds=31)
    statements, writes = STATEMENTS["login"]
    # With the time of the first of a minute.
    assert counted(host, {"login": sign_in_with_code(host)["login"]}) == {"login": (statements + 1, writes + 1)}
