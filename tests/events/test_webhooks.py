"""Webhook receivers that are up, down, slow, choosy and rude, and senders that die."""

from __future__ import annotations

import json
import logging
import socket
import ssl
from base64 import b64decode
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import trustme
from flask import Flask
from sqlalchemy import event
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from flask_mfa_gate.domain.people.roles import Actor
from flask_mfa_gate.events.trouble import Refused, problem_of
from flask_mfa_gate.outbound import Channels, Outbound
from tests.conftest import Browser, Phone, StillClock, key_of, state_of
from tests.events.kit import HERE, LONG, OLD_SECRET, SECRET, act, bodies, hook, ids, rows, send, states
from tests.mail.kit import free_port
from tests.outbound import kit
from tests.outbound.kit import HttpReceiver


def hurry(app: Flask, seconds: float = 0.3) -> None:
    """The portal waits for nobody."""
    sender = state_of(app).operations.event_delivery._sender
    sender._outbound = Outbound(Channels(tuple(HERE), connect_seconds=seconds, total_seconds=seconds))


class TestUp:
    def test_what_is_on_record_arrives_in_order(self, portal: Flask, receiver: HttpReceiver) -> None:
        act(portal, "frank", "erin", days=3, reason="audit")
        assert send(portal) == (2, 0)
        first, second = bodies(receiver)
        frank = key_of(portal, "frank")
        assert (first["type"], first["data"]["subject"], first["data"]["actor"]) == ("enrollment_started", frank, "cli")
        assert (first["data"]["reason"], first["data"]["details"]["days"]) == ("audit", 3)
        assert second["data"]["subject"] == key_of(portal, "erin")
        assert [first["id"], second["id"]] == ids(receiver)
        assert {one.path for one in receiver.received} == {"/hook"}
        assert {one.headers["content-type"] for one in receiver.received} == {"application/json"}
        assert send(portal) == (0, 0)

    def test_a_sign_in_is_told_right_after_its_response(
        self, portal: Flask, receiver: HttpReceiver, phone: Phone
    ) -> None:
        browser = Browser(portal)
        browser.sign_in("dave")
        browser.send("/mfa/challenge", code=phone.code())
        # What a thread behind one response is still busy with is left to the next, or to cron.
        send(portal)
        told = {one["type"]: one for one in (json.loads(got.body) for got in receiver.waited_for(2))}
        assert set(told) == {"signed_in", "challenge_passed"}
        assert told["challenge_passed"]["data"]["address"] == "127.0.0.1"
        assert set(Counter(ids(receiver)).values()) == {1}

    def test_what_arrived_is_not_kept(self, portal: Flask) -> None:
        act(portal, "frank", reason="audit")
        send(portal)
        (row,) = rows(portal)
        assert (row.state, row.subject, row.actor, row.facts) == ("sent", "", "", {})

    def test_only_events_that_were_chosen(self, make_app: Any, receiver: HttpReceiver) -> None:
        chosen = hook(receiver.url, events=["mfa_reset", "enrollment_extended"])
        portal = make_app(MFA_GATE_WEBHOOKS=[chosen], MFA_GATE_OUTBOUND_NETWORKS=HERE)
        act(portal, "frank")
        with portal.app_context():
            state_of(portal).people.enrollments.extend(key_of(portal, "frank"), days=1, actor=Actor.CLI)
        send(portal)
        assert [one["type"] for one in bodies(receiver)] == ["enrollment_extended"]

    def test_many_users_at_once(self, portal: Flask, receiver: HttpReceiver) -> None:
        keys = [key_of(portal, name) for name in ("bob", "carol", "dave", "erin", "frank", "grace", "hugo", "ada")]
        with portal.app_context():
            state_of(portal).people.users.sync()
            people = [*keys, *(f"new-{number}" for number in range(20))]
            state_of(portal).people.enrollments.require(people, actor=Actor.CLI)
        started = [row for row in rows(portal) if row.event == "enrollment_started"]
        assert send(portal)[1] == 0
        told = [one["data"]["subject"] for one in bodies(receiver) if one["type"] == "enrollment_started"]
        assert sorted(told) == sorted(row.subject for row in started)
        assert set(Counter(ids(receiver)).values()) == {1}


