"""A small portal that uses every feature of the gate."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask_login import LoginManager
from flask_mail import Mail

from flask_mfa_gate import MFAGate

from .crowd import seed_crowd
from .models import User, db
from .people import DEMO_KEY, seed
from .views import portal

gate = MFAGate()
login_manager = LoginManager()
login_manager.login_view = "portal.login"
mail = Mail()


@login_manager.user_loader
def load_user(user_id: str) -> User | None:
    """By primary key."""
    return db.session.get(User, int(user_id)) if user_id.isdecimal() else None


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The portal, with its tables up to date and its people in them."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="demo only, not a secret",  # noqa: S106
        SQLALCHEMY_DATABASE_URI=os.environ.get("SQLALCHEMY_DATABASE_URI", "sqlite:///portal.sqlite3"),
        SESSION_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_HTTPONLY=True,
        MAIL_SUPPRESS_SEND=True,
        MAIL_DEFAULT_SENDER="portal@example.org",
        MFA_GATE_KEYS=[DEMO_KEY],
        MFA_GATE_ISSUER="Example Portal",
        MFA_GATE_ADMIN_ENROLLMENT="sign-in",
    )
    app.config.update(config or {})
    app.config.setdefault("EXAMPLE_CROWD", not app.config["TESTING"])
    db.init_app(app)
    login_manager.init_app(app)
    mail.init_app(app)
    gate.init_app(
        app, db=db, user_model=User, groups=lambda user: user.groups, admin_role=lambda user: user.role or None
    )
    app.register_blueprint(portal)
    with app.app_context():
        gate.upgrade()
        seed(gate, app)
        # Only for people who look at it: a program that tests the portal needs the eight, and soon.
        if app.config["EXAMPLE_CROWD"]:
            seed_crowd(app)
    gate.check(app)
    return app
