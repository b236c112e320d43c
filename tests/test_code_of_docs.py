"""Every piece of Python on the pages of ``docs`` runs, in an app that has what such an app has."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, request, session
from flask.views import MethodView
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from flask_sqlalchemy import SQLAlchemy

from flask_mfa_gate import MFAGate
from tests.conftest import state_of

ROOT = Path(__file__).parents[1]
# Pages and beginnings of code that a test of its own runs, with the other files that it needs.
ELSEWHERE = ("# gated.py", "# conftest.py", "# test_")
KEY = "ZGVtbyBrZXkgb2YgdGhlIGV4YW1wbGUgcG9ydGFsISE="


def pieces() -> list[Any]:
    found = [
        pytest.param(code, id=f"{path.stem}-{number}")
        for path in sorted((ROOT / "docs").glob("*.md"))
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL))
        if not code.startswith(ELSEWHERE)
    ]
    assert len(found) >= 18
    return found


@pytest.fixture
def made(tmp_path: Path, monkeypatch: Any) -> Callable[..., dict[str, Any]]:
    """The names that the pages take for granted; with or without the gate in place."""
    for name, value in {
        "MFA_GATE_KEYS": KEY,
        "SECRET_KEY": "x",
        "DATABASE_URL": "sqlite://",
        "WIKI_SECRET": "x" * 32,
    }.items():
        monkeypatch.setenv(name, value)

    class Preset(Flask):
        def __init__(self, name: str) -> None:
            super().__init__(name, instance_path=str(tmp_path / "instance"))
            self.config.update(TESTING=True, SECRET_KEY="x", SQLALCHEMY_DATABASE_URI="sqlite://")
            self.config.update(MFA_GATE_OIDC=True, MFA_GATE_BASE_URL="https://portal.example.org")

    def make(*, is_gated: bool) -> dict[str, Any]:
        app, db, manager, gate = Preset(__name__), SQLAlchemy(), LoginManager(), MFAGate()

        class User(UserMixin, db.Model):  # type: ignore[name-defined,misc]
            id = db.Column(db.Integer, primary_key=True)
            is_admin, group_names, password_hash = False, ("finance",), "x"

        if is_gated:
            put_in_place(app, db, manager, gate, User)
        import os

        return {
            "__name__": __name__, "app": app, "db": db, "login_manager": manager, "gate": gate, "User": User, "os": os,
            "Flask": Preset, "Blueprint": Blueprint, "MethodView": MethodView, "MFAGate": MFAGate, "request": request,
            "session": session, "login_required": login_required, "login_user": login_user, "wraps": wraps,
            "current_user": current_user, "timedelta": timedelta, "text": "version = 1",
            "Migrate": lambda _app, _db, *, include_name: include_name,
        }  # fmt: skip

    return make


def put_in_place(app: Flask, db: Any, manager: LoginManager, gate: MFAGate, user_model: Any) -> None:
    db.init_app(app)
    manager.init_app(app)
    manager.user_loader(lambda key: db.session.get(user_model, int(key)))
    app.add_url_rule("/money", "money", gate.resource("payroll")(lambda: "paid"))
    gate.init_app(app, db=db, user_model=user_model, admin_role=lambda user: "admin" if user.id == 1 else None)
    with app.app_context():
        db.create_all()
        db.session.add_all(user_model(id=number) for number in (1, 2, 3, 4, 5, 7))
        db.session.commit()
        gate.users.sync()


@pytest.mark.parametrize("code", pieces())
def test_it_runs(made: Callable[..., dict[str, Any]], code: str) -> None:
    space = made(is_gated="gate.init_app(" not in code)
    with space["app"].test_request_context():
        exec(compile(code, "docs", "exec"), space)
    if "mfa_gate" in space["app"].extensions:
        state_of(space["app"]).store.database.dispose()


def test_the_factory_of_the_quick_start_makes_a_gated_app(made: Callable[..., dict[str, Any]]) -> None:
    (code,) = [piece.values[0] for piece in pieces() if "def create_app" in str(piece.values[0])]
    space = made(is_gated=False)
    exec(compile(code, "docs", "exec"), space)
    app = space["create_app"]()
    assert app.test_client().get("/mfa/").status_code == 401, "the page is there, and nobody is signed in"
    with app.app_context():
        assert state_of(app).issuer == "My App"
    state_of(app).store.database.dispose()
