"""Fixtures: a clock that stands still, the example portal on each database, a browser, a phone, a recorder of signals."""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import sqlite3
import sys
import threading
import zoneinfo
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from sqlalchemy import Connection, event
from sqlalchemy.pool import Pool
from werkzeug.test import TestResponse

from example_app import create_app
from example_app.people import DAVES_KEY, PASSWORD
from flask_mfa_gate.domain.authorization.decide import decide
from flask_mfa_gate.domain.authorization.decision import Decision
from flask_mfa_gate.domain.authorization.request import AccessRequest
from flask_mfa_gate.domain.enrollment.enrollment import EnrollmentState
from flask_mfa_gate.domain.policy.conditions.zones import zone_names
from flask_mfa_gate.domain.sign_in.assurance import Assurance
from flask_mfa_gate.signals import Event, gate_signals
from flask_mfa_gate.store import Store
from flask_mfa_gate.store.sign_in.holdings import Held
from flask_mfa_gate.web.responses.after_response import THREADS
from flask_mfa_gate.web.state import GateState
from tests.kept_work import keep_work
from tests.outbound.fixtures import authority, receiver  # noqa: F401 - fixtures of every folder
from tests.servers import DATABASES, SERVERS, SeededDatabase, as_uri, is_reachable, new_database

IS_REQUIRED = os.environ.get("MFA_GATE_TEST_REQUIRE") == "all"
IS_SOAK = bool(os.environ.get("MFA_GATE_SOAK"))
_MISSING: set[str] = set()
JSON = {"Accept": "application/json"}
# By folder, the fixture through which tests get their database: one of three each, and all for `make test-servers`.
DATABASE_FIXTURES = {"race": "portal_uri", "services": "portal_uri", "store": "location", "web": "portal_uri"}
# They start programs, and are the same on every database.
FOLDERS_WITH_PROGRAMS = {"browser", "federation", "oidc_clients", "siem"}
# "all" is for `make test-servers`; "others" leaves out the one of each test that `make test` had.
CHOSEN_DATABASES = os.environ.get("MFA_GATE_TEST_DATABASES", "one")

# SQLite waits for the disk at most commits of a host; in memory there is nothing to wait for.
_MEMORY, _ENOUGH_BYTES = Path("/dev/shm"), 2 << 30
if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

RUBBISH_BEFORE_A_SEARCH = (20_000, 20, 20)
keep_work()

