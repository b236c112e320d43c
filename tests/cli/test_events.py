"""Events on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.domain.people.roles import Actor
from flask_mfa_gate.settings.event_checks import webhooks
from tests.conftest import StillClock, key_of, state_of
from tests.events.kit import HERE, act, hook
from tests.outbound import kit
from tests.outbound.kit import HttpReceiver

ROOT = Path(__file__).parents[2]


@pytest.fixture
def portal(make_app: Any, receiver: HttpReceiver) -> Flask:
    app: Flask = make_app(MFA_GATE_WEBHOOKS=[hook(receiver.url)], MFA_GATE_OUTBOUND_NETWORKS=HERE)
    return app


def run(app: Flask, *words: str, fails: bool = False) -> str:
    result = app.test_cli_runner().invoke(args=["mfa", "events", *words])
    assert result.exit_code == int(fails), result.output
    return str(result.output)


def test_a_test_event_goes_to_its_destination_alone_and_is_on_record(
    portal: Flask,
    receiver: HttpReceiver,
) -> None:
    assert run(portal, "test", "hook") == "hook took the test event.\n"
    (body,) = [json.loads(one.body) for one in receiver.received]
    assert (body["type"], body["data"]["details"]) == ("test_event_sent", {"destination": "hook"})
    with portal.app_context():
        assert [*state_of(portal).operations.audit.export()][-1]["actor"] == "cli"
    assert "no event destination 'hok'" in run(portal, "test", "hok", fails=True)


def test_one_that_does_not_arrive_is_listed_and_can_be_retried(
    portal: Flask,
    receiver: HttpReceiver,
) -> None:
    receiver.behave = kit.status(503)
    assert "hook did not take" in run(portal, "test", "hook", fails=True)
    assert "test_event_sent to hook: waiting, HTTP 503" in run(portal, "failed")
    (failed,) = json.loads(run(portal, "failed", "--json"))
    assert (failed["problem"], failed["attempts"], failed["state"]) == ("HTTP 503", 1, "waiting")
    (listed,) = json.loads(run(portal, "list", "--json"))
    assert (listed["name"], listed["address"], listed["waiting"]) == ("hook", receiver.url, 1)
    receiver.behave = kit.status(204)
    assert run(portal, "retry", "hook").startswith("1 event to try again: 2 sent, 0 failed.")
    assert run(portal, "failed") == "0 events.\n"
    assert "https://127.0.0.1" in run(portal, "list")


def test_a_new_secret_is_one_that_the_settings_take(portal: Flask) -> None:
    first, second = run(portal, "new-secret").strip(), run(portal, "new-secret").strip()
    assert first != second
    assert len(webhooks("x", [{"url": "https://example.org", "secrets": [first, second]}])[0].secrets[0]) == 32


class TestTail:
    def test_shows_the_latest_oldest_first(self, app: Flask) -> None:
        act(app, "frank", "erin", "hugo")
        lines = [json.loads(line) for line in run(app, "tail", "--no-follow", "--lines", "2").splitlines()]
        assert [one["subject"] for one in lines] == [key_of(app, "erin"), key_of(app, "hugo")]
        assert set(lines[0]) >= {"id", "at", "event", "actor", "subject", "address", "user_agent", "reason", "details"}

    def test_filters_by_event(self, app: Flask) -> None:
        act(app, "frank")
        with app.app_context():
            state_of(app).people.enrollments.reset(key_of(app, "dave"), actor=Actor.CLI)
        lines = run(app, "tail", "--no-follow", "--event", "mfa_reset").splitlines()
        assert [json.loads(line)["event"] for line in lines] == ["mfa_reset"]
        assert run(app, "tail", "--no-follow", "--lines", "0") == ""

    def test_an_unknown_event_is_named(self, app: Flask) -> None:
        result = app.test_cli_runner().invoke(args=["mfa", "events", "tail", "--event", "mfa_rest"])
        assert result.exit_code == 2
        assert "mfa_rest" in result.output

    def test_tells_of_each_record_once_also_of_one_whose_id_came_first(self, app: Flask, clock: StillClock) -> None:
        from sqlalchemy import update

        act(app, "frank", "erin")
        watch = state_of(app).operations.audit_reader.watch(frozenset())
        assert list(watch.new()) == []
        act(app, "hugo", "ada")
        table = state_of(app).store.tables.audit
        first, second = [one["id"] for one in watch.new()]
        with state_of(app).store.database.write() as tx:
            tx.execute(update(table).where(table.c.id == second).values(id=second + 5))
        act(app, "bob", renew=True)
        # An older transaction ends only now.
        with state_of(app).store.database.write() as tx:
            tx.execute(update(table).where(table.c.id == second + 5).values(id=second + 1))
        assert second + 1 in [one["id"] for one in watch.new()]
        assert list(watch.new()) == []
        clock.forward(seconds=31)
        act(app, "frank", renew=True)
        assert len(list(watch.new())) == 1
        assert first <= watch._settled, "what is old is no longer read"

    def test_a_record_that_nothing_can_read_hides_no_other(self, app: Flask) -> None:
        from sqlalchemy import text

        watch = state_of(app).operations.audit_reader.watch(frozenset())
        act(app, "frank", "erin", "hugo")
        table = state_of(app).store.tables.audit
        with state_of(app).store.database.write() as tx:
            bad = tx.execute(table.select().order_by(table.c.id.desc()).offset(1)).first()
            assert bad is not None
            tx.execute(text(f"UPDATE {table.name} SET details = 'no JSON' WHERE id = {bad.id}"))
        assert [one["subject"] for one in watch.new()] == [key_of(app, "frank"), key_of(app, "hugo")]
        assert len(run(app, "tail", "--no-follow", "--lines", "3").splitlines()) == 2


@pytest.fixture
def follower(app: Flask, tmp_path: Path) -> Any:
    """The command in a process of its own."""
    script = tmp_path / "wsgi.py"
    uri = app.config["SQLALCHEMY_DATABASE_URI"]
    script.write_text(
        f"from example_app import create_app\napp = create_app({{'TESTING': True, 'SQLALCHEMY_DATABASE_URI': {uri!r}}})\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "flask", "--app", str(script), "mfa", "events", "tail", "--lines", "1"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        # Where the tests are a background job of a shell, they and what they start don't hear Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as running:  # fmt: skip
        yield running
        running.kill()


def test_follows_until_ctrl_c(app: Flask, follower: Any) -> None:
    act(app, "frank")
    assert json.loads(follower.stdout.readline())["event"]
    act(app, "erin", reason="while it runs")
    while json.loads(follower.stdout.readline())["reason"] != "while it runs":
        pass
    follower.send_signal(signal.SIGINT)
    assert follower.wait(30) == 0
    assert follower.stderr.read() == ""


def test_ends_when_nobody_reads_any_more(app: Flask, follower: Any) -> None:
    act(app, "frank")
    assert json.loads(follower.stdout.readline())
    follower.stdout.close()
    began = time.monotonic()
    assert follower.wait(30) == 0, "at the next look, without waiting for another event"
    assert time.monotonic() - began < 25
    assert follower.stderr.read() == ""
