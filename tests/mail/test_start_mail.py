"""The start mail: decided with the state, sent after the commit, by a real SMTP server when there is one."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.conftest import StillClock, key_of, state_of
from tests.mail.kit import Inbox, require, run_due, settle


def test_it_says_what_how_long_and_where(portal: Flask, inbox: tuple[Inbox, int]) -> None:
    require(portal, "frank", days=7)
    assert run_due(portal).mails_sent == 1
    (mail,) = inbox[0].mails
    assert mail["To"] == "frank@example.org"
    assert mail["Subject"] == "Example Portal: multi-factor authentication is now required"
    for part in ("plain", "html"):
        text = " ".join(mail.get_body((part,)).get_content().split())
        for words in ("7 days", "9 March 2026, 09:00 UTC", "https://portal.example.org/mfa/", "Frank Ford"):
            assert words in text
    assert run_due(portal).mails_sent == 0, "sent once"


def test_forced_says_at_the_next_sign_in(portal: Flask, inbox: tuple[Inbox, int]) -> None:
    require(portal, "frank", days=0)
    run_due(portal)
    assert "at your next sign-in" in inbox[0].mails[0].get_body(("plain",)).get_content()


def test_a_server_that_refuses_delays_mail_and_nothing_else(
    portal: Flask, inbox: tuple[Inbox, int], clock: StillClock
) -> None:
    inbox[0].answer = "451 try again later"
    require(portal, "frank", days=7)
    assert run_due(portal).mails_failed == 1
    assert run_due(portal).mails_failed == 0, "it waits before the next try"
    inbox[0].answer = "250 OK"
    clock.forward(minutes=1)
    assert run_due(portal).mails_sent == 1
    assert len(inbox[0].mails) == 1


def test_a_repeat_has_the_same_message_id(
    portal: Flask, inbox: tuple[Inbox, int], clock: StillClock, monkeypatch: Any
) -> None:
    require(portal, "frank", days=7)
    with monkeypatch.context() as patch:
        patch.setattr(
            type(state_of(portal).store.outbox), "note_sent", lambda *_, **__: (_ for _ in ()).throw(SystemExit)
        )
        with pytest.raises(SystemExit):
            run_due(portal)
    assert run_due(portal).mails_sent == 0, "claimed by the one that died"
    clock.forward(minutes=10)
    assert run_due(portal).mails_sent == 1
    assert len({mail["Message-ID"] for mail in inbox[0].mails}) == 1
    assert len(inbox[0].mails) == 2


def test_two_senders_at_once_send_once(portal: Flask, inbox: tuple[Inbox, int]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for name in ("frank", "erin", "hugo"):
        require(portal, name, days=7)
    with ThreadPoolExecutor(4) as pool:
        sent = [done.mails_sent for done in pool.map(lambda _: run_due(portal), range(4))]
    assert sum(sent) == 3
    assert sorted(mail["To"] for mail in inbox[0].mails) == [
        "erin@example.org",
        "frank@example.org",
        "hugo@example.org",
    ]


@pytest.mark.parametrize(
    "name", ["A\r\nBcc: x@evil.example", "{{7*7}}", "<b>bold</b>", "Zoë 🙂", "\u202eevil", "x" * 10_000]
)
def test_names_stay_text(portal: Flask, inbox: tuple[Inbox, int], name: str) -> None:
    from example_app.models import User, db

    with portal.app_context():
        user = db.session.get(User, int(key_of(portal, "frank")))
        assert user is not None
        user.name = name
        db.session.commit()
    require(portal, "frank", days=7)
    assert run_due(portal).mails_sent == 1
    (mail,) = inbox[0].mails
    assert mail["Bcc"] is None
    assert "<b>bold" not in mail.get_body(("html",)).get_content()
    assert "49" not in mail.get_body(("plain",)).get_content().replace("2026", "")


@pytest.mark.parametrize("address", ["föö@bär.example", "a@b\r\nBcc: x@y", "not an address", ""])
def test_an_address_that_cant_be_mailed_costs_nothing(portal: Flask, address: str) -> None:
    from example_app.models import User, db

    with portal.app_context():
        user = db.session.get(User, int(key_of(portal, "frank")))
        assert user is not None
        user.email = address
        db.session.commit()
    require(portal, "frank", days=7)
    done = run_due(portal)
    assert done.mails_sent + done.mails_failed <= 1
    with portal.app_context():
        assert state_of(portal).people.enrollments.status(key_of(portal, "frank")).required


def test_without_a_base_url_there_is_no_link(make_app: Any, inbox: tuple[Inbox, int]) -> None:
    app: Flask = make_app(MAIL_SUPPRESS_SEND=False, MAIL_SERVER="127.0.0.1", MAIL_PORT=inbox[1], MFA_GATE_BASE_URL=None)
    settle(app)
    require(app, "frank", days=7)
    with app.test_request_context("/", headers={"Host": "evil.example"}):
        state_of(app).gate.run_due()
    text = inbox[0].mails[0].get_body(("plain",)).get_content()
    assert "evil.example" not in text
    assert "Sign in to set it up" in text


def test_mail_kinds_can_be_switched_off(make_app: Any, inbox: tuple[Inbox, int]) -> None:
    app: Flask = make_app(
        MAIL_SUPPRESS_SEND=False, MAIL_SERVER="127.0.0.1", MAIL_PORT=inbox[1], MFA_GATE_MAIL_DISABLED=["start"]
    )
    settle(app)
    require(app, "frank", days=7)
    run_due(app)
    assert inbox[0].mails == []


def test_an_act_in_a_request_is_mailed_right_after_the_response(portal: Flask, inbox: tuple[Inbox, int]) -> None:
    portal._got_first_request = False

    @portal.post("/hire")
    def hire() -> str:
        state_of(portal).people.enrollments.require(key_of(portal, "frank"), days=7)
        return "hired"

    with portal.test_client().post("/hire") as answer:
        assert answer.text == "hired"
    assert len(inbox[0].waited_for(1)) == 1