class TestSignatures:
    """Verified by a library that nobody here wrote."""

    def arrived(self, make_app: Any, receiver: HttpReceiver, clock: StillClock, *secrets: str) -> kit.Received:
        from datetime import UTC, datetime

        clock.now = datetime.now(UTC)
        portal = make_app(
            MFA_GATE_WEBHOOKS=[hook(receiver.url, secrets=list(secrets))], MFA_GATE_OUTBOUND_NETWORKS=HERE
        )
        act(portal, "frank")
        assert send(portal) == (1, 0)
        return receiver.received[0]

    def test_hold(self, make_app: Any, receiver: HttpReceiver, clock: StillClock) -> None:
        got = self.arrived(make_app, receiver, clock, SECRET)
        assert Verifier(SECRET).verify(got.body, got.headers)["type"] == "enrollment_started"

    @pytest.mark.parametrize("known", [SECRET, OLD_SECRET])
    def test_hold_with_either_of_two_secrets(
        self, make_app: Any, receiver: HttpReceiver, clock: StillClock, known: str
    ) -> None:
        got = self.arrived(make_app, receiver, clock, SECRET, OLD_SECRET)
        assert Verifier(known).verify(got.body, got.headers)

    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    def test_cover_id_time_and_body(self, make_app: Any, receiver: HttpReceiver, clock: StillClock, name: str) -> None:
        got = self.arrived(make_app, receiver, clock, SECRET)
        mine = got.headers[name]
        other = (
            str(int(mine) - 1) if name == "webhook-timestamp" else mine.replace(mine[5], "A" if mine[5] != "A" else "B")
        )
        for headers, body in (({**got.headers, name: other}, got.body), (got.headers, got.body + b" ")):
            with pytest.raises(WebhookVerificationError):
                Verifier(SECRET).verify(body, headers)

    def test_fail_with_another_secret(self, make_app: Any, receiver: HttpReceiver, clock: StillClock) -> None:
        got = self.arrived(make_app, receiver, clock, SECRET)
        with pytest.raises(WebhookVerificationError):
            Verifier(OLD_SECRET).verify(got.body, got.headers)


