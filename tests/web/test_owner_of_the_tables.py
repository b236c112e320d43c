"""Tables serve one app: another one's users must not be this one's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from flask import Flask
from flask.cli import FlaskGroup
from flask_login import LoginManager, UserMixin, login_user
from flask_sqlalchemy import SQLAlchemy

from flask_mfa_gate import ConfigError, MFAGate
from flask_mfa_gate.errors import StoreError
from tests.conftest import at_once, require_or_skip, state_of
from tests.servers import SERVERS, as_uri, is_reachable, new_database

pytestmark = pytest.mark.pages
Make = Callable[..., Flask]


class User(UserMixin):
    def __init__(self, key: str) -> None:
        self.id = key


@pytest.fixture
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Make:
    """Apps on one database."""

    def make_one(name: str = "shop", **config: Any) -> Flask:
        app = Flask(name)
        app.config.update(
            SECRET_KEY=name, MFA_GATE_KEYS=["ZGVtbyBrZXkgb2YgdGhlIGV4YW1wbGUgcG9ydGFsISE="],
            MFA_GATE_DATABASE_URI=f"sqlite:///{tmp_path}/gate.sqlite3", **config,
        )  # fmt: skip
        LoginManager(app).user_loader(User)
        app.add_url_rule("/login", "login", lambda: (login_user(User("1")), "in")[1], methods=["POST"])
        app.add_url_rule("/", "home", lambda: "home")
        MFAGate(app)
        request.addfinalizer(state_of(app).store.database.dispose)
        return app

    return make_one


def upgraded(app: Flask, **options: Any) -> Flask:
    with app.app_context():
        state_of(app).gate.upgrade(**options)
    return app


def owner(app: Flask) -> str | None:
    return state_of(app).operations.tables.owner()


def test_a_second_app_is_refused_at_the_start_with_the_way_out(make: Make) -> None:
    upgraded(make())
    with pytest.raises(ConfigError) as refused:
        make("wiki")
    for word in ("'shop'", "'wiki'", "MFA_GATE_TABLE_PREFIX", "MFA_GATE_APP_ID", "flask mfa upgrade --adopt"):
        assert word in str(refused.value)


def test_workers_commands_and_later_starts_of_the_same_app_are_let_in(make: Make) -> None:
    first = upgraded(make())
    for again in (make(), make("pkg.shop"), upgraded(make())):
        assert again.test_client().get("/").text == "home"
    assert owner(first) == "shop"


def test_another_prefix_or_one_name_for_both_is_a_way(make: Make) -> None:
    upgraded(make())
    assert owner(upgraded(make("wiki", MFA_GATE_TABLE_PREFIX="wiki_"))) == "wiki"
    assert owner(make("wiki", MFA_GATE_APP_ID="shop")) == "shop"


def test_tables_without_a_note_are_those_of_the_first_app_that_starts(make: Make) -> None:
    state = state_of(upgraded(make()))
    with state.store.database.write() as tx:
        state.store.checkpoints.drop(tx, "owner")
    assert owner(make("wiki")) == "wiki"
    with pytest.raises(ConfigError):
        make("shop")


def test_of_two_apps_that_start_together_one_has_the_tables(make: Make) -> None:
    apps = [make("shop"), make("wiki")]
    state_of(apps[0]).operations.tables.make()

    def claim(app: Flask) -> str:
        try:
            state_of(app).operations.tables.require_own()
        except ConfigError:
            return "refused"
        return app.name

    answers = at_once([lambda app=app: claim(app) for app in apps])
    assert sorted(answers, key=lambda answer: answer == "refused")[1] == "refused"
    assert owner(apps[0]) in answers


def test_an_app_that_started_before_the_tables_were_made_is_refused_at_its_first_request(make: Make) -> None:
    early, other = make("wiki"), make("shop")
    early.config["PROPAGATE_EXCEPTIONS"] = False
    upgraded(other)
    for _ in range(2):
        assert early.test_client().get("/").status_code in {500, 503}
        assert early.test_client().post("/login").status_code in {500, 503}


def test_an_app_whose_tables_are_not_there_yet_says_so_and_goes_on_when_they_are(make: Make) -> None:
    app = make()
    assert app.test_client().post("/login").status_code == 503
    upgraded(app)
    assert app.test_client().post("/login").status_code != 503


@pytest.mark.parametrize("command", ["run", "mfa"])
def test_the_command_line_is_let_through_except_to_serve(make: Make, command: str) -> None:
    upgraded(make())
    with click.Context(FlaskGroup()) as root, click.Context(click.Command(command), info_name=command, parent=root):
        if command == "run":
            with pytest.raises(ConfigError):
                make("wiki")
            return
        app = make("wiki")
    run = app.test_cli_runner().invoke
    assert run(args=["mfa", "upgrade"]).exit_code == 1
    assert "other-app" in run(args=["mfa", "doctor"]).output
    assert run(args=["mfa", "upgrade", "--adopt"]).exit_code == 0
    assert owner(app) == "wiki"
    with pytest.raises(ConfigError):
        make("shop")


def test_a_server_that_is_started_by_click_is_no_command(make: Make) -> None:
    upgraded(make())
    with click.Context(click.Command("uvicorn")), pytest.raises(ConfigError):
        make("wiki")


def test_a_database_that_does_not_answer_stops_no_start(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any) -> None:
        raise StoreError("down")

    monkeypatch.setattr("flask_mfa_gate.store.records.checkpoints.Checkpoints.get", down)
    app = make()
    monkeypatch.undo()
    assert owner(upgraded(app)) == "shop"


def test_the_database_of_the_host_is_part_of_the_name(tmp_path: Path) -> None:
    """Two shops are often one program."""
    seen = []
    for name in ("a", "b"):
        app = Flask("shop", instance_path=str(tmp_path))
        app.config.update(
            SECRET_KEY="x", TESTING=True, SQLALCHEMY_DATABASE_URI=f"sqlite:///{name}.db",
            MFA_GATE_DATABASE_URI="sqlite://",
        )  # fmt: skip
        LoginManager(app)
        MFAGate(app, db=SQLAlchemy(app))
        seen.append(owner(app))
        state_of(app).store.database.dispose()
    assert seen == ["shop@a.db", "shop@b.db"]


@pytest.mark.parametrize("given", ["", 7, ["shop"]])
def test_a_bad_name_is_a_configuration_error(make: Make, given: Any) -> None:
    with pytest.raises(ConfigError, match="MFA_GATE_APP_ID"):
        make(MFA_GATE_APP_ID=given)


@pytest.mark.parametrize("server", SERVERS)
def test_whatever_the_address_says_the_database_is_known_by_its_own_name(server: str) -> None:
    require_or_skip(server, is_reachable(server))
    with new_database(server) as url:
        dialect = url.get_dialect()(dbapi=url.get_dialect().import_dbapi())
        arguments, words = dialect.create_connect_args(url)
        creator = {"creator": lambda: dialect.connect(*arguments, **words)}
        first = host_on(as_uri(url), {})
        upgraded(first)
        assert owner(first) == f"shop@{url.database}"
        placeholder = as_uri(url.set(database="none"))
        for app in (host_on(as_uri(url), {}), host_on(placeholder, creator)):
            assert owner(app) == f"shop@{url.database}"
            state_of(app).store.database.dispose()
        state_of(first).store.database.dispose()


def host_on(uri: str, options: dict[str, Any]) -> Flask:
    app = Flask("shop")
    app.config.update(
        SECRET_KEY="x",
        MFA_GATE_KEYS=["ZGVtbyBrZXkgb2YgdGhlIGV4YW1wbGUgcG9ydGFsISE="],
        SQLALCHEMY_DATABASE_URI=uri,
        SQLALCHEMY_ENGINE_OPTIONS=options,
    )
    LoginManager(app).user_loader(User)
    MFAGate(app, db=SQLAlchemy(app))
    return app
