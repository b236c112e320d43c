"""What cron does: each reminder once, each lapse once, mail to no disabled user, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask_mail import Mail

from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.people.roles import Role
from flask_mfa_gate.errors import DirectoryEmpty, HostCallbackFailed
from flask_mfa_gate.services.enrollment.upkeep import Upkeep
from tests.conftest import StillClock, at_once, state_of
from tests.services.kit import People, enroll, events, mails, rows, tables

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NINA = Person("n", "Nina", "nina@example.org")
OTTO = Person("o", "Otto", "otto@example.org")
BOSS = Person("boss", "Boss", "boss@example.org", role=Role.ADMIN)
DESK = Person("desk", "Desk", "desk@example.org", role=Role.HELPDESK)


class Site:
    """A company with its own directory, its clock and its cron."""

    def __init__(self, app: Flask, directory: People, clock: StillClock) -> None:
        self.app, self.directory, self.clock, self.state = app, directory, clock, state_of(app)

    def run(self) -> Upkeep:
        return self.state.operations.upkeep.run_due()

    def hourly(self, hours: int) -> list[tuple[int, int]]:
        """Look at the periods every hour, or in long times every sixth, and do all else that is due at the end.

        At which hour how many were reminded, and lapsed as minus.
        """
        found, step = [], 6 if hours > 100 else 1
        for hour in range(step, hours + 1, step):
            self.clock.forward(hours=step)
            reminded, lapsed = self.state.operations.upkeep.periods.run()
            if reminded or lapsed:
                found.append((hour, reminded - lapsed))
        rest = self.run()
        assert (rest.reminded, rest.lapsed) == (0, 0)
        return found

    def require(self, *people: Person, days: int = 7, **options: Any) -> None:
        self.state.people.enrollments.require(
            [person.key for person in people or (NINA,)], days=days, renew=True, **options
        )


@pytest.fixture
def make_site(make_host: Callable[..., Flask], clock: StillClock) -> Iterator[Callable[..., Site]]:
    contexts = []

    def make(*people: Person, **config: Any) -> Site:
        directory = People(people or (NINA, OTTO))
        app = make_host(config, directory=directory)
        contexts.append(app.app_context())
        contexts[-1].push()
        site = Site(app, directory, clock)
        site.run()
        return site

    yield make
    for context in contexts:
        context.pop()


@pytest.fixture
def site(make_site: Any) -> Site:
    made: Site = make_site()
    return made


def test_one_reminder_a_day_before_the_end_and_one_note_of_the_lapse(site: Site) -> None:
    site.require()
    assert site.hourly(7 * 24 + 30) == [(6 * 24, 1), (7 * 24, -1)]
    assert mails(site.app) == [(kind, "nina@example.org") for kind in ("lapsed", "reminder", "start")]
    assert events(site.app, "enrollment_reminded", "enrollment_lapsed") == [
        ("enrollment_reminded", "n"), ("enrollment_lapsed", "n"),
    ]  # fmt: skip
    assert {row.actor for row in rows(site.state.store, "audit") if row.event == "enrollment_lapsed"} == {"system"}
    site.clock.forward(days=400)
    assert (site.run().lapsed, len(mails(site.app, "lapsed"))) == (0, 1)


def test_each_of_several_reminders_goes_once_and_one_as_long_as_the_period_never(make_site: Any) -> None:
    site = make_site(MFA_GATE_REMINDERS=[HOUR, 2 * DAY, 3 * DAY, 9 * DAY, 24 * HOUR])
    site.require(days=3)
    assert site.hourly(80) == [(24, 1), (48, 1), (71, 1), (72, -1)]


def test_without_reminders_only_the_lapse_is_noted(make_site: Any) -> None:
    site = make_site(MFA_GATE_REMINDERS=[])
    site.require(days=2)
    assert site.hourly(50) == [(48, -1)]


def test_after_a_long_pause_one_reminder_goes_and_not_several(make_site: Any) -> None:
    site = make_site(MFA_GATE_REMINDERS=[HOUR, DAY, 2 * DAY, 3 * DAY])
    site.require(days=7)
    site.clock.forward(days=6, hours=12)
    assert site.run().reminded == 1
    assert site.run().reminded == 0
    (mail,) = [row for row in rows(site.state.store, "outbox") if row.kind == "reminder"]
    assert mail.facts["days_left"] == 1
    assert site.hourly(13) == [(11, 1), (12, -1)]


def test_after_a_pause_beyond_the_end_no_reminder_goes_any_more(site: Site) -> None:
    site.require()
    site.clock.forward(days=30)
    did = site.run()
    assert (did.reminded, did.lapsed) == (0, 1)
    assert mails(site.app, "reminder") == []


@pytest.mark.parametrize("what", ["enrolled", "removed", "reset", "forced"])
def test_a_period_that_is_over_is_not_reminded_of(site: Site, what: str) -> None:
    site.require()
    if what == "enrolled":
        enroll(site.app, "n")
    elif what == "removed":
        site.state.people.enrollments.remove("n")
    elif what == "reset":
        site.state.people.enrollments.reset("n", days=0)
    else:
        site.require(days=0)
    assert site.hourly(7 * 24 + 2) == []
    assert mails(site.app, "reminder", "lapsed") == []


@pytest.mark.parametrize("what", ["renewed", "extended", "reset"])
def test_a_period_that_was_prolonged_is_reminded_of_again(site: Site, what: str) -> None:
    site.require()
    assert site.hourly(6 * 24 + 12) == [(6 * 24, 1)]
    if what == "renewed":
        site.require(days=7)
    elif what == "extended":
        site.state.people.enrollments.extend("n", days=7)
    else:
        site.state.people.enrollments.reset("n", days=7)
    left = 12 if what == "extended" else 0
    assert site.hourly(8 * 24) == [(6 * 24 + left, 1), (7 * 24 + left, -1)]


def test_a_lapse_that_was_lifted_is_noted_again_when_it_comes_again(site: Site) -> None:
    site.require(days=1)
    assert site.hourly(24) == [(24, -1)]
    assert len(mails(site.app, "lapsed")) == 1
    site.state.people.enrollments.extend("n", days=2)
    assert site.hourly(50) == [(24, 1), (48, -1)]
    assert len(events(site.app, "enrollment_lapsed")) == 2
    ends_at = site.state.people.enrollments.status("n").ends_at
    assert ends_at is not None
    (waiting,) = [row for row in rows(site.state.store, "outbox") if row.kind == "lapsed"]
    assert waiting.facts["ended_at"] == ends_at.isoformat(), "the first never left, and would be wrong by now"


def confirm(site: Site) -> None:
    with site.state.store.database.write() as tx:
        site.state.store.enrollments.note_factor(tx, "n", ends_period=True)
    enroll(site.app, "n")


@pytest.mark.parametrize(
    "overtake",
    [
        confirm,
        lambda site: site.state.people.enrollments.remove("n"),
        lambda site: site.state.people.enrollments.reset("n", days=9),
        lambda site: site.state.people.enrollments.extend("n", days=1),
    ],
)
@pytest.mark.parametrize(("hours", "kind"), [(6 * 24, "reminder"), (7 * 24, "lapsed")])
def test_a_mail_that_waited_until_it_was_no_longer_true_is_not_sent(
    site: Site, hours: int, kind: str, overtake: Any
) -> None:
    """The mail server was down, or it was decided for many at once."""
    site.require()
    site.clock.forward(hours=hours)
    site.run()
    assert len(mails(site.app, kind)) == 1
    overtake(site)
    site.app.config["MAIL_DEFAULT_SENDER"] = "host@example.org"
    Mail(site.app)
    site.clock.forward(minutes=2)
    assert site.run().mails_failed == 0
    assert mails(site.app, kind) == []


def test_an_end_moved_nearer_than_its_reminder_sends_none(site: Site) -> None:
    site.require()
    site.state.people.enrollments.extend("n", until=site.clock() + 5 * HOUR)
    assert site.hourly(8) == [(5, -1)]


def test_a_reminder_by_hand_takes_nothing_from_those_on_time(site: Site) -> None:
    site.require()
    site.state.people.enrollments.remind("n")
    assert site.hourly(6 * 24) == [(6 * 24, 1)]
    assert len(mails(site.app, "reminder")) == 2


def test_who_is_switched_off_gets_no_mail_and_his_lapse_is_on_record(site: Site) -> None:
    site.require(NINA, OTTO)
    site.directory.people["n"] = replace(NINA, is_active=False)
    site.state.people.users.sync()
    assert site.hourly(7 * 24) == [(6 * 24, 1), (7 * 24, -2)]
    assert mails(site.app, "reminder", "lapsed") == [("lapsed", "otto@example.org"), ("reminder", "otto@example.org")]
    assert sorted(events(site.app, "enrollment_lapsed")) == [("enrollment_lapsed", "n"), ("enrollment_lapsed", "o")]


def test_a_period_that_waits_has_neither_reminder_nor_lapse(make_site: Any) -> None:
    site = make_site(replace(NINA, is_active=False))
    site.require()
    assert site.hourly(9 * 24) == []
    site.clock.forward(days=300)
    assert (site.run().lapsed, mails(site.app)) == (0, [])
    site.directory.people["n"] = NINA
    site.state.people.enrollments.begin_waiting(NINA)
    assert site.hourly(7 * 24) == [(6 * 24, 1), (7 * 24, -1)]


def test_more_people_than_a_slice_are_all_looked_at_in_one_run(make_site: Any) -> None:
    crowd = [Person(f"k{number:04}", email=f"k{number}@example.org") for number in range(1000)]
    site = make_site(*crowd)
    site.require(*crowd)
    site.clock.forward(days=6)
    assert site.run().reminded == 1000
    site.clock.forward(days=1)
    assert site.run().lapsed == 1000
    assert (len(mails(site.app, "reminder")), len(mails(site.app, "lapsed"))) == (1000, 1000)


def test_two_runs_at_once_do_nothing_twice(make_site: Any) -> None:
    crowd = [Person(f"k{number:04}", email=f"k{number}@example.org") for number in range(700)]
    site = make_site(*crowd, BOSS)
    site.require(*crowd)
    site.clock.forward(days=7, hours=-23)

    def run() -> Upkeep:
        with site.app.app_context():
            return site.run()

    for offset in (0, 23):
        site.clock.forward(hours=offset)
        both = at_once([run, run])
        assert sum(did.reminded + did.lapsed for did in both) == 700
        assert site.run().reminded == 0
    for kind in ("reminder", "lapsed"):
        assert len(mails(site.app, kind)) == len(set(mails(site.app, kind))) == 700
    assert len(mails(site.app, "digest")) == 1


# Digest


def test_the_digest_goes_once_a_week_to_admins_alone(make_site: Any) -> None:
    off = Person("off", "Off", "off@example.org", is_active=False, role=Role.ADMIN)
    site = make_site(NINA, OTTO, BOSS, DESK, off)
    site.require(NINA, OTTO, days=30)
    assert mails(site.app, "digest") == [], "the first run only starts the week"
    site.clock.forward(days=7, microseconds=-1)
    site.run()
    assert mails(site.app, "digest") == []
    site.clock.forward(days=21, microseconds=1)
    site.run()
    site.run()
    assert mails(site.app, "digest") == [("digest", "boss@example.org")]
    (digest,) = [row for row in rows(site.state.store, "outbox") if row.kind == "digest"]
    assert [one["name"] for one in digest.facts["lapsing"]] == ["Nina", "Otto"]
    assert (digest.facts["in_period_count"], digest.facts["lapsed_count"], digest.facts["lapsing_more"]) == (2, 0, 0)
    site.clock.forward(days=7)
    site.run()
    assert len(mails(site.app, "digest")) == 2, "two lapsed meanwhile"


def test_the_very_first_run_only_starts_the_week(make_site: Any) -> None:
    site = make_site(NINA, BOSS)
    site.require(days=3)
    with site.state.store.database.write() as tx:
        site.state.store.checkpoints.drop(tx, "digest")
    site.run()
    assert mails(site.app, "digest") == []


def test_a_week_with_nothing_to_tell_has_no_digest(make_site: Any) -> None:
    site = make_site(NINA, BOSS)
    site.require(days=60)
    site.clock.forward(days=7)
    site.run()
    assert mails(site.app, "digest") == []


def test_a_digest_of_many_names_fifty_and_counts_the_others(make_site: Any) -> None:
    crowd = [Person(f"k{number:04}", f"N{number}") for number in range(60)]
    site = make_site(*crowd, BOSS)
    site.clock.forward(days=7)
    site.require(*crowd, days=3)
    enroll(site.app, "k0000")
    site.run()
    (digest,) = [row for row in rows(site.state.store, "outbox") if row.kind == "digest"]
    assert (len(digest.facts["lapsing"]), digest.facts["lapsing_more"]) == (50, 9)


# People


def test_people_are_taken_over_once_a_day(site: Site) -> None:
    runs = []
    for _ in range(49):
        runs.append(site.run().synced)
        site.clock.forward(hours=1)
    assert [hour for hour, synced in enumerate(runs) if synced] == [24, 48], "the first was when the site began"
    assert set(runs) == {0, 2}


def test_a_directory_that_fails_keeps_back_neither_reminders_nor_mail(site: Site) -> None:
    site.require()
    site.clock.forward(days=6)
    everybody, site.directory.people = site.directory.people, {}
    with pytest.raises(DirectoryEmpty):
        site.run()
    assert len(mails(site.app, "reminder")) == 1
    site.directory.people = everybody
    site.directory.fails_at_page = site.directory.pages + 1
    site.clock.forward(days=1)
    with pytest.raises(HostCallbackFailed):
        site.run()
    assert len(mails(site.app, "lapsed")) == 1
    assert site.run().synced == 2


# Sweeping


def test_mail_that_was_sent_is_swept_after_thirty_days_and_what_waits_stays(site: Site) -> None:
    site.require(NINA, OTTO, days=365)
    store = site.state.store
    sent = next(row.id for row in rows(store, "outbox") if row.recipient == "nina@example.org")
    with store.database.write() as tx:
        store.outbox.note_sent(tx, sent, now=site.clock())
    site.clock.forward(days=30)
    assert site.run().swept == 0
    site.clock.forward(microseconds=1)
    assert site.run().swept == 1
    assert mails(site.app) == [("start", "otto@example.org")]


def test_a_run_with_nothing_to_do_changes_nothing(site: Site) -> None:
    before = tables(site.state.store)
    assert set(astuple(site.run())) == {0}
    assert tables(site.state.store) == before