class TestDown:
    def test_nothing_is_lost_and_it_arrives_once_under_its_id(
        self, make_app: Any, authority: trustme.CA, receiver: HttpReceiver, clock: StillClock
    ) -> None:
        portal = make_app(MFA_GATE_WEBHOOKS=[hook(f"https://127.0.0.1:{free_port()}")], MFA_GATE_OUTBOUND_NETWORKS=HERE)
        act(portal, "frank", "erin", "hugo")
        assert send(portal) == (0, 1), "one try, then the run leaves it alone"
        before = [row.id for row in rows(portal)]
        up = make_app(MFA_GATE_WEBHOOKS=[hook(receiver.url)], MFA_GATE_OUTBOUND_NETWORKS=HERE)
        assert send(up) == (2, 0), "the one that failed waits a minute"
        clock.forward(minutes=1)
        assert send(up) == (1, 0)
        assert sorted(ids(receiver)) == sorted(before)

    def test_pauses_grow(self, make_app: Any, clock: StillClock) -> None:
        portal = make_app(MFA_GATE_WEBHOOKS=[hook(f"https://127.0.0.1:{free_port()}")], MFA_GATE_OUTBOUND_NETWORKS=HERE)
        act(portal, "frank")
        pauses = []
        for _ in range(11):
            send(portal)
            (row,) = rows(portal)
            pauses.append(row.due_at - clock())
            clock.now = row.due_at
        minutes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]
        assert pauses == [timedelta(minutes=number) for number in minutes]

    def test_after_a_week_it_is_given_up_on_record_and_can_be_tried_again(
        self, make_app: Any, receiver: HttpReceiver, clock: StillClock
    ) -> None:
        receiver.behave = kit.status(503)
        portal = make_app(MFA_GATE_WEBHOOKS=[hook(receiver.url)], MFA_GATE_OUTBOUND_NETWORKS=HERE)
        act(portal, "frank")
        send(portal)
        clock.forward(days=7, seconds=1)
        assert send(portal) == (0, 0)
        assert states(portal) == ["given-up"], "and nobody is told of it over the same dead wire"
        with portal.app_context():
            records = list(state_of(portal).operations.audit.export())
            assert records[-1]["event"] == "events_given_up"
            assert records[-1]["details"] == {"destination": "hook", "count": 1}
            receiver.behave = kit.status(204)
            assert state_of(portal).operations.event_delivery.retry("hook", actor=Actor.CLI) == 1
        assert send(portal) == (2, 0), "the event, and that it was tried again"

    def test_another_destination_is_told_of_it(self, make_app: Any, receiver: HttpReceiver, clock: StillClock) -> None:
        dead = hook(f"https://127.0.0.1:{free_port()}", name="dead", events=["enrollment_started"])
        alive = hook(receiver.url, name="alive", events=["events_given_up"])
        portal = make_app(MFA_GATE_WEBHOOKS=[dead, alive], MFA_GATE_OUTBOUND_NETWORKS=HERE)
        act(portal, "frank")
        send(portal)
        clock.forward(days=7, seconds=1)
        assert send(portal) == (1, 0)
        assert bodies(receiver)[0]["data"]["details"] == {"destination": "dead", "count": 1}


class TestRude:
    @pytest.mark.parametrize("behave", [kit.status(302, Location="/inside"), kit.status(500), kit.status(410),
                                        kit.status(429), kit.gibberish, kit.hang_up, kit.slow(1.5), kit.drop_by_drop])  # fmt: skip
    def test_costs_one_try_a_run_and_no_event(
        self, portal: Flask, receiver: HttpReceiver, clock: StillClock, behave: kit.Behave
    ) -> None:
        hurry(portal)
        receiver.behave = behave
        act(portal, "frank", "erin")
        assert send(portal) == (0, 1)
        assert len(receiver.received) == 1
        hurry(portal, 10)
        receiver.behave = kit.status(204)
        clock.forward(minutes=1)
        assert send(portal) == (2, 0)
        assert sorted(Counter(ids(receiver)).values()) == [1, 2], "one repeat, with the same id"

    def test_an_answer_of_64_mb_is_an_answer(self, portal: Flask, receiver: HttpReceiver) -> None:
        receiver.behave = kit.endless
        act(portal, "frank")
        assert send(portal) == (1, 0)
        assert receiver.sent_mb < 32

    @pytest.mark.parametrize("code", [400, 403, 406, 413, 422])
    def test_one_event_that_is_not_taken_keeps_no_other(self, portal: Flask, receiver: HttpReceiver, code: int) -> None:
        receiver.behave = lambda handler: kit.answer(handler, code if len(receiver.received) == 1 else 204)
        act(portal, "frank", "erin", "hugo")
        assert send(portal) == (2, 1)
        assert states(portal) == ["waiting", "sent", "sent"]

    def test_a_private_address_is_refused_with_the_reason(
        self, make_app: Any, receiver: HttpReceiver, caplog: pytest.LogCaptureFixture
    ) -> None:
        portal = make_app(MFA_GATE_WEBHOOKS=[hook(receiver.url)])
        act(portal, "frank")
        assert send(portal) == (0, 1)
        assert "MFA_GATE_OUTBOUND_NETWORKS" in rows(portal)[0].problem
        assert receiver.received == []


