"""An app that signs its users in by a provider, and a provider that says whatever a test tells it to."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from flask import Flask, Response, jsonify, redirect, request
from flask.testing import FlaskClient
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from werkzeug.test import TestResponse

from example_app.past import enroll_with_key
from flask_mfa_gate import MFAGate
from tests.browser.conftest import served
from tests.conftest import JSON, Phone, state_of

SECRET, KEY = "a-secret-of-the-client-of-this-app", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CLIENT_ID, BASE = "app", "http://localhost"
CALLBACK = f"{BASE}/mfa/sign-in/id/callback"
# Also those of the recipes for clients of other libraries.
CALLBACKS = [CALLBACK, *(f"{BASE}/{path}" for path in ("authorize", "login/github/authorized", "complete/oidc/"))]
MFA = "https://refeds.org/profile/mfa"


class WallClock:
    """Now, or some time ahead of it."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class User(UserMixin):
    def __init__(self, key: str, *, is_active: bool = True) -> None:
        self.id, self._is_active = key, is_active

    @property
    def is_active(self) -> bool:
        return self._is_active


class App:
    """Users are whom their provider names, as ``ISSUER SUBJECT``; one subject has no account, another is disabled.

    :param upstream: words of the provider beside its issuer and the client's id and secret.
    """

    def __init__(
        self, issuer: str, trust: str = "when-proved", upstream: dict[str, Any] | None = None, **config: Any
    ) -> None:
        self.clock, self.asked = WallClock(), list[tuple[str, str]]()
        self.app, self.gate, manager = Flask("app"), MFAGate(), LoginManager()
        words = {
            "issuer": issuer,
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "label": "Example ID",
            **(upstream or {}),
        }
        self.app.config.update(
            SECRET_KEY="x", TESTING=True, MFA_GATE_DATABASE_URI="sqlite://", MFA_GATE_BASE_URL=BASE,
            MFA_GATE_CLOCK=self.clock, MFA_GATE_UPSTREAMS={"id": words}, MFA_GATE_TRUST_AMR={issuer: trust}, **config,
        )  # fmt: skip
        manager.init_app(self.app)
        manager.user_loader(User)
        self._add_views()
        self.find: Callable[..., User | None] = self._find
        self.gate.init_app(self.app, upstream_user=lambda *told: self.find(*told))
        self.issuer = issuer

    def _find(self, issuer: str, subject: str, claims: Any) -> User | None:
        self.asked.append((issuer, subject))
        return None if subject == "nobody" else User(subject, is_active=subject != "disabled")

    def _add_views(self) -> None:
        app, gate = self.app, self.gate
        view = lambda: "here"  # noqa: E731
        app.add_url_rule("/", "home", login_required(view))
        app.add_url_rule("/me", "me", lambda: str(current_user.get_id()))
        app.add_url_rule("/act-as/<key>", "act_as", self.act_as, methods=["POST"])
        app.add_url_rule("/payroll", "payroll", gate.resource("payroll")(lambda: "payroll"))
        app.add_url_rule("/fresh", "fresh", gate.require_mfa(max_age=timedelta(minutes=5))(lambda: "fresh"))
        app.add_url_rule(
            "/transfer", "transfer", gate.require_mfa(max_age=timedelta(0))(lambda: "sent"), methods=["GET", "POST"]
        )

    def act_as(self, key: str) -> str:
        with self.gate.impersonation(actor=current_user, subject=User(key), reason="ticket 42"):
            login_user(User(key))
        return "acting"

    def enroll(self, key: str) -> None:
        with self.app.app_context():
            enroll_with_key(self.app, key, KEY)

    def person(self, walk: Callable[[str], str]) -> Person:
        return Person(self, self.app.test_client(), walk)

    @property
    def phone(self) -> Phone:
        return Phone(self.clock, KEY)


