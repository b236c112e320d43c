"""Fixtures: a clock that stands still, the example portal, a browser, a phone, and a recorder of signals."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import Pool
from werkzeug.test import TestResponse

from example_app import create_app
from example_app.people import DAVES_KEY, PASSWORD
from flask_mfa_gate.signals import Event, gate_signals
from flask_mfa_gate.web.state import GateState

IS_SOAK = bool(os.environ.get("MFA_GATE_SOAK"))
_MISSING: set[str] = set()
JSON = {"Accept": "application/json"}

settings.register_profile("ci", max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("soak", max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("soak" if IS_SOAK else "ci")


def require_or_skip(what: str, available: bool) -> None:
    """A test that needs something of the machine is skipped without it, or fails where everything has to be there."""
    if available:
        return
    if os.environ.get("MFA_GATE_TEST_REQUIRE") == "all":
        pytest.fail(f"{what} is not on this machine, and MFA_GATE_TEST_REQUIRE=all")
    _MISSING.add(what)
    pytest.skip(f"{what} is not on this machine")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect what was missing, also from parallel workers."""
    if report.skipped and isinstance(report.longrepr, tuple) and "is not on this machine" in report.longrepr[2]:
        _MISSING.add(report.longrepr[2].removeprefix("Skipped: ").partition(" is not")[0])


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line that says what was left out."""
    if _MISSING:
        terminalreporter.write_line(f"skipped, not on this machine: {', '.join(sorted(_MISSING))}")


@pytest.fixture(autouse=True)
def close_what_was_opened() -> Iterator[None]:
    """A test drops its apps with their pools; Python 3.13 warns of every connection left open in one."""
    opened: list[sqlite3.Connection] = []

    def note(connection: Any, _record: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            opened.append(connection)

    event.listen(Pool, "connect", note)
    yield
    event.remove(Pool, "connect", note)
    for connection in opened:
        connection.close()


class StillClock:
    """Time that moves when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **parts: float) -> None:
        self.now += timedelta(**parts)


class Phone:
    """An authenticator app."""

    def __init__(self, clock: Callable[[], datetime], secret: str) -> None:
        self._clock, self._totp = clock, pyotp.TOTP(secret)

    def code(self, *, steps: int = 0) -> str:
        return self._totp.generate_otp(int(self._clock().timestamp()) // 30 + steps)

    def wrong_code(self) -> str:
        near = {self.code(steps=step) for step in range(-25, 26)}
        return next(code for number in range(1000) if (code := f"{number:06}") not in near)


class Browser:
    """A test client that signs in and sends the gate's token with every form."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def sign_in(self, username: str, *, password: str = PASSWORD, **fields: str) -> TestResponse:
        return self.client.post("/login", data={"username": username, "password": password, **fields})

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def status(self) -> dict[str, Any]:
        answer = self.client.get("/mfa/status")
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    def send(self, path: str, method: str = "POST", **fields: str) -> TestResponse:
        token = self.status()["csrf_token"]
        return self.client.open(path, method=method, data={"csrf_token": token, **fields})

    def send_json(self, path: str, body: Any, method: str = "POST") -> TestResponse:
        token = self.status()["csrf_token"]
        return self.client.open(path, method=method, json=body, headers={"X-CSRFToken": token})

    def is_in(self) -> bool:
        return self.client.get("/").status_code == 200

    def begin_setup(self) -> dict[str, Any]:
        answer = self.client.get("/mfa/enroll/totp", headers=JSON)
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    def cookie(self, name: str = "mfa_gate") -> str | None:
        found = self.client.get_cookie(name)
        return found.value if found else None


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def make_app(tmp_path: Path, clock: StillClock) -> Iterator[Callable[..., Flask]]:
    """Example portals on SQLite files of this test."""
    made: list[Flask] = []

    def make(**config: Any) -> Flask:
        app = create_app(
            {
                "TESTING": True,
                "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/portal.sqlite3",
                "MFA_GATE_CLOCK": clock,
                "MFA_GATE_BASE_URL": "https://portal.example.org",
                **config,
            }
        )
        made.append(app)
        return app

    yield make
    for app in made:
        state_of(app).store.database.dispose()
        with app.app_context():
            from example_app.models import db

            db.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)


@pytest.fixture
def phone(clock: StillClock) -> Phone:
    """Dave's."""
    return Phone(clock, DAVES_KEY)


@pytest.fixture
def signals() -> Iterator[list[Event]]:
    """Every event that was told, in order."""
    heard: list[Event] = []

    def listen(_sender: Any, event: Event) -> None:
        heard.append(event)

    for signal in gate_signals.values():
        signal.connect(listen)
    yield heard
    for signal in gate_signals.values():
        signal.disconnect(listen)


def state_of(app: Flask) -> GateState:
    state: GateState = app.extensions["mfa_gate"]
    return state


def key_of(app: Flask, username: str) -> str:
    from example_app.models import User, db

    with app.app_context():
        return str(db.session.execute(db.select(User.id).where(User.username == username)).scalar_one())


def recovery_codes_in(html: str) -> list[str]:
    return re.findall(r"<code>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})</code>", html)


def at_once(tasks: list[Callable[[], Any]]) -> list[Any]:
    """Run all from one starting line."""
    line = threading.Barrier(len(tasks))
    results: list[Any] = [None] * len(tasks)

    def run(place: int, task: Callable[[], Any]) -> None:
        line.wait()
        results[place] = task()

    threads = [threading.Thread(target=run, args=(place, task)) for place, task in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


SERVERS = {"PostgreSQL": "postgresql+psycopg://root@localhost/postgres", "MariaDB": "mysql+pymysql://root@127.0.0.1/"}


@pytest.fixture(params=SERVERS)
def server_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh database on each server."""
    admin = create_engine(SERVERS[request.param], isolation_level="AUTOCOMMIT")
    name = f"mfa_gate_test_{uuid.uuid4().hex[:8]}"
    try:
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError:
        admin.dispose()
        require_or_skip(request.param, False)
    yield admin.url.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))
    admin.dispose()
