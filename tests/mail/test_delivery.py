"""Mail servers that are up, down, silent, choosy and rude, and senders that die or race."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask_mail import email_dispatched

from flask_mfa_gate.mail.delivery import FIRST_RETRY, LONGEST_RETRY
from flask_mfa_gate.mail.transport import UnusableAddress, make_sender, one_address
from tests.conftest import StillClock, at_once, key_of, state_of
from tests.mail.kit import (
    PATIENT,
    SOON,
    Inbox,
    free_port,
    letter,
    post,
    problems,
    require,
    run_due,
    scripted,
    send_due,
    use_server,
)

ADDRESSES = [f"p{number:02}@example.org" for number in range(20)]


@pytest.fixture
def crowded(portal: Flask) -> Flask:
    """Twenty mails wait."""
    post(portal, *(letter(portal, address) for address in ADDRESSES))
    return portal


def waiting(app: Flask) -> list[str]:
    """Recipients of mail that is due and free to take."""
    store = state_of(app).store
    with store.database.read() as tx:
        return [message.recipient for message in store.outbox.due(tx, now=state_of(app).clock(), limit=100)]


class TestUp:
    def test_all_go(self, crowded: Flask, inbox: tuple[Inbox, int]) -> None:
        assert send_due(crowded) == (20, 0)
        assert sorted(mail["To"] for mail in inbox[0].mails) == ADDRESSES
        assert {mail["Auto-Submitted"] for mail in inbox[0].mails} == {"auto-generated"}
        assert problems(crowded) == {}

    def test_more_than_a_slice(self, portal: Flask, inbox: tuple[Inbox, int]) -> None:
        post(portal, *(letter(portal, f"p{number}@example.org") for number in range(101)))
        assert send_due(portal) == (101, 0)

    def test_nothing_leaves_where_the_host_suppresses_mail(self, crowded: Flask, inbox: tuple[Inbox, int]) -> None:
        told: list[str] = []

        def hear(_app: Any, message: Any) -> None:
            told.append(message.recipients[0])

        crowded.extensions["mail"].suppress = True
        with email_dispatched.connected_to(hear):
            assert send_due(crowded) == (20, 0)
        assert sorted(told) == ADDRESSES
        assert inbox[0].mails == []

    def test_a_receiver_that_fails_sends_no_mail_twice(self, crowded: Flask, inbox: tuple[Inbox, int]) -> None:
        def fail(_app: Any, message: Any) -> None:
            raise RuntimeError(message.subject)

        with email_dispatched.connected_to(fail):
            assert send_due(crowded) == (20, 0)
        assert len(inbox[0].mails) == 20


class TestDown:
    def test_one_try_then_the_run_stops_and_the_rest_stays_due(self, crowded: Flask, clock: StillClock) -> None:
        use_server(crowded, free_port())
        assert send_due(crowded) == (0, 1)
        assert len(waiting(crowded)) == 19
        assert list(filter(None, problems(crowded).values())) == ["ServerUnavailable: ConnectionRefusedError"]

    def test_up_again(self, crowded: Flask, inbox: tuple[Inbox, int], clock: StillClock) -> None:
        use_server(crowded, free_port())
        assert send_due(crowded) == (0, 1)
        use_server(crowded, inbox[1])
        assert send_due(crowded) == (19, 0), "the one that failed waits a minute"
        clock.forward(minutes=1)
        assert send_due(crowded) == (1, 0)
        assert sorted(mail["To"] for mail in inbox[0].mails) == ADDRESSES

    def test_a_name_that_nobody_knows(self, crowded: Flask) -> None:
        crowded.extensions["mail"].server = "mail.invalid"
        assert send_due(crowded) == (0, 1)
        assert len(waiting(crowded)) == 19

    def test_a_server_that_lets_the_app_not_in(self, crowded: Flask) -> None:
        crowded.extensions["mail"].username = crowded.extensions["mail"].password = "wrong"
        assert send_due(crowded) == (0, 1)
        assert len(waiting(crowded)) == 19

    @pytest.mark.parametrize("way", ["use_tls", "use_ssl"])
    def test_a_server_without_the_tls_that_was_asked_for(self, crowded: Flask, way: str) -> None:
        setattr(crowded.extensions["mail"], way, True)
        assert send_due(crowded) == (0, 1)
        assert len(waiting(crowded)) == 19

    @pytest.mark.parametrize("missing", ["mail", "sender"])
    def test_no_flask_mail_or_no_sender(self, crowded: Flask, missing: str) -> None:
        if missing == "mail":
            del crowded.extensions["mail"]
        else:
            crowded.extensions["mail"].default_sender = None
        assert send_due(crowded) == (0, 1)
        assert len(waiting(crowded)) == 19

    def test_the_pause_doubles_up_to_six_hours(self, portal: Flask, clock: StillClock) -> None:
        post(portal, letter(portal, "frank@example.org"))
        use_server(portal, free_port())
        pause = FIRST_RETRY
        for _ in range(12):
            assert send_due(portal) == (0, 1)
            clock.now += pause - timedelta(seconds=1)
            assert send_due(portal) == (0, 0)
            clock.forward(seconds=1)
            pause = min(2 * pause, LONGEST_RETRY)
        assert pause == LONGEST_RETRY

    def test_it_is_given_up_after_a_week(self, portal: Flask, clock: StillClock) -> None:
        post(portal, letter(portal, "frank@example.org"))
        use_server(portal, free_port())
        clock.forward(days=6, hours=23)
        assert send_due(portal) == (0, 1)
        clock.forward(days=1)
        assert send_due(portal) == (0, 0)
        store = state_of(portal).store
        with store.database.read() as tx:
            assert store.outbox.count_given_up(tx) == 1
            assert store.outbox.count_due(tx, now=clock()) == 0
            assert store.outbox.waiting(tx, since=clock()) is None
        with portal.app_context():
            assert "mail-given-up" in {one.code for one in state_of(portal).gate.doctor()}
            clock.forward(days=31)
            state_of(portal).gate.run_due()
        with store.database.read() as tx:
            assert store.outbox.count_given_up(tx) == 0, "swept"


class TestSilent:
    @pytest.mark.parametrize("moment", ["hello", "EHLO", "MAIL", "RCPT", "DATA", "taken"])
    def test_it_costs_one_time_limit(self, crowded: Flask, moment: str) -> None:
        with scripted({moment: "hang"}) as server:
            use_server(crowded, server.port)
            began = time.monotonic()
            assert send_due(crowded, limit=SOON) == (0, 1)
            assert time.monotonic() - began < SOON.total_seconds() + 3
            assert server.connections == 1
        assert len(waiting(crowded)) == 19

    def test_one_that_answers_slowly_has_the_same_limit(self, crowded: Flask) -> None:
        with scripted(delay=0.3) as server:
            use_server(crowded, server.port)
            began = time.monotonic()
            assert send_due(crowded, limit=timedelta(seconds=0.8)) == (0, 1)
            assert time.monotonic() - began < 4
            assert server.taken == 0
        assert len(waiting(crowded)) == 19

    def test_no_thread_is_left_behind(self, crowded: Flask) -> None:
        before = threading.active_count()
        with scripted({"DATA": "hang"}) as server:
            use_server(crowded, server.port)
            assert send_due(crowded, limit=SOON) == (0, 1)
        deadline = time.monotonic() + 5
        while threading.active_count() > before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert threading.active_count() <= before

    @pytest.mark.parametrize("farewell", ["hang", "close", "500 what"])
    def test_a_farewell_that_fails_sends_no_mail_twice(self, portal: Flask, farewell: str) -> None:
        post(portal, letter(portal, "frank@example.org"))
        with scripted({"QUIT": farewell}) as server:
            use_server(portal, server.port)
            assert send_due(portal, limit=timedelta(seconds=5)) == (1, 0)
            assert server.taken == 1

    def test_after_a_response_it_holds_no_worker(self, portal: Flask, monkeypatch: Any) -> None:
        monkeypatch.setattr("flask_mfa_gate.web.responses.after_response.LONGEST", timedelta(seconds=0.5))
        portal._got_first_request = False

        @portal.post("/hire")
        def hire() -> str:
            state_of(portal).people.enrollments.require(key_of(portal, "frank"), days=7)
            return "hired"

        with scripted({"hello": "hang"}) as server:
            use_server(portal, server.port)
            threads = threading.active_count()
            for _ in range(3):
                with portal.test_client().post("/hire") as answer:
                    assert answer.text == "hired"
            assert not list(filter(None, problems(portal).values())), "the answers did not wait for it"
            assert threading.active_count() <= threads + 2, "one thread a process, and the clock of its time limit"
            deadline = time.monotonic() + 5
            while not list(filter(None, problems(portal).values())) and time.monotonic() < deadline:
                time.sleep(0.05)
        (problem,) = filter(None, problems(portal).values())
        assert problem.startswith("ServerUnavailable: "), "one was tried, the rest waits for run-due"


class TestChoosy:
    def test_a_refused_recipient_blocks_nobody(self, crowded: Flask, inbox: tuple[Inbox, int]) -> None:
        inbox[0].refuse_recipients = {"p00@example.org": "550 no such user p00", "p07@example.org": "450 busy"}
        assert send_due(crowded) == (18, 2)
        noted = {"p00@example.org": "SMTPRecipientsRefused 550", "p07@example.org": "SMTPRecipientsRefused 450"}
        assert problems(crowded) == noted, "and not the server's own words"

    @pytest.mark.parametrize("code", [451, 550])
    def test_refused_after_the_data(
        self, crowded: Flask, inbox: tuple[Inbox, int], clock: StillClock, code: int
    ) -> None:
        inbox[0].answer = f"{code} not now"
        assert send_due(crowded) == (0, 20), "the server is there, so each has its try"
        assert set(problems(crowded).values()) == {f"SMTPDataError {code}"}
        inbox[0].answer = "250 OK"
        clock.forward(minutes=1)
        assert send_due(crowded) == (20, 0)

    @pytest.mark.parametrize("script", [{"body": "close"}, {"MAIL": "close"}, {"taken": "close"}])
    def test_a_server_that_hangs_up_amid_a_mail(self, crowded: Flask, script: dict[str, str]) -> None:
        with scripted(script) as server:
            use_server(crowded, server.port)
            assert send_due(crowded) == (0, 20), "one mail it can't stand must not hold up the others"
            assert server.connections == 20


class TestAddresses:
    @pytest.mark.parametrize(
        ("given", "sent"),
        [
            ("frank@example.org", "frank@example.org"),
            (" frank@example.org ", "frank@example.org"),
            ("frank@bücher.example", "frank@xn--bcher-kva.example"),
            ("o'neil+mfa@example.org", "o'neil+mfa@example.org"),
            ("root@localhost", "root@localhost"),
        ],
    )
    def test_usable(self, portal: Flask, inbox: tuple[Inbox, int], given: str, sent: str) -> None:
        post(portal, letter(portal, given))
        assert send_due(portal) == (1, 0)
        assert inbox[0].mails[0].envelope_to == [sent]
        assert inbox[0].mails[0]["To"] == sent

    @pytest.mark.parametrize(
        "given",
        [
            "", "@", "frank", "frank@", "@example.org", "föö@example.org", "föö@bär.example", "a b@example.org",
            "a@b\r\nBcc: x@evil.example", "a@example.org, x@evil.example", "a@example.org x@evil.example",
            "x@evil.example,a@example.org", "<x@evil.example>", "Frank <x@evil.example>", "a@x@example.org",
            "a@example..org", f"a@{'x' * 70}.org", "a" * 65 + "@example.org", "a@\ud800.org", "a\x00@example.org",
            "a@example.org>\nRCPT TO:<x@evil.example", "x@[192.0.2.1]", "x@[IPv6:2001:db8::1]",
        ],
    )  # fmt: skip
    def test_unusable_waits_and_blocks_nobody(self, portal: Flask, inbox: tuple[Inbox, int], given: str) -> None:
        with pytest.raises(UnusableAddress):
            one_address(given)
        if "\ud800" not in given and "\x00" not in given:
            post(portal, letter(portal, given))
            post(portal, letter(portal, "frank@example.org"))
            assert send_due(portal) == (1, 1)
            assert problems(portal) == {given: "UnusableAddress"}
            assert [mail.envelope_to for mail in inbox[0].mails] == [["frank@example.org"]]


class TestHeaders:
    def test_an_issuer_is_one_line(self, portal: Flask, inbox: tuple[Inbox, int]) -> None:
        """Nobody checks the name of a Flask app, which stands in for an issuer."""
        app: Any = SimpleNamespace(name="Portal\r\nBcc: x@evil.example\r\n\r\nHello")
        settings = dataclasses.replace(state_of(portal).settings, issuer="")
        with portal.app_context():
            make_sender(app, settings)(letter(portal, "frank@example.org"), limit=PATIENT)
        (mail,) = inbox[0].mails
        assert mail["Bcc"] is None
        assert mail["Subject"].strip().startswith("Portal Bcc: x@evil.example Hello: multi-factor")
        assert mail.envelope_to == ["frank@example.org"]

    def test_non_ascii_goes_through(self, make_app: Any, inbox: tuple[Inbox, int]) -> None:
        app: Flask = make_app(
            MAIL_SUPPRESS_SEND=False, MAIL_SERVER="127.0.0.1", MAIL_PORT=inbox[1], MFA_GATE_ISSUER="Bücher & Söhne 🙂",
            MFA_GATE_MAIL_SENDER="Bücher <portal@bücher.example>",
        )  # fmt: skip
        post(app, letter(app, "frank@example.org"))
        assert send_due(app) == (1, 0)
        (mail,) = inbox[0].mails
        assert mail["Subject"] == "Bücher & Söhne 🙂: multi-factor authentication is now required"
        assert mail["From"] == "Bücher <portal@xn--bcher-kva.example>"
        assert "Bücher & Söhne 🙂" in " ".join(mail.get_body(("plain",)).get_content().split())


class TestSenders:
    @pytest.fixture
    def slow(self) -> Iterator[Any]:
        with scripted(delay=0.01) as server:
            yield server

    def test_many_at_once_send_each_once(self, crowded: Flask, slow: Any) -> None:
        use_server(crowded, slow.port)
        counts = at_once([lambda: send_due(crowded)] * 4)
        assert sum(sent for sent, _ in counts) == 20
        assert slow.taken == 20

    def test_a_killed_one_leaves_the_others_due_and_its_own_for_later(
        self, crowded: Flask, inbox: tuple[Inbox, int], clock: StillClock, monkeypatch: Any
    ) -> None:
        def die(*_: Any, **__: Any) -> None:
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(type(state_of(crowded).store.outbox), "note_sent", die)
            with pytest.raises(SystemExit):
                send_due(crowded)
        assert send_due(crowded) == (19, 0)
        clock.forward(minutes=10)
        assert send_due(crowded) == (1, 0)
        assert len(inbox[0].mails) == 21
        assert len({mail["Message-ID"] for mail in inbox[0].mails}) == 20

    def test_one_that_lists_late_does_not_try_again_what_another_just_tried(
        self, portal: Flask, inbox: tuple[Inbox, int], monkeypatch: Any
    ) -> None:
        """Both listed it; the other tried and put it off before this one's claim."""
        post(portal, letter(portal, "frank@example.org"))
        outbox = type(state_of(portal).store.outbox)
        listed = outbox.due

        def list_late(*args: Any, **options: Any) -> Any:
            found = listed(*args, **options)
            with monkeypatch.context() as patch:
                patch.setattr(outbox, "due", listed)
                inbox[0].answer = "451 not now"
                assert send_due(portal) == (0, 1)
                inbox[0].answer = "250 OK"
            return found

        monkeypatch.setattr(outbox, "due", list_late)
        assert send_due(portal) == (0, 0)
        assert inbox[0].mails == []

    def test_a_cron_job_tells_what_it_did(self, portal: Flask, inbox: tuple[Inbox, int]) -> None:
        require(portal, "frank", days=7)
        require(portal, "erin", days=7)
        inbox[0].refuse_recipients = {"erin@example.org": "550 gone"}
        done = run_due(portal)
        assert (done.mails_sent, done.mails_failed) == (1, 1)
