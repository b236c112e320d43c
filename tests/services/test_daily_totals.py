"""Totals of each day: counted once, after the day; days without a cron job too; kept for a bounded time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask

from flask_mfa_gate.domain.authorization.decision import Ask
from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.records.daily_totals import KEPT_DAYS, Adoption
from flask_mfa_gate.domain.sign_in.sign_in_outcome import SignInOutcome, asks_of, outcome_of
from flask_mfa_gate.store.sign_in.sign_ins import SignInRecord
from tests.conftest import StillClock, at_once, state_of
from tests.services.kit import enroll, meet, rows

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = [
    Person("a", "A", groups=frozenset({"sales"})), Person("b", "B", groups=frozenset({"sales", "it"})), Person("c", "C"),
]  # fmt: skip


@pytest.fixture
def site(make_host: Callable[..., Flask], clock: StillClock) -> Iterator[Flask]:
    app = make_host()
    meet(app, PEOPLE)
    with app.app_context():
        yield app


def sign_in(app: Flask, at: datetime, ask: Ask, *, proved_after: timedelta | None = None) -> None:
    store = state_of(app).store
    proved_at = None if proved_after is None else at + proved_after
    number = len(rows(store, "sign_in"))
    record = SignInRecord(f"{number}", "a", at, None, None, {}, ask.value, "x", {}, proved_at)
    with store.database.write() as tx:
        store.sign_ins.add(tx, record)


def adoption(app: Flask, group: str | None = None) -> dict[int, Adoption]:
    found = state_of(app).people.daily_totals.read(since=date(2020, 1, 1), group=group).adoption[group or ""]
    return {one.day.toordinal() - START.toordinal(): one.adoption for one in found}


def sign_ins(app: Flask) -> dict[int, dict[str, int]]:
    found = state_of(app).people.daily_totals.read(since=date(2020, 1, 1)).sign_ins
    return {one.day.toordinal() - START.toordinal(): {word.value: n for word, n in one.counts.items()} for one in found}


def test_every_outcome_is_one_of_an_ask_or_a_proof() -> None:
    for ask in Ask:
        assert outcome_of(ask, is_proved=True) is SignInOutcome.VERIFIED
        assert ask in asks_of(outcome_of(ask, is_proved=False))
    assert asks_of(SignInOutcome.VERIFIED) == frozenset()


def test_days_are_counted_once_after_they_are_over_and_missed_days_too(site: Flask, clock: StillClock) -> None:
    state = state_of(site)
    state.operations.upkeep.run_due()
    assert (adoption(site), sign_ins(site)) == ({}, {})
    enroll(site, "a")
    sign_in(site, START, Ask.CHALLENGE, proved_after=timedelta(seconds=9))
    sign_in(site, START + timedelta(hours=14, minutes=59), Ask.CHALLENGE, proved_after=timedelta(minutes=9))
    sign_in(site, START, Ask.ENROLL)
    sign_in(site, START + DAY, Ask.DENY)
    clock.forward(hours=15, minutes=59)
    assert state.people.daily_totals.count_due() == 0, "a sign-in of the last minute may still be proved"
    clock.forward(minutes=1)
    assert state.people.daily_totals.count_due() == 1
    assert state.people.daily_totals.count_due() == 0
    clock.forward(days=3)
    enroll(site, "b")
    state.operations.upkeep.run_due()
    enrolled_one, of_sales = Adoption(3, 1), Adoption(2, 1)
    assert adoption(site) == dict.fromkeys(range(4), enrolled_one), "b came on the fifth day"
    assert adoption(site, "sales") == dict.fromkeys(range(4), of_sales)
    assert adoption(site, "it") == dict.fromkeys(range(4), Adoption(1, 0))
    assert adoption(site, "no such") == {}
    assert sign_ins(site) == {0: {"verified": 2, "unfinished": 1}, 1: {"denied": 1}}
    before = (rows(state.store, "adoption_day"), rows(state.store, "sign_in_day"))
    state.operations.upkeep.run_due()
    assert before == (rows(state.store, "adoption_day"), rows(state.store, "sign_in_day"))


def test_a_site_with_a_past_is_counted_from_its_first_record_in_a_few_runs(site: Flask, clock: StillClock) -> None:
    sign_in(site, START, Ask.PASS)
    enroll(site, "a")
    clock.forward(days=40)
    service = state_of(site).people.daily_totals
    assert [service.count_due(), service.count_due(), service.count_due()] == [31, 9, 0]
    assert sign_ins(site) == {0: {"passed": 1}}
    assert len(adoption(site)) == 40


def test_a_factor_that_was_removed_counts_until_then(site: Flask, clock: StillClock) -> None:
    enroll(site, "c")
    clock.forward(days=1)
    state = state_of(site)
    with state.store.database.write() as tx:
        tx.execute(state.store.tables.factor.update().values(voided_at=clock()))
    clock.forward(days=1)
    state.people.daily_totals.count_due()
    assert adoption(site) == {0: Adoption(3, 1), 1: Adoption(3, 0)}


def test_old_days_go_and_a_long_pause_counts_only_what_is_kept(site: Flask, clock: StillClock) -> None:
    service = state_of(site).people.daily_totals
    enroll(site, "a")
    clock.forward(days=2)
    assert service.count_due() == 2
    clock.forward(days=KEPT_DAYS + 20)
    while service.count_due():
        pass
    assert (min(adoption(site)), max(adoption(site))) == (22, KEPT_DAYS + 21)


def test_two_runs_at_once_count_each_day_once(site: Flask, clock: StillClock) -> None:
    enroll(site, "a")
    clock.forward(days=4)
    service = state_of(site).people.daily_totals

    def run() -> int:
        with site.app_context():
            return service.count_due()

    assert sum(at_once([run] * 4)) == 4
    assert adoption(site) == dict.fromkeys(range(4), Adoption(3, 1))


def test_a_mark_that_somebody_edited_starts_from_the_first_record(site: Flask, clock: StillClock) -> None:
    enroll(site, "a")
    clock.forward(days=2)
    service = state_of(site).people.daily_totals
    assert service.count_due() == 2
    store = state_of(site).store
    with store.database.write() as tx:
        store.checkpoints.put(tx, "daily-totals", at=clock(), value="last Tuesday")
    assert service.count_due() == 2