class TestOddRows:
    @pytest.mark.parametrize("facts", [{"unknown": 1}, ["a list"], "a text"])
    def test_one_that_nothing_can_read_keeps_no_other(self, portal: Flask, facts: object) -> None:
        act(portal, "frank", "erin", "hugo")
        table = state_of(portal).store.tables.outgoing_event
        with state_of(portal).store.database.write() as tx:
            tx.execute(table.update().where(table.c.id == rows(portal)[1].id).values(facts=facts, attempts=1))
        assert send(portal) == (2, 0)
        with portal.app_context():
            assert state_of(portal).operations.event_delivery.failed() == []

    def test_a_clock_that_was_a_year_ahead_keeps_nothing(self, portal: Flask, clock: StillClock) -> None:
        clock.forward(days=365)
        act(portal, "frank", "erin")
        store = state_of(portal).store
        with store.database.write() as tx:
            first, until = rows(portal)[0].id, clock() + timedelta(minutes=2)
            assert store.outgoing_events.try_claim(tx, first, now=clock(), until=until)
        clock.forward(days=-365)
        assert send(portal) == (2, 0)

    def test_a_destination_does_not_rest_by_it_either(
        self, portal: Flask, receiver: HttpReceiver, clock: StillClock
    ) -> None:
        receiver.behave = kit.status(503)
        sender = state_of(portal).operations.event_delivery._sender
        clock.forward(days=365)
        act(portal, "frank")
        assert sender.send_soon(limit=LONG) == (0, 1)
        act(portal, "erin")
        assert sender.send_soon(limit=LONG) == (0, 0), "it rests for a minute"
        receiver.behave = kit.status(204)
        clock.forward(days=-365)
        assert sender.send_soon(limit=LONG) == (2, 0)


