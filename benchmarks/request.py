"""What one request pays, counted in calls of Python and C: the same host bare and with the gate, and Flask-Security.

Goals: a proven request 0.90 of Flask-Security's, an anonymous one 1.25 and a static file 1.05 of the bare host's.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import pyotp
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from tests.hosts_small.kit import SECRET
from tests.hosts_small.request_costs import bare, calls_of, gated, requests_of

GOALS = {"anonymous": 1.25, "file": 1.05}
GOAL_OF_PEER = 0.90
_PASSWORD = "a long password"


def peer() -> tuple[Flask, Any]:
    """Flask-Security with two-factor, at its cheapest: no tracking, no CSRF, passwords kept as they are."""
    app = Flask("peer")
    app.config.update(
        SECRET_KEY="host", TESTING=True, SQLALCHEMY_DATABASE_URI="sqlite://", WTF_CSRF_ENABLED=False,
        SECURITY_PASSWORD_SALT="1" * 20, SECURITY_PASSWORD_HASH="plaintext", SECURITY_PASSWORD_SCHEMES=["plaintext"],
        SECURITY_TWO_FACTOR=True, SECURITY_TWO_FACTOR_REQUIRED=True, SECURITY_TOTP_ISSUER="peer",
        SECURITY_TWO_FACTOR_ENABLED_METHODS=["authenticator"], SECURITY_TWO_FACTOR_ALWAYS_VALIDATE=True,
        SECURITY_TOTP_SECRETS={"1": "k" * 43}, SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False},
    )  # fmt: skip
    with_accounts(app)
    client = app.test_client()
    client.post("/login", data={"email": "bob@example.org", "password": _PASSWORD})
    client.post("/tf-validate", data={"code": pyotp.TOTP(SECRET).now()})
    return app, client


def with_accounts(app: Flask) -> None:
    from flask_security import Security, SQLAlchemyUserDatastore, auth_required
    from flask_security.models import fsqla_v3 as models

    db = SQLAlchemy(app)
    models.FsModels.set_db_info(db)
    role = type("Role", (db.Model, models.FsRoleMixin), {})
    user = type("User", (db.Model, models.FsUserMixin), {})
    credential = type("WebAuthn", (db.Model, models.FsWebAuthnMixin), {})
    users = SQLAlchemyUserDatastore(db, user, role, credential)
    security = Security(app, users)
    with app.app_context():
        db.create_all()
        sealed = security._totp_factory._totp(key=SECRET, format="base32").to_json(encrypt=True)
        users.create_user(
            email="bob@example.org", password=_PASSWORD, fs_uniquifier=uuid.uuid4().hex, active=True,
            tf_primary_method="authenticator", tf_totp_secret=sealed,
        )  # fmt: skip
        db.session.commit()
    app.add_url_rule("/", view_func=auth_required("session")(lambda: "in"), endpoint="home")


def counted(host: tuple[Flask, Any]) -> dict[str, int]:
    app, client = host
    assert client.get("/").status_code == 200
    assert app.test_client().get("/").status_code != 200
    return {kind: calls_of(served(app, act().request.environ)) for kind, act in requests_of(app, client).items()}


def served(app: Flask, sent: Mapping[str, Any]) -> Callable[[], None]:
    """The same request, without what the test client does around it."""
    environ = {name: value for name, value in sent.items() if name.isupper() or name.startswith("wsgi.")}

    def act() -> None:
        with closing(app(dict(environ), lambda *_: None)) as parts:
            b"".join(parts)

    return act


def main() -> None:
    # First, because the gate looks at the statements of every engine of the process, which would be charged to the peer.
    of_peer = counted(peer())["proved"]
    of_bare, of_gate = counted(bare()), counted(gated())
    print(
        f"{'request':10} {'bare':>6} {'gate':>6} {'Flask-Security':>15}   gate / bare (goal)   gate / Flask-Security (goal)"
    )
    for kind, calls in of_gate.items():
        goal = f"({GOALS[kind]})" if kind in GOALS else ""
        beside = f"{of_peer:15}" if kind == "proved" else " " * 15
        ratio = f"{calls / of_peer:.2f} ({GOAL_OF_PEER})" if kind == "proved" else ""
        print(f"{kind:10} {of_bare[kind]:6} {calls:6} {beside}   {calls / of_bare[kind]:.2f} {goal:15} {ratio}")


if __name__ == "__main__":
    main()
