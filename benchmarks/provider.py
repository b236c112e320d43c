"""What an authorization request of a proven session and a token request cost, beside a provider on Authlib alone.

The peer is what Authlib's documentation shows: Flask-SQLAlchemy, the mixins, a user in Flask's session; without the gate,
PKCE, consent kept, families, or a second look at the user. Both sign with RS256, keep clients in a table, and write to an
SQLite file in WAL mode. Goals: authorize at most 4 statements and 2.2 times the peer's time, token 5 and 1.0.
"""

from __future__ import annotations

import argparse
import hashlib
import secrets
import tempfile
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.sqla_oauth2 import (
    OAuth2AuthorizationCodeMixin,
    OAuth2ClientMixin,
    OAuth2TokenMixin,
    create_query_client_func,
    create_save_token_func,
)
from authlib.oauth2.rfc6749 import grants
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, request, session
from flask.testing import FlaskClient
from flask_login import LoginManager, UserMixin, login_user
from flask_sqlalchemy import SQLAlchemy
from joserfc.jwk import RSAKey
from sqlalchemy import Engine, event, select
from werkzeug.test import EnvironBuilder

from benchmarks.kit import machine, middle
from flask_mfa_gate import MFAGate

GOALS = {"authorize": (4, 2.2), "token": (5, 1.0)}
CALLBACK, ISSUER = "https://wiki.example.org/callback", "http://localhost"
WORDS: Mapping[str, Any] = {"client_id": "wiki", "client_name": "Wiki", "redirect_uris": [CALLBACK]}


