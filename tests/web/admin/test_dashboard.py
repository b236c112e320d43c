"""The first page: numbers that lead to their lists, what to do next, and charts that are tables too."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from flask_mfa_gate.domain.enrollment.enrollment import start_period
from flask_mfa_gate.domain.enrollment.state_changes import Requirement
from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.people.roles import Role
from flask_mfa_gate.web.admin.overview.numbers import QUERIES
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.services.kit import enroll, meet
from tests.web.admin.kit import ADMIN, AUDITOR, at_console, send

pytestmark = pytest.mark.pages
PATH = "/admin/mfa/"


def page_of(browser: Browser, path: str = PATH) -> BeautifulSoup:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return BeautifulSoup(answer.text, "html.parser")


def words(node: Any) -> str:
    return " ".join(node.get_text(" ").split())


def synced(app: Flask, username: str, phone: Phone) -> Browser:
    browser = at_console(app, username, phone)
    with app.app_context():
        state_of(app).people.users.sync()
    return browser


def test_each_number_leads_to_the_list_that_it_counts(app: Flask, phone: Phone) -> None:
    console = synced(app, ADMIN, phone)
    told = console.get(PATH, headers=JSON).json
    assert told is not None
    assert {name: told[name] for name in ("required", "enrolled", "in_period", "lapsed", "lapsing_24h", "lapsing_7d")} == {
        "required": 3, "enrolled": 2, "in_period": 1, "lapsed": 1, "lapsing_24h": 0, "lapsing_7d": 1,
    }  # fmt: skip
    assert (told["admins_without_mfa"], told["throttled"], told["break_glass"], told["users"]) == (0, 0, 0, 8)
    cards = page_of(console).select("a.ac-stat")
    assert len(cards) == 10
    for card in cards:
        count, url = int(card.select_one("b").text), str(card["href"])  # type: ignore[union-attr]
        if url == "/admin/mfa/settings":
            continue
        found = console.get(url, headers=JSON).json
        assert found is not None
        assert found["count"] == count, url
    rows = csv.DictReader(io.StringIO(console.get(f"{PATH}?format=csv").text))
    assert {row["name"]: int(row["count"]) for row in rows} == {name: told[name] for name in (*QUERIES, "break_glass")}


def test_next_steps_lead_to_the_confirmation_of_exactly_those(app: Flask, phone: Phone, clock: StillClock) -> None:
    console = synced(app, ADMIN, phone)
    steps = [words(one) for one in page_of(console).select(".ac-steps > li")]
    assert [one.split(".")[0] for one in steps] == [
        "1 user is locked out", "1 user lapses within a week", "No break-glass account is named",
    ]  # fmt: skip
    assert "9 Mar 2026, 09:00 UTC Remind them" in steps[1]
    clock.forward(days=6, hours=1)
    console = synced(app, ADMIN, phone)
    first = page_of(console).select(".ac-steps form")[0]
    fields = {str(one["name"]): str(one["value"]) for one in first.select("input") if one["name"] != "csrf_token"}
    assert "1 user lapses within a day." in words(page_of(console).select(".ac-steps > li")[0])
    confirmation = send(console, str(first["action"]).removeprefix("/admin/mfa"), **fields)
    assert confirmation.status_code == 303
    said = words(page_of(console, confirmation.location))
    assert "Remind 1 user" in said
    assert "Bob Baker" in said


def test_who_may_not_act_is_led_to_the_list(app: Flask, phone: Phone) -> None:
    page = page_of(synced(app, AUDITOR, phone))
    assert page.select(".ac-steps form") == []
    links = [str(one["href"]) for one in page.select(".ac-steps a")]
    assert links[0] == "/admin/mfa/users?status=ENROLLMENT_EXPIRED"


def test_charts_are_images_with_a_name_and_tables_and_hold_names_as_text(
    app: Flask, phone: Phone, clock: StillClock
) -> None:
    console = synced(app, ADMIN, phone)
    assert page_of(console).select("svg.ac-chart") == []
    clock.forward(days=3)
    with app.app_context():
        meet(app, [Person("x", "X", groups=frozenset({"<b>&group"}))])
        enroll(app, "x")
        clock.forward(days=2)
        state_of(app).operations.upkeep.run_due()
    console = synced(app, ADMIN, phone)
    page = page_of(console)
    charts = page.select("svg.ac-chart")
    assert [one["role"] for one in charts] == ["img", "img"]
    for chart in charts:
        labels = [page.find(id=name) for name in str(chart["aria-labelledby"]).split()]
        assert all(label is not None and label.text for label in labels)
        assert not chart.select("[fill], [stroke], [style], script, b")
    assert "<b>&group" in words(page.select(".ac-legend-list")[0])
    assert words(page.select(".ac-halves tbody")[0].select("tr")[0]) == "6 Mar 2026 33% 100% 0%"
    assert "2 Mar 2026" in words(page.select(".ac-halves tbody")[1])
    by_group = words(page_of(console, f"{PATH}?group=finance&days=365").select(".ac-legend-list")[0])
    assert by_group == "Everyone finance"
    told = console.get(f"{PATH}?group=no%00such", headers=JSON).json
    assert told is not None
    assert told["adoption"][0] == {"day": "2026-03-02", "group": None, "people": 9, "enrolled": 2}
    assert told["sign_ins"][0] == {"day": "2026-03-02", "verified": 1}
    for query in ("days=7", "format=xml", f"group={'x' * 1001}"):
        assert console.get(f"{PATH}?{query}", headers=JSON).status_code == 400
    assert "style=" not in console.get(PATH).text


PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(["nobody", "required", "period", "enrolled", "shown"]), st.integers(0, 400),
        st.sampled_from([None, *Role]), st.integers(0, 25),
    ),
    max_size=14,
)  # fmt: skip


def populate(app: Flask, people: list[Any], clock: StillClock) -> None:
    """These people, and of the others only those of the portal."""
    state, now = state_of(app), clock.now
    tables = state.store.tables
    with state.store.database.write() as tx:
        for table in (
            tables.enrollment,
            tables.factor,
            tables.person,
            tables.person_group,
            tables.person_word,
            tables.failure,
        ):
            tx.execute(delete(table).where(table.c.user_key.startswith("h")))
    for place, (stage, hours, role, failures) in enumerate(people):
        key = f"h{place}"
        meet(app, [Person(key, key, f"{key}@example.org", role=role)])
        clock.now = now - timedelta(hours=hours)
        if stage in {"required", "period"}:
            period = start_period(clock(), days=1 + hours % 30) if stage == "period" else None
            with state.store.database.write() as tx:
                state.store.enrollments.lock(tx, key)
                state.store.enrollments.set_requirement(tx, [key], Requirement("system", period), due_at=None)
        elif stage in {"enrolled", "shown"}:
            enroll(app, key, confirmed=stage == "enrolled")
        clock.now = now
        rows = [{"user_key": key, "address": "192.0.2.1", "ordinal": n, "at": now} for n in range(failures)]
        if rows:
            with state.store.database.write() as tx:
                tx.execute(tables.failure.insert(), rows)


# The numbers for which the command line has a filter.
FLAGS = {
    "enrolled": ("--status", "ENROLLED"), "in_period": ("--status", "IN_ENROLLMENT"),
    "lapsed": ("--status", "ENROLLMENT_EXPIRED"), "throttled": ("--throttled",), "users": ("--all",),
}  # fmt: skip


def shown_by_command(app: Flask, *flags: str) -> int:
    """How many users ``flask mfa status`` prints."""
    lines = app.test_cli_runner().invoke(args=["mfa", "status", *flags, "--json"])
    assert lines.exit_code == 0, lines.output
    return len(json.loads(lines.stdout))


@settings(max_examples=4, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
@given(people=PEOPLE, hours=st.integers(0, 400))
def test_dashboard_list_csv_and_command_line_agree(
    app: Flask, phone: Phone, clock: StillClock, people: list[Any], hours: int
) -> None:
    state = state_of(app)
    with app.app_context():
        populate(app, people, clock)
    # A code that was used is not taken again.
    clock.forward(hours=hours, minutes=1)
    browser = at_console(app, ADMIN, phone)
    with app.app_context():
        lines = app.test_cli_runner().invoke(args=["mfa", "status", "--all", "--json"])
        assert lines.exit_code == 0, lines.output
        by_command = json.loads(lines.stdout)
        by_flag = {name: shown_by_command(app, *flags) for name, flags in FLAGS.items()}
        numbers = state.people.user_list.numbers()
    told = browser.get(PATH, headers=JSON).json
    assert told is not None
    for name, query in QUERIES.items():
        listed = browser.get("/admin/mfa/users", query_string=query, headers=JSON).json
        text = browser.get("/admin/mfa/users", query_string={**query, "format": "csv"}).text
        assert listed is not None
        rows = list(csv.DictReader(io.StringIO(text)))
        assert {told[name], listed["count"], len(rows)} == {getattr(numbers, name)}, name
    assert by_flag == {name: told[name] for name in FLAGS}
    statuses = [one["status"] for one in by_command]
    assert (len(statuses), sum(one["required"] for one in by_command)) == (numbers.users, numbers.required)
    assert statuses.count("ENROLLED") == numbers.enrolled
    assert statuses.count("IN_ENROLLMENT") == numbers.in_period
    assert statuses.count("ENROLLMENT_EXPIRED") == numbers.lapsed


def test_where_a_lapse_locks_nobody_out_none_is_said_to_be(make_app: Callable[..., Flask], phone: Phone) -> None:
    app = make_app(MFA_GATE_LAPSED="confined")
    console = synced(app, ADMIN, phone)
    page = words(page_of(console))
    assert ("1 user has lapsed." in page, "locked out" in page) == (True, False)
    carol = key_of(app, "carol")
    for path in ("/admin/mfa/users", f"/admin/mfa/users/{carol}"):
        assert "locked out" not in words(page_of(console, path)).lower()
    for action in ("require", "extend", "unlock"):
        asked = send(console, "/users/actions", action=action, key=carol).location
        assert "locked" not in words(page_of(console, asked)).lower()