@dataclass
class Person:
    """A browser.

    :param walk: goes to the provider at an address, and gives the one that it sends the browser back to.
    :param start: the address of the app that sends it there.
    """

    app: Any
    client: FlaskClient
    walk: Callable[[str], str] = field(repr=False)
    start: str = "/mfa/sign-in/id"

    def leave(self, path: str = "") -> str:
        """Where the app sends the browser."""
        answer = self.client.get(path or self.start)
        assert answer.status_code in {302, 303}, answer.text
        return answer.location

    def come_back(self, url: str) -> TestResponse:
        parts = urlsplit(url)
        assert url.startswith(tuple(CALLBACKS)), url
        return self.client.get(f"{parts.path}?{parts.query}")

    def sign_in(self, path: str = "") -> TestResponse:
        return self.come_back(self.walk(self.leave(path)))

    def status(self, path: str = "/") -> int:
        return self.client.get(path, headers=JSON).status_code

    def claims_of_session(self) -> Any:
        token = self.client.get_cookie("mfa_gate")
        found = state_of(self.app.app).sign_in.sessions.find(token.value if token else "")
        return found[0] if found else None


@dataclass
class Liar:
    """A provider. Each test may change what it says.

    :ivar claims: over those that an honest one would send; None leaves one out.
    :ivar metadata: likewise.
    :ivar token: takes the claims and gives the ID token.
    """

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, str] = field(default_factory=dict)
    token: Callable[[dict[str, Any]], Any] | None = None
    token_answer: Callable[[], Response] | None = None
    key: RSAKey | OctKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "a"}))
    other_keys: list[Any] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def walk(self, url: str) -> str:
        answer = requests.get(url, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def signed(self, claims: dict[str, Any], *, alg: str = "RS256", key: Any = None, **header: Any) -> str:
        key = key or self.key
        return jwt.encode(
            {"alg": alg, "kid": key.kid, **header} if key.kid else {"alg": alg, **header}, claims, key, algorithms=[alg]
        )

    def honest(self, asked: dict[str, str]) -> dict[str, Any]:
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "ann", "nonce": asked["nonce"], "iat": now, "exp": now + 300,
            "auth_time": now, "amr": ["pwd", "mfa"], **self.claims,
        }  # fmt: skip
        return {name: value for name, value in claims.items() if value is not None}


def provider_app(liar: Liar) -> Flask:
    app = Flask("provider")

    @app.get("/.well-known/openid-configuration")
    def configuration() -> Response:
        liar.fetched.append("configuration")
        base = liar.issuer
        return jsonify(
            issuer=base, authorization_endpoint=f"{base}/authorize", token_endpoint=f"{base}/token", jwks_uri=f"{base}/jwks"
        ) if not liar.metadata else jsonify({
            "issuer": base, "authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/jwks", **liar.metadata,
        })  # fmt: skip

    @app.get("/jwks")
    def jwks() -> Response:
        liar.fetched.append("jwks")
        return jsonify(keys=[*liar.other_keys, liar.key.as_dict(private=isinstance(liar.key, OctKey))])

    @app.post("/elsewhere")
    def elsewhere() -> Response:
        liar.fetched.append("elsewhere")
        return jsonify(error="invalid_grant")

    @app.get("/authorize")
    def authorize() -> Any:
        liar.asked = request.args.to_dict()
        code = f"code-{len(liar.codes)}"
        liar.codes[code] = liar.asked
        answer = {"code": code, "state": liar.asked["state"], **liar.answer}
        return redirect(f"{liar.asked['redirect_uri']}?{urlencode(answer)}")

    @app.post("/token")
    def token() -> Any:
        if liar.token_answer is not None:
            return liar.token_answer()
        asked = liar.codes.pop(request.form["code"], None)
        verifier = hashlib.sha256(request.form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        expected = base64.b64encode(f"{CLIENT_ID}:{SECRET}".encode()).decode()
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or request.headers["Authorization"] != f"Basic {expected}"
        ):
            return jsonify(error="invalid_grant"), 400
        claims = liar.honest(asked)
        made = liar.token(claims) if liar.token is not None else liar.signed(claims)
        return jsonify(access_token="at", token_type="Bearer", expires_in=60, id_token=made)

    return app


@contextmanager
def liar_served() -> Iterator[Liar]:
    liar = Liar()
    with served(provider_app(liar)) as url:
        liar.issuer = url.replace("127.0.0.1", "localhost")
        yield liar


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def text_of(answer: TestResponse) -> str:
    return json.dumps(answer.json, ensure_ascii=False) if answer.is_json else answer.text
