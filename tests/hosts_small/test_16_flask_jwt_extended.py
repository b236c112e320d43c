"""Demand 16, on a host that makes and reads its tokens with Flask-JWT-Extended, as docs/tokens.md says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from flask import request
from flask.testing import FlaskClient
from flask_jwt_extended import JWTManager, create_access_token, get_jwt_identity, jwt_required, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_login import current_user, login_required, login_user

from flask_mfa_gate.errors import NotProved
from tests.conftest import JSON
from tests.hosts_small.kit import Host, User

KEY = "a key of thirty-two bytes at least"


class Jwts:
    """A host whose programs come with a JWT."""

    def __init__(self, mode: str = "owner-enrolled") -> None:
        self.host, self.passwords = Host(MFA_GATE_TOKENS=mode, JWT_SECRET_KEY=KEY), dict.fromkeys("12", "old")
        app, gate = self.host.app, self.host.gate
        JWTManager(app)
        self.host.with_login_manager().request_loader(self.load)
        gate.init_app(app, session_stamp=lambda user: self.passwords[user.id])
        app.add_url_rule("/login/<key>", "login", lambda key: str(login_user(User(key))), methods=["POST"])
        app.add_url_rule("/tokens", "make", login_required(self.make), methods=["POST"])
        app.add_url_rule("/bare", "bare", lambda: create_access_token(request.form["key"]), methods=["POST"])
        app.add_url_rule("/api/me", "me", login_required(lambda: f"inside as {current_user.get_id()}"))
        app.add_url_rule("/api/mfa", "mfa", gate.require_mfa()(lambda: f"inside as {current_user.get_id()}"))
        late = jwt_required()(lambda: f"inside as {get_jwt_identity()}")
        app.add_url_rule("/api/late", "late", gate.require_mfa()(late))
        self.host.enroll("1")

    @staticmethod
    def load(_asked: Any) -> User | None:
        try:
            verify_jwt_in_request(optional=True, locations=["headers"])
        except (JWTExtendedException, jwt.PyJWTError):
            return None
        identity = get_jwt_identity()
        return User(identity) if identity else None

    def make(self) -> str:
        lifetime = timedelta(days=30)
        token = create_access_token(current_user.get_id(), expires_delta=lifetime)
        self.host.gate.mark_token(token, name="CI", expires_at=datetime.now(UTC) + lifetime)
        return token

    def signed_in(self) -> FlaskClient:
        client = self.host.client()
        client.post("/login/1")
        assert self.host.pass_challenge(client).status_code == 303
        return client

    def made(self) -> str:
        return self.signed_in().post("/tokens").text

    def bare(self, key: str = "1") -> str:
        return self.host.client().post("/bare", data={"key": key}).text

    def get(self, token: str, path: str = "/api/me", client: FlaskClient | None = None) -> Any:
        return (client or self.host.client()).get(path, headers={**JSON, "Authorization": f"Bearer {token}"})


def test_one_from_a_proven_session_opens_what_that_had_proved() -> None:
    jwts = Jwts()
    token = jwts.made()
    assert [jwts.get(token, path).text for path in ("/api/me", "/api/mfa")] == ["inside as 1"] * 2
    answer = jwts.get(jwts.bare())
    assert (answer.status_code, answer.json["code"]) == (401, "mfa_challenge_required")
    assert jwts.get(jwts.bare("2")).text == "inside as 2", "nothing is asked of this user"
    assert jwts.get(jwts.bare("2"), "/api/mfa").status_code == 403


@pytest.mark.parametrize(("mode", "status"), [("refuse", 401), ("exempt", 200)])
def test_the_other_modes_go_by_the_setting_alone(mode: str, status: int) -> None:
    jwts = Jwts(mode)
    assert (jwts.get(jwts.made()).status_code, jwts.get(jwts.bare()).status_code) == (status, status)


def test_forged_and_expired_ones_are_nobodys() -> None:
    jwts = Jwts()
    token = jwts.made()
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = jwt.encode(claims, "another key of thirty-two bytes here")
    old = jwt.encode({**claims, "exp": 1}, KEY)
    none = jwt.encode(claims, None, algorithm="none")
    for sent in (forged, old, none, token[:-4], ""):
        assert jwts.get(sent, "/api/mfa").status_code == 401
    as_another = jwt.encode({**claims, "sub": "2"}, KEY)
    assert jwts.get(as_another, "/api/mfa").status_code == 403, "the mark is on another token"


def test_it_ends_with_the_password_and_with_its_mark() -> None:
    jwts = Jwts()
    first = jwts.made()
    with jwts.host.app.app_context():
        jwts.host.gate.api_tokens.revoke("1")
    assert jwts.get(first).status_code == 401
    second = jwts.made()
    jwts.passwords["1"] = "new"
    assert jwts.get(second).status_code == 401


def test_a_token_makes_no_other_one_and_raises_no_session() -> None:
    jwts = Jwts()
    token = jwts.made()
    with pytest.raises(NotProved):
        jwts.host.client().post("/tokens", headers={**JSON, "Authorization": f"Bearer {token}"})
    browser = jwts.host.client()
    browser.post("/login/1")
    jwts.get(token, client=browser)
    assert browser.get("/api/me", headers=JSON).status_code == 401, "the session is still pending"


def test_a_decorator_that_looks_later_opens_nothing() -> None:
    jwts = Jwts()
    token = jwts.made()
    assert jwts.get(token, "/api/late").text == "inside as 1", "where the loader says the same"
    assert jwts.get(jwts.bare(), "/api/late").status_code == 401
    cookie = jwts.host.client()
    cookie.set_cookie("access_token_cookie", token)
    assert cookie.get("/api/late", headers=JSON).status_code == 401, "no cookie of it counts"