@dataclass(frozen=True, slots=True)
class Provider:
    """One of the two, with somebody who is signed in."""

    app: Flask
    client: FlaskClient
    authorize_path: str
    token_path: str
    secret: str
    engines: list[Engine]

    def authorize(self, verifier: str) -> dict[str, Any]:
        """The request of an app, and nothing of the test client's."""
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "client_id": "wiki", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid email", "state": "s",
            "nonce": secrets.token_hex(8), "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return self._environ(f"{self.authorize_path}?{urlencode(asked)}", method="GET")

    def token(self, code: str, verifier: str) -> dict[str, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
        basic = b64encode(f"wiki:{self.secret}".encode()).decode()
        return self._environ(self.token_path, method="POST", data=form, headers={"Authorization": f"Basic {basic}"})

    def _environ(self, path: str, **options: Any) -> dict[str, Any]:
        environ = EnvironBuilder(path, **options).get_environ()
        if options["method"] == "GET":
            self.client._add_cookies_to_wsgi(environ)
        return environ


def host(uri: str) -> tuple[Flask, SQLAlchemy]:
    app = Flask("host")
    app.config.update(SECRET_KEY="host", TESTING=True, SQLALCHEMY_DATABASE_URI=uri)
    db = SQLAlchemy(app)
    with app.app_context():
        event.listen(db.engine, "connect", in_wal)
    return app, db


def in_wal(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def ours(folder: Path) -> Provider:
    app, db = host(f"sqlite:///{folder}/host.sqlite3")
    app.config.update(MFA_GATE_OIDC=True, MFA_GATE_BASE_URL=ISSUER)
    user = type("User", (db.Model, UserMixin), _columns(db))
    LoginManager(app).user_loader(lambda key: db.session.get(user, int(key)))
    app.add_url_rule("/login", "login", lambda: str(login_user(db.session.get(user, 1))), methods=["POST"])
    gate = MFAGate(app, db=db, user_model=user)
    with app.app_context():
        db.create_all()
        db.session.add(user(email="bob@example.org"))
        db.session.commit()
        gate.upgrade()
        secret = gate.oidc.clients.add({**WORDS, "skip_consent": True}, actor="cli").secret
        engines = [db.engine, app.extensions["mfa_gate"].store.database.engine]
    client = app.test_client()
    client.post("/login")
    prove(client)
    return Provider(app, client, "/mfa/oidc/authorize", "/mfa/oidc/token", str(secret), engines)


def prove(client: FlaskClient) -> None:
    """A factor, so that the session is a proven one."""
    setup: Any = client.get("/mfa/enroll/totp", headers={"Accept": "application/json"}).json
    token: Any = client.get("/mfa/status").json
    headers = {"X-CSRFToken": token["csrf_token"], "Accept": "application/json"}
    code = pyotp.TOTP(setup["secret"]).now()
    assert client.post("/mfa/enroll/totp", json={"code": code}, headers=headers).status_code == 200


def _columns(db: SQLAlchemy) -> dict[str, Any]:
    return {"id": db.Column(db.Integer, primary_key=True), "email": db.Column(db.String(100)), "__tablename__": "user"}


def peer(folder: Path) -> Provider:
    app, db = host(f"sqlite:///{folder}/peer.sqlite3")
    user = type("User", (db.Model,), {**_columns(db), "get_user_id": lambda self: self.id})
    owned = {"id": db.Column(db.Integer, primary_key=True), "user_id": db.Column(db.Integer)}
    client_model = type("Client", (db.Model, OAuth2ClientMixin), {**owned, "__tablename__": "client"})
    code_model = type("Code", (db.Model, OAuth2AuthorizationCodeMixin), {**_id(db), "__tablename__": "code"})
    token_model = type("Token", (db.Model, OAuth2TokenMixin), {**_id(db), "__tablename__": "token"})
    server = AuthorizationServer(
        app,
        query_client=create_query_client_func(db.session, client_model),
        save_token=create_save_token_func(db.session, token_model),
    )
    server.register_grant(code_grant(db, code_model, user), [id_token(db, code_model)])

    def authorize() -> Any:
        bob = db.session.get(user, session["id"])
        grant = server.get_authorization_grant(server.create_oauth2_request(request))
        return server.create_authorization_response(grant_user=bob, grant=grant)

    app.add_url_rule("/oauth/authorize", "authorize", authorize)
    app.add_url_rule("/oauth/token", "token", server.create_token_response, methods=["POST"])
    app.add_url_rule("/login", "login", lambda: str(session.update(id=1)), methods=["POST"])
    secret = secrets.token_urlsafe(32)
    with app.app_context():
        db.create_all()
        registered = client_model(client_id="wiki", client_secret=secret)
        registered.set_client_metadata(
            {**WORDS, "grant_types": ["authorization_code"], "response_types": ["code"], "scope": "openid email"}
        )
        db.session.add_all([user(email="bob@example.org"), registered])
        db.session.commit()
        engines = [db.engine]
    client = app.test_client()
    client.post("/login")
    return Provider(app, client, "/oauth/authorize", "/oauth/token", secret, engines)


def _id(db: SQLAlchemy) -> dict[str, Any]:
    return {"id": db.Column(db.Integer, primary_key=True), "user_id": db.Column(db.Integer)}


def code_grant(db: SQLAlchemy, code_model: Any, user_model: Any) -> type:
    class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
        def save_authorization_code(self, code: str, asked: Any) -> None:
            data = asked.payload.data
            db.session.add(
                code_model(
                    code=code, client_id=asked.client.client_id, redirect_uri=asked.payload.redirect_uri,
                    scope=asked.payload.scope, user_id=asked.user.id, nonce=data.get("nonce"),
                )
            )  # fmt: skip
            db.session.commit()

        def query_authorization_code(self, code: str, client: Any) -> Any:
            mine = select(code_model).filter_by(code=code, client_id=client.client_id)
            found = db.session.scalars(mine).first()
            return found if found is not None and not found.is_expired() else None

        def delete_authorization_code(self, authorization_code: Any) -> None:
            db.session.delete(authorization_code)
            db.session.commit()

        def authenticate_user(self, authorization_code: Any) -> Any:
            return db.session.get(user_model, authorization_code.user_id)

    return CodeGrant


def id_token(db: SQLAlchemy, code_model: Any) -> Any:
    key = RSAKey.generate_key(2048, auto_kid=True)

    class IdToken(OpenIDCode):  # type: ignore[misc]
        def exists_nonce(self, nonce: str, asked: Any) -> bool:
            same = select(code_model.id).filter_by(client_id=asked.payload.client_id, nonce=nonce)
            return db.session.execute(same).first() is not None

        def resolve_client_private_key(self, client: Any) -> Any:
            return key

        def get_client_algorithm(self, client: Any) -> str:
            return "RS256"

        def get_client_claims(self, client: Any) -> dict[str, Any]:
            return {"iss": ISSUER}

        def get_encode_header(self, client: Any) -> dict[str, str]:
            return {"alg": "RS256", "kid": str(key.kid)}

        def generate_user_info(self, user: Any, scope: str) -> UserInfo:
            return UserInfo(sub=str(user.id), email=user.email)

    return IdToken(require_nonce=False)


@dataclass(slots=True)
class Reply:
    status: str = ""
    headers: Mapping[str, str] | None = None
    body: bytes = b""


def serve(app: Flask, environ: dict[str, Any]) -> Reply:
    reply = Reply()

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        reply.status, reply.headers = status, dict(headers)

    parts = app(environ, start)
    reply.body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    return reply


def sign_in(provider: Provider, clock: Callable[[], float]) -> dict[str, float]:
    """One of each, timed."""
    verifier = secrets.token_urlsafe(48)
    environ, began = provider.authorize(verifier), clock()
    reply = serve(provider.app, environ)
    took = {"authorize": clock() - began}
    assert reply.headers is not None
    code = parse_qs(urlsplit(reply.headers["Location"]).query)["code"][0]
    environ, began = provider.token(code, verifier), clock()
    reply = serve(provider.app, environ)
    took["token"] = clock() - began
    assert b"id_token" in reply.body, reply.body
    return took


@contextmanager
def statements(provider: Provider) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "COMMIT")):
            said.append(f"{request.method} {statement}")

    for engine in provider.engines:
        event.listen(engine, "before_cursor_execute", note)
    yield said
    for engine in provider.engines:
        event.remove(engine, "before_cursor_execute", note)


def counted(provider: Provider) -> dict[str, int]:
    with statements(provider) as said:
        sign_in(provider, time.perf_counter)
    return {
        name: sum(one.startswith(method) for one in said) for name, method in (("authorize", "GET"), ("token", "POST"))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        both = {"gate": ours(Path(folder)), "peer": peer(Path(folder))}
        for provider in both.values():
            for _ in range(20):
                sign_in(provider, time.thread_time)
        counts = {name: counted(provider) for name, provider in both.items()}
        times: dict[str, list[dict[str, float]]] = {name: [] for name in both}
        for _ in range(rounds):
            for name, provider in both.items():
                times[name].append(sign_in(provider, time.thread_time))
    print(f"{machine()}; processor time, middle of {rounds} rounds")
    for what, (most, goal) in GOALS.items():
        gate, other = (middle(one[what] for one in times[name]) * 1000 for name in ("gate", "peer"))
        ratio = middle(one[what] / two[what] for one, two in zip(times["gate"], times["peer"], strict=True))
        print(
            f"{what:10} statements {counts['gate'][what]} ({most}), peer {counts['peer'][what]}; "
            f"{gate:.2f} ms, peer {other:.2f} ms; ratio {ratio:.2f} ({goal})"
        )


if __name__ == "__main__":
    main()
