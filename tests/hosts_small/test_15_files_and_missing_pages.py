"""Static files and paths that match nothing cost nothing, and show nobody who is not proven."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from flask import redirect, request, session
from flask.testing import FlaskClient
from flask_login import current_user, login_user
from sqlalchemy import event

from tests.conftest import state_of
from tests.hosts_small.kit import Host, User
from tests.hosts_small.test_02_identity_of_any_kind import InSession

CSS = "/static/site.css"


def with_files(folder: Path, *, by_request_loader: bool = False) -> Host:
    """A host whose hook wants a signed-in user for its files."""
    (folder / "site.css").write_text("p {}")
    host = Host()
    host.app.static_folder = str(folder)
    manager = host.with_login_manager()
    if by_request_loader:
        manager.user_loader(lambda _key: None)
        manager.request_loader(lambda _request: User(session["_user_id"]) if "_user_id" in session else None)
    host.gate.init_app(host.app)

    @host.app.post("/login/<key>")
    def login(key: str) -> str:
        login_user(User(key), remember=not by_request_loader)
        session["kept"] = "here"
        return "in"

    @host.app.before_request
    def guard() -> Any:
        if request.endpoint == "static" and not current_user.is_authenticated:
            return redirect("/login")
        return None

    host.app.add_url_rule("/", "home", lambda: f"inside as {current_user.get_id()} {session.get('kept')}")
    return host


def signed_in(host: Host, key: str = "1") -> FlaskClient:
    client = host.client()
    client.post(f"/login/{key}")
    return client


@pytest.mark.parametrize("by_request_loader", [False, True])
def test_a_hook_that_guards_files_sees_who_is_proven(tmp_path: Path, by_request_loader: bool) -> None:
    host = with_files(tmp_path, by_request_loader=by_request_loader)
    assert host.client().get(CSS, buffered=True).location == "/login"
    assert signed_in(host, "2").get(CSS, buffered=True).text == "p {}", "nothing is demanded of this one"
    host.enroll()
    client = signed_in(host)
    assert client.get(CSS, buffered=True).location == "/login"
    host.pass_challenge(client)
    assert client.get(CSS, buffered=True).text == "p {}"
    host.clock.forward(hours=13)
    assert client.get(CSS, buffered=True).location == "/login"
    assert client.get("/").location == "/mfa/challenge", "nothing was taken out of the session"


def test_neither_the_remember_cookie_nor_an_unproven_session_shows_anybody(tmp_path: Path) -> None:
    host = with_files(tmp_path)
    client = signed_in(host)
    assert client.get(CSS, buffered=True).text == "p {}"
    host.enroll()
    assert client.get(CSS, buffered=True).location == "/login"
    bare = host.client()
    bare.set_cookie("remember_token", client.get_cookie("remember_token").value)  # type: ignore[union-attr]
    answer = bare.get(CSS, buffered=True)
    assert answer.location == "/login"
    assert not any(cookie.startswith(("session", "mfa_gate")) for cookie in answer.headers.getlist("Set-Cookie"))


def test_a_store_that_fails_shows_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = with_files(tmp_path)
    client = signed_in(host)

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the database is away")

    monkeypatch.setattr(state_of(host.app).store.sessions, "load", fail, raising=True)
    assert client.get(CSS, buffered=True).location == "/login"


def kept_in_session(folder: Path) -> Host:
    """A host with ``identity=`` and files that anybody may have."""
    (folder / "site.css").write_text("p {}")
    host = Host()
    host.app.static_folder = str(folder)
    host.gate.init_app(host.app, identity=InSession())

    @host.app.get("/in")
    def sign_in() -> str:
        session["uid"] = "2"
        return "in"

    return host


@pytest.mark.parametrize("path", [CSS, "/static/none.css", "/nothing-here", "/mfa/static/mfa_gate.css"])
def test_caches_may_keep_for_everybody_what_is_the_same_for_everybody(tmp_path: Path, path: str) -> None:
    client = kept_in_session(tmp_path).client()
    client.get("/in")
    answer = client.get(path, buffered=True)
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert answer.headers.getlist("Set-Cookie") == []


def test_a_page_for_missing_paths_that_looks_at_the_session_varies_with_it(tmp_path: Path) -> None:
    host = kept_in_session(tmp_path)
    host.app.register_error_handler(404, lambda _error: (f"nothing for {session.get('uid')}", 404))
    client = host.client()
    client.get("/in")
    answer = client.get("/nothing-here")
    assert answer.text == "nothing for 2"
    assert answer.headers["Vary"] == "Cookie"


def test_a_file_that_nobody_guards_asks_the_store_nothing(tmp_path: Path) -> None:
    host, seen = kept_in_session(tmp_path), []
    client = host.client()
    client.get("/in")
    engine = state_of(host.app).store.database.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _cur, statement, *_: seen.append(statement))
    assert client.get(CSS, buffered=True).text == "p {}"
    assert seen == []


def for_users_only(filename: str) -> Any:
    return (f"{filename} of {session['uid']}", 200) if "uid" in session else ("no", 401)


def wrapped(host: Host) -> Any:
    """Flask's own view behind a decorator, which keeps the name of its module."""
    serve = host.app.view_functions["static"]

    @wraps(serve)
    def guarded(filename: str) -> Any:
        return serve(filename=filename) if "uid" in session else ("no", 401)

    return guarded


@pytest.mark.parametrize("make", [lambda _host: for_users_only, wrapped])
def test_files_that_a_view_of_the_hosts_own_shows_to_its_users_are_gated(
    tmp_path: Path, make: Callable[[Host], Any]
) -> None:
    host = kept_in_session(tmp_path)
    host.app.view_functions["static"] = make(host)
    host.enroll("2")
    client = host.client()
    assert client.get(CSS).status_code == 401
    with client.session_transaction() as kept:
        kept["uid"] = "2"
    assert client.get(CSS).location == "/mfa/challenge"
    assert host.pass_challenge(client).location == CSS
    assert client.get(CSS, buffered=True).status_code == 200
