"""Files that vanish: a database or key file that is gone never ends in everybody being in with the password alone."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_login import LoginManager, UserMixin, login_user
from sqlalchemy import make_url

from flask_mfa_gate import ConfigError, MFAGate, MFAGateError
from flask_mfa_gate.errors import StoreNotReady
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location
from tests.conftest import state_of

KEY = "ZGVtbyBrZXkgb2YgdGhlIGV4YW1wbGUgcG9ydGFsISE="
Make = Callable[..., Flask]


class User(UserMixin):
    id = "1"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Apps on the same instance folder, as after a new start."""
    made: list[Flask] = []

    def host(**config: Any) -> Flask:
        app = Flask("host", instance_path=str(tmp_path / "instance"))
        app.config.update(SECRET_KEY="x", **config)
        LoginManager(app).user_loader(lambda _key: User())
        app.add_url_rule("/login", "login", lambda: str(login_user(User())), methods=["POST"])
        app.add_url_rule("/", "home", lambda: "home")
        MFAGate(app)
        made.append(app)
        return app

    yield host
    for app in made:
        state_of(app).store.database.dispose()


def file_of(tmp_path: Path, name: str = "mfa_gate.sqlite3") -> Path:
    return tmp_path / "instance" / name


def upgrade(app: Flask) -> None:
    assert app.test_cli_runner().invoke(args=["mfa", "upgrade"]).exit_code == 0


def start(app: Flask) -> None:
    state_of(app).gate.check(app)


def test_with_keys_a_missing_file_stops_the_start_until_it_is_made(make: Make, tmp_path: Path) -> None:
    app = make(MFA_GATE_KEYS=[KEY])
    with pytest.raises(MFAGateError, match=r"mfa_gate\.sqlite3 is missing.*run: flask mfa upgrade"):
        start(app)
    assert app.test_client().post("/login").status_code == 503
    assert not file_of(tmp_path).exists(), "asking for it makes no empty one"
    upgrade(app)
    start(app)
    assert app.test_client().post("/login").status_code == 200
    start(make(MFA_GATE_KEYS=[KEY]))


@pytest.mark.parametrize("left", ["nothing", "no tables"])
def test_with_keys_a_file_without_tables_is_not_a_new_one(make: Make, tmp_path: Path, left: str) -> None:
    upgrade(make(MFA_GATE_KEYS=[KEY]))
    for path in (tmp_path / "instance").glob("*.sqlite3*"):
        path.unlink()
    file_of(tmp_path).touch()
    if left == "no tables":
        with closing(sqlite3.connect(file_of(tmp_path))) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        assert file_of(tmp_path).stat().st_size > 0
    app = make(MFA_GATE_KEYS=[KEY])
    assert app.test_client().post("/login").status_code == 503
    upgrade(app)
    assert app.test_client().post("/login").status_code == 200


