"""The host's own migrations leave the gate's tables alone; tried with the real Flask-Migrate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import inspect, text

from flask_mfa_gate import MFAGate
from flask_mfa_gate.migrations import include_name, prefixes_among
from flask_mfa_gate.store.schema import table_names
from tests.conftest import require_or_skip
from tests.servers import DATABASES, as_uri, is_reachable, new_database

KEY = "ZGVtbyBrZXkgb2YgdGhlIGV4YW1wbGUgcG9ydGFsISE="
NO_PARENTS: dict[str, str | None] = {"schema_name": None}
pytestmark = pytest.mark.filterwarnings(
    "ignore:'get_engine' is deprecated:DeprecationWarning"
)  # by Flask-Migrate's env.py
Make = Callable[..., "Host"]


class Host:
    """An app with a model, Flask-Migrate and a gate, all on one database."""

    def __init__(self, uri: str, folder: Path, *, prefix: str, **filters: Any) -> None:
        self.app, self.folder = Flask(f"host_{prefix}"), str(folder / f"migrations_{prefix}")
        self.app.config.update(
            SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=uri, MFA_GATE_DATABASE_URI=uri, MFA_GATE_KEYS=[KEY],
            MFA_GATE_TABLE_PREFIX=prefix,
        )  # fmt: skip
        self.db, self.gate = SQLAlchemy(self.app), MFAGate()
        self.db.Table("account", self.db.metadata, self.db.Column("id", self.db.Integer, primary_key=True))
        LoginManager(self.app).user_loader(lambda _key: None)
        Migrate(self.app, self.db, directory=self.folder, **filters)
        self.gate.init_app(self.app, db=self.db)
        with self.app.app_context():
            self.gate.upgrade()

    def migrate(self) -> str:
        """``flask db init``, ``migrate`` and ``upgrade``; the migration that was written."""
        with self.app.app_context():
            flask_migrate.init()
            environment = Path(self.folder, "env.py")
            # It would switch the loggers of every other test off.
            environment.write_text(environment.read_text().replace("fileConfig(config", "print(config"))
            flask_migrate.migrate()
            flask_migrate.upgrade()
        return next(Path(self.folder, "versions").glob("*.py")).read_text().partition("def downgrade")[0]

    def tables(self) -> set[str]:
        with self.app.app_context():
            return set(inspect(self.db.engine).get_table_names())

    def findings(self) -> list[str]:
        with self.app.app_context():
            return [one.code for one in self.gate.doctor() if one.code in {"host-migrations", "check-failed"}]


@pytest.fixture(params=DATABASES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            uri = f"sqlite:///{tmp_path}/shared.sqlite3"
        else:
            require_or_skip(request.param, is_reachable(request.param))
            uri = as_uri(stack.enter_context(new_database(request.param)))

        def make_host(prefix: str = "mfa_gate_", **filters: Any) -> Host:
            host = Host(uri, tmp_path, prefix=prefix, **filters)
            stack.callback(close, host)
            return host

        yield make_host


def close(host: Host) -> None:
    with host.app.app_context():
        host.db.engine.dispose()
    host.app.extensions["mfa_gate"].store.database.dispose()


def test_the_tables_of_every_gate_are_left_alone(make: Make) -> None:
    make("other_tenant_")
    host = make("tenant_", include_name=include_name)
    written = host.migrate()
    assert "create_table('account'" in written
    assert "drop_table" not in written
    assert table_names("tenant_") | table_names("other_tenant_") | {"account"} <= host.tables()
    assert host.findings() == []


def test_without_the_filter_the_doctor_says_what_would_be_lost(make: Make) -> None:
    host = make()
    assert host.findings() == ["host-migrations"]
    assert host.migrate().count("drop_table") == len(table_names("mfa_gate_")), "what the doctor is right about"


def not_ours(name: str | None, *_: Any) -> bool:
    return not str(name).startswith("mfa_gate_")


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Make]:
    made: list[Host] = []

    def make_host(**filters: Any) -> Host:
        made.append(Host(f"sqlite:///{tmp_path}/shared.sqlite3", tmp_path, prefix="mfa_gate_", **filters))
        return made[-1]

    yield make_host
    for host in made:
        close(host)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"include_name": not_ours}, []),
        ({"include_object": lambda _object, name, *_: not_ours(name)}, []),
        ({"include_name": lambda name, *_: name != "mfa_gate_audit"}, ["host-migrations"]),
        ({"include_object": lambda *_: True}, ["host-migrations"]),
        ({"include_name": lambda *_: 1 / 0}, ["check-failed"]),
    ],
)
def test_the_doctor_tries_the_filters_that_there_are(on_sqlite: Make, filters: Any, found: list[str]) -> None:
    assert on_sqlite(**filters).findings() == found


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ("context.configure(**conf_args)", ["host-migrations"]),
        ("context.configure(**current_app.extensions['migrate'].configure_args)", []),
        ("from flask_mfa_gate.migrations import include_name", []),
    ],
)
def test_an_environment_of_the_hosts_own_has_to_pass_the_filter_on(
    on_sqlite: Make, environment: str, found: list[str]
) -> None:
    host = on_sqlite(include_name=not_ours)
    Path(host.folder).mkdir()
    Path(host.folder, "env.py").write_text(environment)
    assert host.findings() == found


def test_a_gate_elsewhere_has_nothing_to_lose(tmp_path: Path, on_sqlite: Make) -> None:
    host = on_sqlite()
    host.app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path}/other.sqlite3"
    elsewhere = Flask("elsewhere", instance_path=str(tmp_path))
    elsewhere.config.update(SQLALCHEMY_DATABASE_URI="sqlite:///app.sqlite3", SECRET_KEY="x", MFA_GATE_KEYS=[KEY])
    db = SQLAlchemy(elsewhere)
    LoginManager(elsewhere)
    Migrate(elsewhere, db, directory=str(tmp_path / "nowhere"))
    gate = MFAGate(elsewhere, db=db)
    with elsewhere.app_context():
        db.session.execute(text("SELECT 1"))
        assert "host-migrations" not in [one.code for one in gate.doctor()]
        db.session.remove()
        db.engine.dispose()


def test_names_of_the_host_stay() -> None:
    assert all(include_name(name, "table", NO_PARENTS) for name in ("account", "mfa_gates", "user_session", None))
    assert include_name("mfa_gate_audit", "index", NO_PARENTS)
    assert not include_name("mfa_gate_of_tomorrow", "table", NO_PARENTS)


def test_a_prefix_is_known_by_its_tables() -> None:
    assert prefixes_among(table_names("shop_")) == {"shop_"}
    assert prefixes_among({"alembic_version", "shop_alembic_version", "shop_session", "enrollment"}) == set()
