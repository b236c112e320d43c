"""The settings page: values as people say them, findings with what to type, and a test mail."""

from __future__ import annotations

from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask_mail import email_dispatched

from flask_mfa_gate.domain.people.person import NOWHERE
from flask_mfa_gate.errors import NotAllowed
from flask_mfa_gate.mail.delivery import ServerUnavailable
from flask_mfa_gate.services.mail_trial import MOST_IN_AN_HOUR
from flask_mfa_gate.services.people.actors import acting_user
from flask_mfa_gate.web.admin.setting_words import in_words, pieces
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.web.admin.kit import ADMIN, AUDITOR, HELPDESK, at_console, send

pytestmark = pytest.mark.pages
PATH = "/settings/test-mail"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (timedelta(hours=36), "", "1 day 12 hours"), (timedelta(0), "", "0 seconds"), (timedelta(days=1), "", "1 day"),
        (timedelta(seconds=3661), "", "1 hour 1 minute 1 second"), (True, "", "On"), (False, "", "Off"),
        (None, "", "Not set"), ((), "", "None"), (("totp", "webauthn"), "", "totp, webauthn"), (7, "days", "7 days"),
        (1, "days", "1 day"), (6, "digits", "6 digits"), ((timedelta(days=1),), "", "1 day"), ("", "", "Empty"),
        ({"app": "deny"}, "", "app: deny"), (1000, "requests a minute", "1,000 requests a minute"),
        (1, "time steps", "1 time step"),
    ],
)  # fmt: skip
def test_a_value_is_said_as_people_say_it(value: Any, unit: str, words: str) -> None:
    with Flask("nobody").app_context():
        assert in_words(value, unit) == words


@pytest.mark.parametrize(
    ("sentence", "typed"),
    [
        ("Run from cron: flask mfa run-due. Where it does, mend it.", ["flask mfa run-due"]),
        ("Set MFA_GATE_BASE_URL or `groups=` of `init_app`.", ["MFA_GATE_BASE_URL", "groups=", "init_app"]),
        ("Run: flask mfa sync --void-missing", ["flask mfa sync --void-missing"]), ("Nothing to type.", []),
        ("flask mfa policies check", ["flask mfa policies check"]),
    ],
)  # fmt: skip
def test_what_is_to_be_typed_stands_out(sentence: str, typed: list[str]) -> None:
    found = list(pieces(sentence))
    assert [one.text for one in found if one.is_code] == typed
    assert "".join(one.text for one in found) == sentence.replace("`", "")


def test_the_page_shows_words_and_no_secret(app: Flask, phone: Phone) -> None:
    page = BeautifulSoup(at_console(app, ADMIN, phone).get("/admin/mfa/settings").text, "html.parser")
    rows = {row.th.text: row.td.text for row in page.select("table")[-1].select("tbody tr")}
    assert rows["MFA_GATE_SESSION_IDLE"].startswith("1 hour")
    assert rows["MFA_GATE_ENROLLMENT_DAYS"].startswith("7 days")
    assert rows["MFA_GATE_KEYS"].split()[0] in {"Set", "Not"}


def test_an_admin_sends_themselves_a_mail(app: Flask, phone: Phone) -> None:
    console, sent = at_console(app, ADMIN, phone), list[Any]()
    with email_dispatched.connected_to(lambda _app, message: sent.append(message), app):
        answer = send(console, PATH, to="frank@example.org")
    assert [(one.recipients, one.subject) for one in sent] == [(["ada@example.org"], "Example Portal: test email")]
    assert "MAIL_SUPPRESS_SEND is on" in BeautifulSoup(answer.text, "html.parser").text
    assert last(app) == ("user:1", {"sent": True, "problem": None})


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ServerUnavailable("ConnectionRefusedError"), "ServerUnavailable: ConnectionRefusedError"),
        (SMTPRecipientsRefused({"ada@example.org": (550, b"secret words")}), "SMTPRecipientsRefused 550"),
    ],
)  # fmt: skip
def test_a_mail_that_is_not_taken_is_told_in_a_sentence(
    app: Flask, phone: Phone, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    console = at_console(app, ADMIN, phone)
    monkeypatch.setattr(state_of(app).operations.delivery, "_send", refuse)
    answer = send(console, PATH)
    assert answer.status_code == 200
    assert f"was not sent: {said}. Check" in BeautifulSoup(answer.text, "html.parser").text
    assert "secret words" not in answer.text
    assert last(app) == ("user:1", {"sent": False, "problem": said})


def test_there_are_a_few_an_hour(app: Flask, phone: Phone, clock: StillClock) -> None:
    console, sent = at_console(app, ADMIN, phone), list[Any]()
    with email_dispatched.connected_to(lambda _app, message: sent.append(message), app):
        told = [send(console, PATH).status_code for _ in range(MOST_IN_AN_HOUR + 3)]
    assert told == [200] * MOST_IN_AN_HOUR + [429] * 3
    assert len(sent) == MOST_IN_AN_HOUR


@pytest.mark.parametrize("username", [HELPDESK, AUDITOR])
def test_nobody_else_may(app: Flask, phone: Phone, username: str) -> None:
    console = at_console(app, username, phone)
    assert "test-mail" not in console.get("/admin/mfa/settings").text
    assert send(console, PATH).status_code == 403


def test_the_service_sends_to_nobody_but_an_admin_who_asks(app: Flask) -> None:
    """Whatever a page lets through."""
    sent = list[Any]()
    with app.app_context(), email_dispatched.connected_to(lambda _app, message: sent.append(message), app):
        state = state_of(app)
        for asks, whom in (("ada", "frank"), ("grace", "grace"), ("frank", "frank")):
            actor = acting_user(state.host.directory, key_of(app, asks))
            person = state.host.directory.get(key_of(app, whom))
            with pytest.raises(NotAllowed):
                state.operations.mail_trial.send(person, actor=actor, origin=NOWHERE)
    assert sent == []


def last(app: Flask) -> tuple[str, Any]:
    with app.app_context():
        event = list(state_of(app).operations.audit.export())[-1]
    assert event["event"] == "test_mail_sent"
    return event["actor"], event["details"]


def test_whoever_has_the_directory_read_is_on_record(app: Flask, phone: Phone) -> None:
    console = at_console(app, HELPDESK, phone)
    assert send(console, "/users/sync").status_code == 303
    grace = key_of(app, HELPDESK)
    found = Browser(app)
    with app.app_context():
        event = list(state_of(app).operations.audit.export())[-1]
    assert (event["event"], event["actor"], event["details"]["people"]) == ("directory_synced", f"user:{grace}", 8)
    assert found.get("/admin/mfa/audit", headers=JSON).status_code == 401
