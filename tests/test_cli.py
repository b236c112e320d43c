"""The command line, as an operator uses it."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.store import schema
from tests.conftest import Browser, key_of, state_of
from tests.services.kit import events, mails, rows, tables


@pytest.fixture
def run(app: Flask) -> Any:
    runner = app.test_cli_runner()
    return lambda *words: runner.invoke(args=["mfa", *words])


def answer(result: Any) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_generate_key(run: Any) -> None:
    keys = {run("generate-key").output.strip() for _ in range(2)}
    assert len(keys) == 2
    assert all(len(urlsafe_b64decode(key)) == 32 for key in keys)


def test_rescue_of_a_lapsed_user(run: Any, app: Flask) -> None:
    key = key_of(app, "carol")
    assert "ENROLLMENT_EXPIRED" in run("status", key).output
    assert run("require", key, "--days", "7").exit_code == 1
    assert "Extend it or reset" in run("require", key, "--days", "7").output
    assert answer(run("extend", key, "--days", "2", "--reason", "was ill", "--json")) == {
        "done": [{"key": key, "reason": ""}], "skipped": [], "failed": [],
    }  # fmt: skip
    assert answer(run("status", key, "--json"))["days_left"] == 2
    assert Browser(app).sign_in("carol").location == "/mfa/enroll"
    with state_of(app).store.database.read() as tx:
        latest = state_of(app).store.audit.recent(tx, key, limit=2)[1]
    assert (latest.event if hasattr(latest, "event") else latest.name, latest.actor, latest.reason) == (
        "enrollment_extended",
        "cli",
        "was ill",
    )


def test_users_by_email(run: Any, app: Flask) -> None:
    assert answer(run("require", "Frank@Example.org", "--now", "--json"))["done"] == [
        {"key": key_of(app, "frank"), "reason": ""}
    ]
    assert answer(run("status", "frank@example.org", "--json")) == {
        "key": key_of(app, "frank"), "name": "Frank Ford", "email": "frank@example.org", "groups": [], "role": None,
        "seen": True, "status": "NOT_ENROLLED", "required": True, "required_by": "cli", "days_left": None,
        "ends_at": None, "enrolled_at": None, "factors": [],
    }  # fmt: skip


def test_days_zero_is_refused_with_a_hint_at_now(run: Any) -> None:
    for command in ("require", "reset"):
        result = run(command, "6", "--days", "0")
        assert result.exit_code == 1
        assert "--now" in result.output
    assert run("require", "6", "--days", "5", "--now").exit_code == 1
    assert run("require", "6", "--days", "366").exit_code == 1


def test_extend_until(run: Any, app: Flask) -> None:
    run("extend", key_of(app, "bob"), "--until", "2026-03-20")
    assert answer(run("status", key_of(app, "bob"), "--json"))["ends_at"] == "2026-03-20T23:59:59+00:00"
    run("extend", key_of(app, "bob"), "--until", "2026-03-20T10:00+01:00")
    assert answer(run("status", key_of(app, "bob"), "--json"))["ends_at"] == "2026-03-20T09:00:00+00:00"
    for wrong in ("someday", "2020-01-01", "2026-03-20T10:00"):
        assert run("extend", key_of(app, "bob"), "--until", wrong).exit_code == 1
    assert run("extend", key_of(app, "bob")).exit_code == 1


def test_several_users_and_unknown_ones(run: Any, app: Flask) -> None:
    bob, erin = key_of(app, "bob"), key_of(app, "erin")
    result = run("require", bob, erin, "4711", "--days", "7")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "Erin Ellis (5): required to use MFA, 7 days left, until 2026-03-09 09:00 UTC.",
        "Bob Baker (2): skipped, a period is already running; pass --renew to restart it (in-period).",
        "4711: failed, nobody has this key (unknown-user).",
    ]
    single = run("require", "4711")
    assert (single.exit_code, single.output) == (1, "Error: No user '4711' is known.\n")
    assert (bob, erin) == ("2", "5")


def test_reset_remove_unlock(run: Any, app: Flask) -> None:
    dave = key_of(app, "dave")
    assert run("reset", dave).output == "Dave Dean (4): reset, to be set up at the next sign-in.\n"
    assert Browser(app).sign_in("dave").location == "/mfa/enroll"
    assert run("remove", dave).output == "Dave Dean (4): no longer required to use MFA.\n"
    assert run("remove", dave).output == "Dave Dean (4): skipped, MFA is not required (not-required).\n"
    assert Browser(app).sign_in("dave").location == "/"
    assert re.fullmatch(
        r"Carol Clark \(3\): unlocked, ended 2026-\S+ \S+ UTC \(the period has ended as well; extend or reset\)\.\n",
        run("unlock", key_of(app, "carol")).output,
    )


def test_status_of_all(run: Any) -> None:
    found = {row["key"]: row["status"] for row in answer(run("status", "--all", "--json"))}
    assert len(found) == 8, "everybody, as the app's own directory has them"
    assert (found["2"], found["3"], found["4"]) == ("IN_ENROLLMENT", "ENROLLMENT_EXPIRED", "ENROLLED")
    assert [row["key"] for row in answer(run("status", "--group", "finance", "--json"))] == ["5"]
    assert run("status").exit_code == 1
    assert run("status", "1", "--all").exit_code == 1


def test_run_due_notes_each_lapse_once(run: Any, app: Flask, signals: list[Any]) -> None:
    assert answer(run("run-due", "--json"))["lapsed"] == 1
    assert answer(run("run-due", "--json"))["lapsed"] == 0
    assert [(event.name, event.subject, event.actor) for event in signals] == [
        ("enrollment_lapsed", key_of(app, "carol"), "system")
    ]


def test_run_due_sweeps_dead_rows(run: Any, app: Flask, clock: Any) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code="000000")
    clock.forward(days=40)
    assert answer(run("run-due", "--json"))["swept"] == 3, (
        "session, failure, and what was noted of the failure, to be written once an hour"
    )


def test_routes(run: Any) -> None:
    table = {row["endpoint"]: row for row in answer(run("routes", "--json"))}
    assert table["portal.payroll"]["resources"] == ["payroll"]
    assert table["portal.payroll"]["default"] == "allow"
    assert table["portal.transfer"]["demands"] == ["mfa(totp+webauthn within 300 s)"]
    assert table["portal.healthz"]["default"] == "exempt"
    assert table["portal.home"]["default"] == "user-setting"
    assert table["static"]["default"] == "static"
    assert table["mfa_gate.challenge"] == {
        "endpoint": "mfa_gate.challenge", "rule": "/mfa/challenge", "methods": ["GET", "POST"], "resources": [], "demands": [],
        "policies": [], "default": "gate",
    }  # fmt: skip
    assert "portal.payroll" in run("routes").output


def test_doctor_speaks_and_exits_by_what_it_finds(run: Any, app: Flask, make_app: Any) -> None:
    result = run("doctor")
    assert (result.exit_code, result.output) == (0, "No problems found.\n")
    assert answer(run("doctor", "--json")) == []
    warned = make_app(MFA_GATE_BASE_URL=None).test_cli_runner().invoke(args=["mfa", "doctor"])
    assert warned.exit_code == 0
    assert warned.output.splitlines() == [
        "warning: Emails carry no link. [no-base-url]", "    Fix: Set MFA_GATE_BASE_URL.", "1 warning.",
    ]  # fmt: skip
    run("upgrade", "--revision", "base")
    faulty = run("doctor", "--json")
    assert faulty.exit_code == 1
    assert [(one["level"], one["code"]) for one in json.loads(faulty.output)] == [("error", "tables")]


def test_upgrade_and_down(run: Any, app: Flask) -> None:
    assert run("upgrade", "--revision", "base").output == "The gate's tables were removed.\n"
    assert run("doctor").exit_code == 1
    assert run("upgrade").output == f"Database schema is up to date (revision {schema.head()}).\n"
    assert run("doctor").exit_code == 0


# Many users


def said(result: Any) -> Any:
    """What a program reads; the bar is on stderr."""
    return json.loads(result.stdout)


COMMANDS = (["require"], ["extend", "--days", "3"], ["reset"], ["remove"], ["remind"], ["unlock"])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize("whom", [["--all"], ["--group", "finance"]], ids=["all", "group"])
def test_nobody_to_ask_and_no_yes_means_nothing_is_done(run: Any, app: Flask, command: list[str], whom: Any) -> None:
    run("sync")
    before = tables(state_of(app).store)
    result = run(*command, *whom)
    assert result.exit_code == 1
    assert "Pass --yes" in result.output
    assert ("8 users?" if whom == ["--all"] else "1 user?") in result.output, "the question names how many"
    assert tables(state_of(app).store) == before


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_a_dry_run_needs_no_yes_changes_nothing_and_answers_alike(run: Any, app: Flask, command: list[str]) -> None:
    run("sync")
    before = tables(state_of(app).store)
    dry = run(*command, "--all", "--dry-run", "--json")
    assert dry.exit_code == 0, dry.output
    assert tables(state_of(app).store) == before
    told = run(*command, "--all", "--dry-run").stdout
    assert told.splitlines()[-1] == "Dry run: nothing was changed."
    real = run(*command, "--all", "--yes", "--json")
    assert said(dry) == {**said(real), "dry_run": True}
    assert set(said(real)) == {"done", "skipped", "failed"}
    assert all(set(one) == {"key", "reason"} for name in said(real) for one in said(real)[name])


def test_a_company_is_required_at_once(run: Any, app: Flask) -> None:
    result = run("require", "--all", "--days", "14", "--yes", "--reason", "policy 7", "--no-notify")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Require MFA for 8 users: 5 done, 3 skipped, 0 failed.",
        "  1 skipped, a period is already running; pass --renew to restart it (in-period): Bob Baker (2)",
        "  1 skipped, the period has ended; extend or reset (lapsed): Carol Clark (3)",
        "  1 skipped, MFA is already required (already-required): Dave Dean (4)",
    ]
    assert answer(run("status", "6", "--json"))["days_left"] == 14
    records = [row for row in rows(state_of(app).store, "audit") if row.reason == "policy 7"]
    assert {(row.actor, row.event) for row in records} == {("cli", "enrollment_started")}
    assert mails(app) == []
    assert said(run("require", "--all", "--days", "3", "--yes", "--renew", "--json"))["skipped"] == [
        {"key": "3", "reason": "lapsed"}
    ]


def test_a_group_is_only_that_group(run: Any) -> None:
    assert said(run("require", "--group", "finance", "--now", "--yes", "--json"))["done"] == [
        {"key": "5", "reason": ""}
    ]
    nobody = run("reset", "--group", "finanse", "--yes", "--json")
    assert (nobody.exit_code, nobody.stdout) == (1, "")
    assert "Nobody is in a group 'finanse'. Did you mean 'finance'?" in nobody.stderr


def test_nobody_is_asked_to_confirm_an_action_on_nobody(run: Any) -> None:
    result = run("remind", "--ends-within", "1m")
    assert (result.exit_code, result.stdout) == (0, "Remind 0 users: 0 done, 0 skipped, 0 failed.\n")


@pytest.mark.parametrize("typed", ["y\n", "n\n"])
def test_a_person_at_the_terminal_is_asked(run: Any, app: Flask, monkeypatch: Any, typed: str) -> None:
    monkeypatch.setattr("flask_mfa_gate.cli.group._is_interactive", lambda: True)
    result = app.test_cli_runner().invoke(args=["mfa", "require", "--all", "--days", "7"], input=typed)
    assert "Require MFA for 8 users?" in result.stderr
    assert (result.exit_code, answer(run("status", "6", "--json"))["required"]) == (
        (0, True) if typed == "y\n" else (1, False)
    )


@pytest.mark.parametrize("whom", [[], ["6", "--all"], ["--all", "--group", "finance"], ["6", "--group", "finance"]])
def test_whom_a_command_is_about_is_said_in_one_way(run: Any, app: Flask, whom: list[str]) -> None:
    for command in COMMANDS:
        assert run(*command, *whom, "--yes").exit_code == 1
    assert not answer(run("status", "6", "--json"))["required"]


def test_several_named_users_by_key_and_email(run: Any) -> None:
    result = run("require", "ERIN@example.org", "6", "nobody@example.org", "--days", "7", "--json")
    assert result.exit_code == 1, "one failed"
    assert said(result) == {
        "done": [{"key": "5", "reason": ""}, {"key": "6", "reason": ""}], "skipped": [],
        "failed": [{"key": "nobody@example.org", "reason": "unknown-user"}],
    }  # fmt: skip


def test_an_address_that_two_people_have_names_neither(run: Any, app: Flask) -> None:
    from example_app.models import User, db

    with app.app_context():
        db.session.execute(db.update(User).where(User.id == 6).values(email="Erin@example.org"))
        db.session.commit()
    run("sync")
    assert run("reset", "erin@example.org").exit_code == 1
    assert events(app, "mfa_reset") == []


def test_remind_by_hand(run: Any, app: Flask) -> None:
    assert run("remind", "2").output.startswith("Bob Baker (2): reminded, 7 days left, until ")
    assert run("remind", "3", "4").output.splitlines() == [
        "Carol Clark (3): skipped, the period has ended; extend or reset (lapsed).",
        "Dave Dean (4): skipped, no period is running (no-period).",
    ]
    assert mails(app, "reminder") == [("reminder", "bob@example.org")]


def test_sync_tells_how_many_and_takes_names(run: Any, app: Flask) -> None:
    from example_app.models import User, db

    assert said(run("sync", "--json")) == {"people": 8, "deleted": 0, "missing": 0, "held_back": 0}
    with app.app_context():
        db.session.execute(db.delete(User).where(User.id == 4))
        db.session.commit()
    found = said(run("sync", "--json", "erin@example.org", "4"))
    assert found == {"people": 1, "deleted": 0, "missing": 1, "held_back": 0}
    state_of(app).clock.forward(days=1)  # type: ignore[attr-defined]
    assert run("sync").stdout == "7 users synced, 1 user deleted in the app.\n"


def test_sync_says_whom_it_held_back(run: Any, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from example_app.models import User, db

    monkeypatch.setattr("flask_mfa_gate.services.people.directory_sync.most_voided", lambda people: 0)
    run("sync")
    with app.app_context():
        db.session.execute(db.delete(User).where(User.id == 4))
        db.session.commit()
    for hours in (1, 24):
        state_of(app).clock.forward(hours=hours)  # type: ignore[attr-defined]
        held = run("sync")
    assert held.stdout == "7 users synced, 0 users deleted in the app.\n"
    assert "flask mfa sync --void-missing" in held.stderr
    assert "sync-held-back" in run("doctor").output
    assert run("sync", "--void-missing").stdout == "7 users synced, 1 user deleted in the app.\n"
    assert "sync-held-back" not in run("doctor").output


def test_an_end_beyond_all_calendars_is_no_stack_trace(run: Any) -> None:
    for end in (("--until", "9999-12-31"), ("--until", "9999-12-31T23:59-05:00"), ("--days", "365"), ("--days", "365")):
        result = run("extend", "2", *end)
        assert result.exit_code in {0, 1}
        assert result.exception is None or isinstance(result.exception, SystemExit)


def test_an_extension_of_many_is_not_stopped_by_the_end_of_the_calendar(run: Any) -> None:
    assert run("extend", "2", "--until", "9999-12-30T00:00+00:00").exit_code == 0
    assert [line[:3] for line in run("extend", "2", "3", "--days", "365").output.splitlines()] == ["Bob", "Car"]
    assert answer(run("status", "2", "--json"))["ends_at"] == "9999-12-30T00:00:00+00:00"


@pytest.mark.parametrize("text", ["\udcff", "\udcff@example.org", "a\0b"])
@pytest.mark.parametrize(
    "command",
    [
        ["status"], ["require"], ["require", "2"], ["reset", "2"], ["access-pass"], ["sync"], ["audit", "export", "--user"],
        ["status", "--group"], ["require", "--yes", "--group"], ["require", "--dry-run", "--group"],
    ],
)  # fmt: skip
def test_bytes_that_are_no_text_are_refused_before_anything_is_done(
    run: Any, app: Flask, command: list[str], text: str
) -> None:
    before = tables(state_of(app).store)
    result = run(*command, text)
    assert (result.exit_code, isinstance(result.exception, SystemExit)) == (1, True)
    assert f"surrogate pair in {text!r}" in result.output
    assert tables(state_of(app).store) == before


def test_a_time_before_all_calendars_is_said_to_be_none(run: Any) -> None:
    assert "ISO 8601" in run("audit", "export", "--since", "0001-01-01T00:00+14:00").output


# Passes


def test_an_access_pass_is_shown_once_opens_and_is_taken_back(run: Any, app: Flask) -> None:
    made = answer(run("access-pass", "dave@example.org", "--lifetime", "2h", "--reason", "lost", "--json"))
    assert set(made) == {"key", "name", "access_pass", "scope", "one_time", "starts_at", "ends_at"}
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=made["access_pass"], factor="access_pass")
    assert browser.is_in()
    assert answer(run("access-pass", "4", "--revoke", "--json")) == {"key": "4", "revoked": 1}
    assert not browser.is_in()
    assert run("access-pass", "4", "--revoke").output == "Dave Dean (4) has no access pass.\n"
    (issued,) = [row for row in rows(state_of(app).store, "audit") if row.event == "access_pass_issued"]
    assert (issued.actor, issued.subject, issued.reason) == ("cli", "4", "lost")
    assert made["access_pass"] not in repr(tables(state_of(app).store))


def test_the_terms_of_a_pass(run: Any, app: Flask, clock: Any) -> None:
    at = (clock() + timedelta(days=1)).replace(microsecond=0)
    told = run(
        "access-pass", "4", "--timed", "--scope", "enroll-only", "--lifetime", "30d", "--starts-at", at.isoformat(), "--no-notify"
    ).output  # fmt: skip
    assert re.fullmatch(
        r"Access pass for Dave Dean \(4\): [A-Z2-7]{4}(-[A-Z2-7]{4}){3}\n"
        r"Works any number of times, only to set up a factor, from 2026-03-03 09:00 UTC until 2026-04-02 09:00 UTC\.\n"
        r"Shown only now\. .*\n",
        told,
    )
    with app.app_context():
        (terms,) = state_of(app).people.access_passes.of("4")
    assert (terms.scope, terms.one_time, terms.starts_at, terms.ends_at) == (
        "enroll-only",
        False,
        at,
        at + timedelta(days=30),
    )
    assert mails(app) == []


@pytest.mark.parametrize(
    "wrong",
    [
        ["--lifetime", "1"], ["--lifetime", "9m"], ["--lifetime", "31d"], ["--lifetime", "1h30m"], ["--lifetime", "-1h"],
        ["--lifetime", "99999d"], ["--lifetime", "\u0661h"], ["--starts-at", "soon"], ["--starts-at", "2026-03-03T10:00"],
        ["--starts-at", "2026-03-02T08:59+00:00"], ["--scope", "all"],
    ],
)  # fmt: skip
def test_a_pass_on_wrong_terms_is_refused_in_a_sentence(run: Any, app: Flask, wrong: list[str]) -> None:
    result = run("access-pass", "4", *wrong)
    assert result.exit_code in {1, 2}
    assert isinstance(result.exception, SystemExit)
    assert "Error: " in result.output
    with app.app_context():
        assert state_of(app).people.access_passes.of("4") == []


def test_a_pass_for_nobody(run: Any) -> None:
    assert run("access-pass", "4711").exit_code == 1


# Other keys


def test_rename_and_forget_ask_first(run: Any, app: Flask) -> None:
    before = tables(state_of(app).store)
    for words in (["rename", "4", "dave"], ["forget", "4"]):
        assert run(*words).exit_code == 1, "nobody answers"
    assert tables(state_of(app).store) == before
    assert run("rename", "4", "dave", "--yes").exit_code == 0
    assert answer(run("status", "dave", "--json"))["status"] == "ENROLLED"
    assert run("rename", "dave", "2", "--yes").exit_code == 1, "taken"
    assert run("forget", "dave", "--yes").exit_code == 0
    assert run("status", "dave").exit_code == 1, "nobody is left by this key"
    again = run("forget", "dave", "--yes")
    assert (again.exit_code, "No user 'dave' is known" in again.output) == (1, True)
    assert {row.actor for row in rows(state_of(app).store, "audit") if row.event.startswith("user_")} == {"cli"}


def test_forget_by_email_of_somebody_whom_only_the_gate_still_knows(run: Any, app: Flask) -> None:
    from example_app.models import User, db

    run("sync")
    with app.app_context():
        db.session.execute(db.delete(User).where(User.id == 4))
        db.session.commit()
    assert run("forget", "Dave@Example.org", "--yes").exit_code == 0
    assert "dave@example.org" not in repr(tables(state_of(app).store))


def test_run_due_tells_all_that_it_did(run: Any) -> None:
    assert answer(run("run-due", "--json")) == {
        "reminded": 0, "lapsed": 1, "synced": 8, "mails_sent": 1, "mails_failed": 0, "events_sent": 0,
        "events_failed": 0, "swept": 0, "continued": 0,
    }  # fmt: skip
