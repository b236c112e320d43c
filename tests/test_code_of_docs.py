"""Every piece of Python on the pages of ``docs`` runs, in an app that has what such an app has, and keeps its promise."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, abort, redirect, request, session
from flask.views import MethodView
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from flask_sqlalchemy import SQLAlchemy

from example_app.past import enroll_with_key
from example_app.people import DAVES_KEY
from flask_mfa_gate import MFAGate, Policy
from tests.conftest import state_of
from tests.promises_of_docs import PROMISES

ROOT = Path(__file__).parents[1]
# tests/federation runs these with the packages that they are about.
CLIENTS_OF_OTHERS = ("from authlib.", "from flask_dance.", "from social_core.")
# Pages and beginnings of code that a test of its own runs, with the other files that it needs.
WHOLE_APPS = ("from flask_mfa_gate import MFAGate", "class InSession:")
ELSEWHERE = ("# receiver.py", "# gated.py", "# conftest.py", "# test_", "# wiki.py", *CLIENTS_OF_OTHERS)
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
    """The names that a piece takes for granted, and an app with the gate in place unless the piece puts it there."""
    for name, value in {
        "MFA_GATE_KEYS": KEY,
        "SECRET_KEY": "x",
        "DATABASE_URL": "sqlite://",
        "WIKI_SECRET": "x" * 32,
        "UPSTREAM_SECRET": "x" * 32,
        "HOOK_SECRET": f"whsec_{KEY}",
    }.items():
        monkeypatch.setenv(name, value)

    class Preset(Flask):
        def __init__(self, name: str) -> None:
            super().__init__(name, instance_path=str(tmp_path / "instance"))
            self.config.update(TESTING=True, SECRET_KEY="x", SQLALCHEMY_DATABASE_URI="sqlite://")
            self.config.update(MFA_GATE_OIDC=True, MFA_GATE_BASE_URL="https://portal.example.org")

    def make(code: str) -> dict[str, Any]:
        app, db, manager, gate = Preset(__name__), SQLAlchemy(), LoginManager(), MFAGate()

        class User(UserMixin, db.Model):  # type: ignore[name-defined,misc]
            id = db.Column(db.Integer, primary_key=True)
            is_admin, group_names, password_hash = False, ("finance",), "x"

        class Account(db.Model):  # type: ignore[name-defined,misc]
            issuer = db.Column(db.String, primary_key=True)
            subject = db.Column(db.String, primary_key=True)
            user_id = db.Column(db.Integer)

        if not code.startswith(WHOLE_APPS):
            make_host(app, db, manager, User)
        if "gate.init_app(" not in code:
            put_in_place(app, db, gate, User)
        import os

        return {
            "__name__": __name__, "app": app, "db": db, "login_manager": manager, "gate": gate, "User": User, "os": os,
            "Flask": Preset, "Blueprint": Blueprint, "MethodView": MethodView, "MFAGate": MFAGate, "request": request, "redirect": redirect,
            "abort": abort, "Account": Account, "session": session, "login_required": login_required, "login_user": login_user, "wraps": wraps,
            "current_user": current_user, "timedelta": timedelta, "text": "version = 1", "secret_key": "x" * 32,
            "Migrate": lambda _app, _db, *, include_name: include_name,
        }  # fmt: skip

    return make


def make_host(app: Flask, db: Any, manager: LoginManager, user_model: Any) -> None:
    db.init_app(app)
    manager.init_app(app)
    manager.user_loader(lambda key: db.session.get(user_model, int(key)))
    with app.app_context():
        db.create_all()
        db.session.add_all(user_model(id=number) for number in (1, 2, 3, 4, 5, 7))
        db.session.commit()


def put_in_place(app: Flask, db: Any, gate: MFAGate, user_model: Any) -> None:
    """With two admins, of whom one has a factor, a marked view that asks for one, and a policy that is off."""
    app.config["MFA_GATE_DEFAULT_ACCESS"] = {"payroll": "require"}
    app.add_url_rule("/money", "money", gate.resource("payroll")(lambda: "paid"))
    gate.init_app(
        app, db=db, user_model=user_model, groups=lambda user: user.group_names,
        admin_role=lambda user: "admin" if user.id in {1, 7} else None,
    )  # fmt: skip
    with app.app_context():
        gate.users.sync()
        enroll_with_key(app, "7", DAVES_KEY)
        gate.policies.save(Policy.from_document({"name": "Off", "state": "off", "effect": {"action": "deny"}}))


@pytest.mark.parametrize("code", pieces())
def test_it_does_what_the_text_around_it_promises(made: Callable[..., dict[str, Any]], code: str) -> None:
    (keep,) = [check for words, check in PROMISES.items() if words in code]
    space = made(code)
    with space["app"].test_request_context():
        exec(compile(code, "docs", "exec"), space)
        keep(space)
    if "mfa_gate" in space["app"].extensions:
        state_of(space["app"]).store.database.dispose()


def test_no_promise_is_left_of_a_piece_that_is_gone() -> None:
    told = [str(piece.values[0]) for piece in pieces()]
    assert [words for words in PROMISES if not any(words in code for code in told)] == []
