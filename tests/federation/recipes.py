"""Apps with clients of other libraries, put together as the documentation prints it."""

from __future__ import annotations

import base64
import re
import sys
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import requests
from flask import Flask, abort, g, redirect, request, url_for
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user
from flask_sqlalchemy import SQLAlchemy

from example_app.past import enroll_with_key
from flask_mfa_gate import MFAGate
from tests.federation.kit import BASE, CLIENT_ID, KEY, SECRET, Person, WallClock

PAGE = (Path(__file__).parents[2] / "docs" / "federation.md").read_text(encoding="utf-8")
AUTHLIB, FLASK_DANCE, SOCIAL_AUTH = "Authlib", "Flask-Dance", "python-social-auth"
# The address that sends users to the provider.
START = {AUTHLIB: "/sign-in", FLASK_DANCE: "/login/github", SOCIAL_AUTH: "/login/oidc/"}
USER_MODEL = "tests.federation.recipes.User"
db = SQLAlchemy()


class User(UserMixin, db.Model):  # type: ignore[name-defined,misc]
    id = db.Column(db.Integer, primary_key=True)
    username = db.Column(db.String(200), unique=True)
    email = db.Column(db.String(200))


@dataclass
class Recipe:
    """An app with a policy-marked view, a password of sorts, and the code of one recipe.

    :ivar app: its users are those that the provider names; ``nobody`` has no account.
    :ivar space: the names of the code.
    """

    app: Flask
    space: dict[str, Any]
    start: str

    def person(self, walk: Any) -> Person:
        return Person(self, self.app.test_client(), walk, self.start)

    def enroll(self, username: str) -> None:
        """A factor for this user, who has signed in by the provider before."""
        with self.app.app_context():
            user = user_of("", username)
            enroll_with_key(self.app, str(user.id), KEY)
            if self.start == START[SOCIAL_AUTH]:
                social_auth().models.UserSocialAuth.create_social_auth(user, username, "oidc")


def code_of(library: str) -> str:
    (code,) = re.findall(rf"^### {library}\n.*?```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    return str(code)


def user_of(_issuer: str, subject: str) -> Any:
    """Made at the first sign-in."""
    if subject == "nobody":
        return None
    found = db.session.execute(db.select(User).filter_by(username=subject)).scalar()
    if found is None:
        found = User(username=subject)
        db.session.add(found)
        db.session.commit()
    return found


def recipe(library: str, issuer: str, trust: str, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """The app of a recipe, with addresses and secrets that are there."""
    monkeypatch.setenv("UPSTREAM_SECRET", SECRET)
    app, gate = host(issuer, trust)
    code = code_of(library)
    mine = {"https://id.example.org": issuer, 'client_id="portal"': f'client_id="{CLIENT_ID}"'}
    if library == FLASK_DANCE:
        # The words of this provider are others than those of GitHub.
        mine = {"https://github.com": issuer, '"/user"': '""', '["id"]': '["sub"]'}
    for theirs, here in mine.items():
        code = code.replace(theirs, here)
    import os

    space = {
        "__name__": "sign_in", "app": app, "gate": gate, "user_of": user_of, "os": os, "request": request,
        "redirect": redirect, "url_for": url_for, "abort": abort, "login_user": login_user,
    }  # fmt: skip
    if library == SOCIAL_AUTH:
        social_auth()
    exec(compile(code, "docs/federation.md", "exec"), space)
    if library == FLASK_DANCE:
        lead(space["github"], issuer, monkeypatch)
    if library == SOCIAL_AUTH:
        add_social_auth(app, space, monkeypatch)
    with app.app_context():
        db.create_all()
    return Recipe(app, space, START[library])


def host(issuer: str, trust: str) -> tuple[Flask, MFAGate]:
    app, gate, manager = Flask("host"), MFAGate(), LoginManager()
    app.config.update(
        SECRET_KEY="x", TESTING=True, SQLALCHEMY_DATABASE_URI="sqlite://", MFA_GATE_BASE_URL=BASE,
        MFA_GATE_CLOCK=WallClock(), MFA_GATE_TRUST_AMR={issuer: trust},
    )  # fmt: skip
    db.init_app(app)
    manager.init_app(app)
    manager.user_loader(lambda key: db.session.get(User, int(key)))
    app.add_url_rule("/", "home", login_required(lambda: current_user.username))
    app.add_url_rule("/payroll", "payroll", gate.resource("payroll")(lambda: "payroll"))
    app.add_url_rule("/password/<name>", "password", lambda name: str(login_user(user_of("", name))), methods=["POST"])
    app.add_url_rule("/sign-out", "sign_out", lambda: str(logout_user()), methods=["POST"])
    gate.init_app(app, db=db, user_model=User)
    return app, gate


def lead(github: Any, issuer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From GitHub to a provider of this machine."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    known = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=20).json()
    github._client_id, github.use_pkce, github.scope = CLIENT_ID, True, "openid"
    github.base_url, github.authorization_url = known["userinfo_endpoint"], known["authorization_endpoint"]
    github.token_url = known["token_endpoint"]


@cache
def social_auth() -> SimpleNamespace:
    """Its parts, of which a process has one set. What they are built on is older than SQLAlchemy 2."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import social_flask.strategy  # noqa: F401 - imported by the first request otherwise
        from social_core.backends.open_id_connect import OpenIdConnectAuth
        from social_flask.routes import social_auth as views
        from social_flask_sqlalchemy import models
    config = Flask("social")
    config.config["SOCIAL_AUTH_USER_MODEL"] = USER_MODEL
    models.init_social(config, db.session)
    return SimpleNamespace(views=views, models=models, backend=OpenIdConnectAuth)


def add_social_auth(app: Flask, space: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What its own documentation has an app do."""
    social = social_auth()
    # What it learned of the provider before.
    social.backend.oidc_config.invalidate()
    social.backend.get_jwks_keys.invalidate()
    app.config.update(
        SOCIAL_AUTH_USER_MODEL=USER_MODEL,
        SOCIAL_AUTH_AUTHENTICATION_BACKENDS=["social_core.backends.open_id_connect.OpenIdConnectAuth"],
        SOCIAL_AUTH_OIDC_KEY=CLIENT_ID, SOCIAL_AUTH_OIDC_SECRET=SECRET, SOCIAL_AUTH_OIDC_USERNAME_KEY="sub",
        SOCIAL_AUTH_LOGIN_REDIRECT_URL="/", SOCIAL_AUTH_LOGIN_ERROR_URL="/",
    )  # fmt: skip
    # Its tables know names that Python has no longer.
    monkeypatch.setattr(base64, "encodestring", base64.encodebytes, raising=False)
    monkeypatch.setattr(base64, "decodestring", base64.decodebytes, raising=False)
    module = ModuleType("sign_in")
    module.__dict__.update(space)
    monkeypatch.setitem(sys.modules, "sign_in", module)
    app.register_blueprint(social.views)

    @app.before_request
    def tell_social_auth() -> None:
        g.user = current_user

    with app.app_context():
        social.models.PSABase.metadata.create_all(db.engine)