def test_an_app_that_makes_its_file_by_itself_is_told_of_a_new_one_and_of_no_loss(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = make(MFA_GATE_KEYS=[KEY])
    with app.app_context():
        state_of(app).gate.upgrade()
    start(app)
    assert app.test_client().post("/login").status_code == 200
    ours = [(one.levelno, one.getMessage()) for one in caplog.records if one.name == "flask_mfa_gate"]
    assert ours == [(logging.WARNING, f"the gate makes a new database file: {file_of(tmp_path)}")]


def test_an_app_that_checks_nothing_tells_of_the_loss_at_its_first_request(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    client = make(MFA_GATE_KEYS=[KEY]).test_client()
    assert not caplog.records
    client.get("/login")
    client.get("/login")
    assert [one.levelno for one in caplog.records].count(logging.CRITICAL) == 1


def test_a_folder_that_is_gone_after_a_deployment(make: Make, tmp_path: Path) -> None:
    upgrade(make(MFA_GATE_KEYS=[KEY]))
    shutil.rmtree(tmp_path / "instance")
    app = make(MFA_GATE_KEYS=[KEY])
    with pytest.raises(StoreNotReady):
        start(app)
    upgrade(app)
    start(app)


def test_a_key_file_tells_of_a_database_that_was_there(make: Make, tmp_path: Path) -> None:
    start(make())
    file_of(tmp_path).unlink()
    with pytest.raises(StoreNotReady, match="flask mfa upgrade"):
        start(make())


def test_a_key_file_that_is_gone_is_not_replaced(make: Make, tmp_path: Path) -> None:
    start(make())
    file_of(tmp_path, "mfa_gate.key").unlink()
    with pytest.raises(ConfigError, match=r"MFA_GATE_KEYS is missing, and the key file .*mfa_gate\.key is gone"):
        make()
    assert not file_of(tmp_path, "mfa_gate.key").exists()


def test_a_new_file_is_told_loudly(make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "flask_mfa_gate"):
        make()
    assert f"makes a new database file: {file_of(tmp_path)}" in caplog.text


def test_files_are_for_their_owner_alone(make: Make, tmp_path: Path) -> None:
    app = make()
    app.test_client().post("/login")
    with state_of(app).store.database.read():
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "instance").iterdir()}
    assert modes == dict.fromkeys(
        ("mfa_gate.sqlite3", "mfa_gate.sqlite3-wal", "mfa_gate.sqlite3-shm", "mfa_gate.key"), 0o600
    )


@pytest.mark.parametrize("replacement", [None, b""])
def test_a_file_that_vanishes_under_a_running_worker(make: Make, tmp_path: Path, replacement: bytes | None) -> None:
    app = make()
    client = app.test_client()
    assert client.post("/login").status_code == 200
    for path in (tmp_path / "instance").glob("*.sqlite3*"):
        path.unlink()
    if replacement is not None:
        file_of(tmp_path).write_bytes(replacement)
    for _ in range(2):
        assert client.get("/").status_code == 503
        assert app.test_client().post("/login").status_code == 503
    assert file_of(tmp_path).exists() == (replacement is not None)


def test_a_file_that_is_put_back_under_a_running_worker(make: Make, tmp_path: Path) -> None:
    app = make()
    backup = tmp_path / "backup.sqlite3"
    state_of(app).store.database.dispose()
    shutil.copy(file_of(tmp_path), backup)
    assert app.test_client().post("/login").status_code == 200
    for path in (tmp_path / "instance").glob("*.sqlite3-*"):
        path.unlink()
    backup.rename(file_of(tmp_path))
    with state_of(app).store.database.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM mfa_gate_session").scalar() == 0
    assert app.test_client().post("/login").status_code == 200


def test_a_lost_file_is_not_made_by_an_engine(tmp_path: Path) -> None:
    place = Location(make_url(f"sqlite:///{tmp_path}/gate.sqlite3"), embedded=True, is_lost=True)
    database = Database(make_engine(place))
    with pytest.raises(StoreNotReady, match=r"file gate\.sqlite3 is missing") as raised, database.read():
        pass
    assert str(tmp_path) not in str(raised.value), "answers say it to whom they refuse"
    assert list(tmp_path.iterdir()) == []
    database.dispose()


def test_nor_is_it_said_where_a_file_is_that_cant_be_opened(tmp_path: Path) -> None:
    (tmp_path / "gate.sqlite3").write_bytes(b"no database" * 100)
    database = Database(make_engine(Location(make_url(f"sqlite:///{tmp_path}/gate.sqlite3"), embedded=True)))
    with (
        pytest.raises(StoreNotReady, match=r"can't open its database file gate\.sqlite3,") as raised,
        database.read() as tx,
    ):
        tx.exec_driver_sql("SELECT 1 FROM sqlite_master")
    assert str(tmp_path) not in str(raised.value)
    database.dispose()


def findings(app: Flask) -> set[str]:
    with app.app_context():
        return {one.code for one in state_of(app).gate.doctor()}


def test_the_doctor_looks_at_modes_and_places(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make()
    files = {"database-file-mode", "file-in-environment"}
    assert not findings(app) & files
    file_of(tmp_path).chmod(0o644)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert findings(app) & files == files