settings.register_profile("ci", max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("soak", max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("soak" if IS_SOAK else "ci")


def pytest_collection_finish() -> None:
    """Six thousand tests and their modules stay to the end, and looking for rubbish among them takes a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*RUBBISH_BEFORE_A_SEARCH)


def require_or_skip(what: str, available: bool) -> None:
    """A test that needs something of the machine is skipped without it."""
    if not available:
        _MISSING.add(what)
        pytest.skip(f"{what} is not on this machine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """No test may be skipped, for whatever reason, where everything has to be there."""
    report = yield
    if IS_REQUIRED and report.skipped and isinstance(report.longrepr, tuple):
        report.outcome, report.longrepr = "failed", f"{report.longrepr[2]}, and MFA_GATE_TEST_REQUIRE=all"
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect what was missing, also from parallel workers."""
    if report.skipped and isinstance(report.longrepr, tuple) and "is not on this machine" in report.longrepr[2]:
        _MISSING.add(report.longrepr[2].removeprefix("Skipped: ").partition(" is not")[0])


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line that says what was missing."""
    if _MISSING:
        terminalreporter.write_line(f"not on this machine: {', '.join(sorted(_MISSING))}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the databases of tests where the store is at work."""
    fixture = database_fixture(metafunc.definition)
    if fixture in metafunc.fixturenames:
        metafunc.parametrize(fixture, chosen_databases(metafunc), indirect=True)


def database_fixture(test: pytest.Item) -> str | None:
    """What looks at pages needs SQLite; some tests name the databases that they are about."""
    fixture = DATABASE_FIXTURES.get(folder_of(test))
    named = [mark.args[0] for mark in test.iter_markers("parametrize")]
    return None if fixture in named or test.get_closest_marker("pages") else fixture


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that are the same on every database had their turn with the first one; those with programs had none."""
    kept, left = [], []
    for item in items:
        has_program = folder_of(item) in FOLDERS_WITH_PROGRAMS
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        is_due = CHOSEN_DATABASES != "others" or has_program or database_fixture(item) in parameters
        (kept if is_due else left).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left)


def folder_of(item: pytest.Item) -> str:
    """The folder below ``tests``, or the module right in it."""
    return item.path.relative_to(Path(__file__).parent).parts[0]


def chosen_databases(metafunc: pytest.Metafunc) -> list[str]:
    if CHOSEN_DATABASES == "all":
        return list(DATABASES)
    own = own_database(metafunc)
    return [own] if CHOSEN_DATABASES == "one" else [name for name in DATABASES if name != own]


def own_database(metafunc: pytest.Metafunc) -> str:
    """The same at each run; without servers there is SQLite."""
    chosen = DATABASES[crc32(metafunc.definition.nodeid.encode()) % len(DATABASES)]
    return chosen if chosen == "sqlite" or is_reachable(chosen) or IS_REQUIRED else "sqlite"


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
    # SQLite reads what is freed where one thread closes the connection that another is at.
    for thread in threading.enumerate():
        if thread.name.startswith(THREADS):
            thread.join(timeout=10)
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
        self._token_of: tuple[str | None, str] = (None, "")

    def sign_in(self, username: str, *, password: str = PASSWORD, **fields: str) -> TestResponse:
        return self.client.post("/login", data={"username": username, "password": password, **fields})

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def status(self) -> dict[str, Any]:
        answer = self.client.get("/mfa/status")
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    def send(self, path: str, method: str = "POST", **fields: str) -> TestResponse:
        return self.client.open(path, method=method, data={"csrf_token": self.token(), **fields})

    def send_json(self, path: str, body: Any, method: str = "POST") -> TestResponse:
        return self.client.open(path, method=method, json=body, headers={"X-CSRFToken": self.token()})

    def token(self) -> str:
        """As a page would have it, which needs not be asked again while the cookie stays."""
        cookie = self.cookie()
        if cookie is None or cookie != self._token_of[0]:
            token = self.status()["csrf_token"]
            self._token_of = (self.cookie(), token)
        return self._token_of[1]

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


@pytest.fixture(scope="session")
def portal_on() -> Iterator[Callable[[str], SeededDatabase]]:
    """On each server one database of this process, which is made when first asked for."""
    with ExitStack() as stack:

        @cache
        def made(server: str) -> SeededDatabase:
            portal = SeededDatabase(stack.enter_context(new_database(server)), start=start_portal)
            stack.callback(portal.close)
            return portal

        yield made


@pytest.fixture(scope="session")
def seeded_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a portal on SQLite as its first start leaves it."""
    folder = tmp_path_factory.mktemp("seed")
    start_portal(f"sqlite:///{folder}/portal.sqlite3")
    return folder


@pytest.fixture
def portal_uri(
    request: pytest.FixtureRequest, tmp_path: Path, seeded_files: Path, portal_on: Callable[[str], SeededDatabase]
) -> str:
    """A database for the portal of this test: an SQLite file, unless the test asks for one on a server."""
    kind = getattr(request, "param", "sqlite")
    if kind == "sqlite":
        shutil.copytree(seeded_files, tmp_path, dirs_exist_ok=True)
        return f"sqlite:///{tmp_path}/portal.sqlite3"
    require_or_skip(kind, is_reachable(kind))
    portal_on(kind).restore()
    return portal_on(kind).uri


def portal_config(uri: str, clock: Callable[[], datetime]) -> dict[str, Any]:
    return {
        "TESTING": True,
        "SQLALCHEMY_DATABASE_URI": uri,
        "MFA_GATE_CLOCK": clock,
        "MFA_GATE_BASE_URL": "https://portal.example.org",
    }


def start_portal(uri: str) -> None:
    close_portal(create_app(portal_config(uri, StillClock())))


def close_portal(app: Flask) -> None:
    """Servers have only so many connections."""
    from example_app.models import db

    state_of(app).store.database.dispose()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def make_app(portal_uri: str, clock: StillClock) -> Iterator[Callable[..., Flask]]:
    """Example portals on the database of this test."""
    made: list[Flask] = []

    def make(**config: Any) -> Flask:
        made.append(create_app({**portal_config(portal_uri, clock), **config}))
        return made[-1]

    yield make
    for app in made:
        close_portal(app)


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

    for one in gate_signals.values():
        one.connect(listen)
    yield heard
    for one in gate_signals.values():
        one.disconnect(listen)


def state_of(app: Flask) -> GateState:
    state: GateState = app.extensions["mfa_gate"]
    return state


@dataclass(frozen=True, slots=True)
class NoPolicies:
    """Decides about sessions that no policy speaks of."""

    state: GateState

    def after(
        self, assurance: Assurance, enrollment: EnrollmentState, *, deferred: bool, sets_up_factor: bool = False
    ) -> Decision:
        request = AccessRequest(enrollment, assurance, deferred=deferred, sets_up_factor=sets_up_factor)
        return decide(request, self.state.access.policies.at(None), self.state.rules, now=self.state.clock())


def holder(store: Store, tx: Connection, user: str = "7") -> Held:
    """Whoever answers a challenge, with what they hold."""
    return Held(user, store.factors.confirmed(tx, user))


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


@contextmanager
def ends_at_all(cpu_seconds: float = 30) -> Iterator[None]:
    """Fails where the work grows with the square of its size, or worse, and so would take minutes to hours. What is right
    takes a moment, and what else the machine does is not counted: no measure of speed.
    """

    def give_up(_number: int, _frame: Any) -> None:
        raise AssertionError(f"not at its end after {cpu_seconds:g} seconds of work")

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.fixture(params=SERVERS)
def server_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh database on each server."""
    require_or_skip(request.param, is_reachable(request.param))
    with new_database(request.param) as url:
        yield as_uri(url)


@pytest.fixture
def no_zones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on an image without time zones, the system's and those of the package."""

    def forget() -> None:
        ZoneInfo.clear_cache()
        zone_names.cache_clear()

    # Parts of the package that another test has loaded would still be found.
    for name in ["tzdata", *(name for name in sys.modules if name.startswith("tzdata."))]:
        monkeypatch.setitem(sys.modules, name, None)
    zoneinfo.reset_tzpath([str(tmp_path)])
    forget()
    yield
    zoneinfo.reset_tzpath()
    forget()