class TestKilled:
    def test_between_answer_and_note_it_is_sent_once_more(
        self, portal: Flask, receiver: HttpReceiver, clock: StillClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Killed(BaseException):
            pass

        def die(*_: Any, **__: Any) -> None:
            raise Killed

        act(portal, "frank")
        outgoing = type(state_of(portal).store.outgoing_events)
        with monkeypatch.context() as patch:
            patch.setattr(outgoing, "note_sent", die)
            with pytest.raises(Killed):
                send(portal)
        assert send(portal) == (0, 0), "it may still be on its way"
        clock.forward(minutes=2)
        assert send(portal) == (1, 0)
        assert list(Counter(ids(receiver)).values()) == [2]

    def test_who_comes_late_does_not_undo_what_another_did(self, portal: Flask, clock: StillClock) -> None:
        act(portal, "frank")
        store, now = state_of(portal).store, clock()
        with store.database.read() as tx:
            (one,) = store.outgoing_events.due(tx, "hook", now=now, limit=9)
        until = now + timedelta(minutes=2)
        with store.database.write() as tx:
            assert store.outgoing_events.try_claim(tx, one.id, now=now, until=until)
            assert not store.outgoing_events.try_claim(tx, one.id, now=now, until=until)
        clock.forward(minutes=3)
        assert send(portal) == (1, 0)
        with store.database.write() as tx:
            store.outgoing_events.note_failed(tx, one, until=until, problem="late", due_at=clock())
        assert states(portal) == ["sent"]

    def test_nor_tries_again_what_another_has_just_tried(self, portal: Flask, clock: StillClock) -> None:
        act(portal, "frank")
        store, now = state_of(portal).store, clock()
        until = now + timedelta(minutes=2)
        with store.database.write() as tx:
            (one,) = store.outgoing_events.due(tx, "hook", now=now, limit=9)
            assert store.outgoing_events.try_claim(tx, one.id, now=now, until=until)
            later = now + timedelta(minutes=1)
            store.outgoing_events.note_failed(tx, one, until=until, problem="down", due_at=later)
            assert not store.outgoing_events.try_claim(tx, one.id, now=now, until=until)
            assert store.outgoing_events.try_claim(tx, one.id, now=later, until=until)


class TestWhatIsSaid:
    def test_nothing_of_the_secrets_in_log_audit_or_representation(
        self, make_app: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        url = f"https://127.0.0.1:{free_port()}"
        portal = make_app(
            MFA_GATE_WEBHOOKS=[hook(f"{url}/services/T0/very-secret-path")], MFA_GATE_OUTBOUND_NETWORKS=HERE
        )
        act(portal, "frank")
        send(portal)
        with portal.app_context():
            kept = [
                *state_of(portal).operations.audit.export(),
                *rows(portal),
                *state_of(portal).operations.event_delivery.states(),
            ]
        for secret in ("very-secret-path", SECRET, repr(b64decode(SECRET.removeprefix("whsec_")))):
            assert secret not in caplog.text + repr(kept) + repr(state_of(portal).settings)

    def test_a_user_who_is_forgotten_is_in_nothing_that_waits(
        self, make_app: Any, receiver: HttpReceiver, phone: Phone
    ) -> None:
        receiver.behave = kit.status(503)
        portal = make_app(MFA_GATE_WEBHOOKS=[hook(receiver.url)], MFA_GATE_OUTBOUND_NETWORKS=HERE)
        key = key_of(portal, "grace")
        act(portal, "grace", reason="grace asked for it on the phone")
        with portal.app_context():
            users = state_of(portal).people.users
            state_of(portal).people.enrollments.require(
                key_of(portal, "frank"), actor=Actor.user(key_of(portal, "ada"))
            )
            users.forget(key_of(portal, "ada"))
            users.forget(key)
        told = repr([(row.subject, row.actor, row.facts) for row in rows(portal)])
        assert "grace asked" not in told
        assert not {key, f"user:{key_of(portal, 'ada')}"} & {
            word for row in rows(portal) for word in (row.subject, row.actor)
        }
        assert len(rows(portal)) == 4, "that it happened is still told"

    def test_a_user_who_is_renamed_is_told_by_the_new_key(self, portal: Flask, receiver: HttpReceiver) -> None:
        act(portal, "frank")
        with portal.app_context():
            state_of(portal).people.users.rename(key_of(portal, "frank"), "another")
        send(portal)
        assert {one["data"]["subject"] for one in bodies(receiver)} == {"another"}


@pytest.mark.parametrize(("is_told", "more"), [(False, 0), (True, 1)])
def test_a_destination_costs_one_insert(
    make_app: Any, receiver: HttpReceiver, phone: Phone, is_told: bool, more: int
) -> None:
    config = (
        {"MFA_GATE_WEBHOOKS": [hook(receiver.url, events=["challenge_passed", "enrollment_started"])]}
        if is_told
        else {}
    )
    portal = make_app(**config, MFA_GATE_OUTBOUND_NETWORKS=HERE)
    statements: list[str] = []
    act(portal, "frank")
    if is_told:
        send(portal)

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = state_of(portal).store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    act(portal, "erin")
    event.remove(engine, "before_cursor_execute", note)
    assert len([one for one in statements if "outgoing_event" in one]) == more
    assert len([one for one in statements if "outgoing_event" in one and one.startswith("INSERT")]) == more


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLCertVerificationError("hooks.example.org/secret"), "certificate not trusted"),
        (ssl.SSLError("secret"), "TLS failed"),
        (socket.gaierror(-2, "secret"), "name not found"),
        (TimeoutError("secret"), "no answer in time"),
        (ConnectionRefusedError("secret"), "connection refused"),
        (ConnectionResetError("secret"), "connection reset"),
        (Refused("HTTP 422"), "HTTP 422"),
        (KeyError("secret"), "KeyError"),
    ],
)
def test_what_went_wrong_is_said_in_words_and_without_those_of_the_system(error: Exception, words: str) -> None:
    assert problem_of(error) == words
