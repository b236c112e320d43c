"""A host bare and with the gate, what is requested of it, and the calls and places of the package that this takes."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from flask import Flask
from flask_login import LoginManager, login_required, login_user

import flask_mfa_gate
from tests.hosts_small.kit import Host, User

# Python 3.11 calls them like functions; newer ones run them in place.
COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>"}
PACKAGE = str(Path(flask_mfa_gate.__file__).parent)


def with_views(app: Flask) -> Flask:
    @app.route("/")
    @login_required
    def home() -> str:
        return "in"

    @app.route("/open")
    def front() -> str:
        return "open"

    @app.post("/login")
    def login() -> str:
        login_user(User("1"))
        return "in"

    return app


def bare() -> Any:
    app = Flask("bare")
    app.config.update(SECRET_KEY="host", TESTING=True)
    LoginManager(app).user_loader(User)
    client = with_views(app).test_client()
    client.post("/login")
    return app, client


def gated() -> Any:
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)
    host.enroll()
    client = with_views(host.app).test_client()
    client.post("/login")
    host.pass_challenge(client)
    return host.app, client


def calls_of(act: Callable[[], Any]) -> int:
    """Functions of Python and of C that are called."""
    for _ in range(3):
        act()
    count = 0

    def note(_frame: Any, kind: str, _argument: Any) -> None:
        nonlocal count
        count += kind in {"call", "c_call"}

    # What waits to be collected would be closed whenever the collector comes, and counted.
    gc.collect()
    gc.disable()
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


def requests_of(app: Flask, client: Any) -> dict[str, Callable[[], Any]]:
    return {
        "proved": lambda: client.get("/"),
        "anonymous": lambda: app.test_client().get("/open"),
        "file": lambda: app.test_client().get("/static/none.css"),
    }


def places_in(act: Callable[[], Any]) -> tuple[int, int]:
    """Files and functions of the package that are run."""
    for _ in range(3):
        act()
    found: set[CodeType] = set()

    def note(frame: FrameType, kind: str, _argument: Any) -> None:
        if (
            kind == "call"
            and frame.f_code.co_filename.startswith(PACKAGE)
            and frame.f_code.co_name not in COMPREHENSIONS
        ):
            found.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(before)
    return len({code.co_filename for code in found}), len(found)
