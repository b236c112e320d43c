"""Demand 16: a loader reads ``flask.request``, and what it finds there without the token makes a token of nothing."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, g, request
from flask_login import current_user, login_required, login_user
from sqlalchemy import func, select

from flask_mfa_gate.web.host.passwords import is_password
from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host, User
from tests.policy_kit import policy

PAIR = base64.b64encode(b"u:p").decode()
TOKEN = {"Authorization": "Bearer token-of-1"}


def by_password(name: Any, password: Any) -> User | None:
    return User("1") if (name, password) == ("u", "p") else None


def api(load: Callable[[Any], User | None], **config: Any) -> Host:
    host = Host(MFA_GATE_TOKEN_HEADERS=["X-Api-Key"], **config)
    host.with_login_manager().request_loader(load)
    host.gate.init_app(host.app)
    inside = login_required(lambda **_: f"inside as {current_user.get_id()}")
    views = Blueprint("api", __name__, url_prefix="/api")
    views.add_url_rule("/me", "me", inside, methods=["GET", "POST"])
    views.add_url_rule("/of/<u>/<p>", "of", inside, methods=["GET", "POST"])
    host.app.register_blueprint(views)
    host.enroll()
    return host


def owner(header: str | None) -> User | None:
    return User(header.removeprefix("Bearer token-of-")) if header and header.startswith("Bearer token-of-") else None


def cached_owner() -> User | None:
    """As flask_jwt_extended: read from the request at hand, once a request."""
    if "owner" not in g:
        g.owner = owner(request.headers.get("Authorization"))
    return g.owner  # type: ignore[no-any-return]


def decoded(value: str | None) -> User | None:
    """As in Flask-Login's documentation: the word Basic is taken off where it stands."""
    try:
        name, _, password = base64.b64decode((value or "").replace("Basic ", "", 1)).decode().partition(":")
    except ValueError:
        return None
    return by_password(name, password)


TOKENS: dict[str, Callable[[Any], User | None]] = {
    "by its argument": lambda asked: owner(asked.headers.get("Authorization")),
    "by flask.request": lambda _asked: owner(request.headers.get("Authorization")),
    "once a request": lambda _asked: cached_owner(),
    "in one blueprint": lambda _asked: (
        owner(request.headers.get("Authorization")) if request.blueprint == "api" else None
    ),
    "at one endpoint and path": lambda asked: (
        owner(asked.headers.get("Authorization")) if asked.endpoint == "api.me" and asked.path == "/api/me" else None
    ),
}


@pytest.mark.parametrize("what", TOKENS)
def test_a_token_is_one_wherever_the_loader_reads_it(what: str) -> None:
    host = api(TOKENS[what], MFA_GATE_TOKENS="exempt")
    assert host.client().get("/api/me", headers=TOKEN).text == "inside as 1"


@pytest.mark.parametrize("what", TOKENS)
def test_no_prompt_stops_it_and_it_leaves_no_row_and_no_cookie(what: str) -> None:
    host = api(TOKENS[what])
    with host.app.app_context():
        host.gate.enrollments.require("2", days=7)
    store = state_of(host.app).store
    for key, status in (("1", 401), ("2", 200), ("3", 200)):
        for _ in range(2):
            answer = host.client().get("/api/me", headers={"Authorization": f"Bearer token-of-{key}"})
            assert answer.status_code == status
            assert answer.headers.getlist("Set-Cookie") == []
    with store.database.read() as tx:
        assert tx.execute(select(func.count()).select_from(store.tables.session)).scalar_one() == 0


def test_a_refused_one_is_on_record_once_and_told_under_which_reference() -> None:
    host = api(TOKENS["by its argument"], MFA_GATE_TOKENS="exempt")
    with host.app.app_context():
        host.gate.policies.save(policy(action="deny", users={"include": ["user:1"]}))
    told = [host.client().get("/api/me", headers=TOKEN) for _ in range(3)]
    assert {one.status_code for one in told} == {403}
    with host.app.app_context():
        (record,) = [one for one in state_of(host.app).operations.audit.export() if one["event"] == "access_denied"]
    assert {one.json["reference"] for one in told} == {record["details"]["reference"]}  # type: ignore[index]


def has_key(asked: Any) -> bool:
    return bool(asked.headers.get("X-Api-Key") == "of the app" or asked.headers.get("Authorization"))


PASSWORDS: dict[str, Callable[[Any], User | None]] = {
    "form": lambda asked: by_password(asked.form.get("u"), asked.form.get("p")),
    "form of flask.request": lambda _asked: by_password(request.form.get("u"), request.form.get("p")),
    "form in one blueprint": lambda asked: (
        by_password(asked.form.get("u"), asked.form.get("p")) if asked.blueprint == "api" else None
    ),
    "path": lambda asked: by_password(*(asked.view_args or {}).values()) if asked.view_args else None,
    "query": lambda asked: by_password(asked.args.get("u"), asked.args.get("p")),
    "headers": lambda asked: by_password(asked.headers.get("X-User"), asked.headers.get("X-Password")),
    "form beside a key of the app": lambda asked: (
        by_password(asked.form.get("u"), asked.form.get("p")) if has_key(asked) else None
    ),
    "query beside a key of the app": lambda asked: (
        by_password(asked.args.get("u"), asked.args.get("p")) if has_key(asked) else None
    ),
    "path beside a key of the app": lambda asked: (
        by_password(*asked.view_args.values()) if has_key(asked) and asked.view_args else None
    ),
    "raw path beside a key of the app": lambda asked: (
        by_password(*asked.path.split("/")[-2:]) if has_key(asked) else None
    ),
    "headers beside a key of the app": lambda asked: (
        by_password(asked.headers.get("X-User"), asked.headers.get("X-Password")) if has_key(asked) else None
    ),
    "cookies beside a key of the app": lambda asked: (
        by_password(asked.cookies.get("u"), asked.cookies.get("p")) if has_key(asked) else None
    ),
}


@pytest.mark.parametrize("beside", [{"Authorization": "Bearer anything"}, {"X-Api-Key": "of the app"}])
@pytest.mark.parametrize("what", PASSWORDS)
def test_a_password_is_no_token_whatever_header_stands_beside_it(what: str, beside: dict[str, str]) -> None:
    host = api(PASSWORDS[what], MFA_GATE_TOKENS="exempt")
    client = host.client()
    client.set_cookie("u", "u")
    client.set_cookie("p", "p")
    for path in ("/api/me?u=u&p=p", "/api/of/u/p"):
        headers = {"X-User": "u", "X-Password": "p", **beside, **JSON}
        assert "inside" not in client.post(path, data={"u": "u", "p": "p"}, headers=headers).text


@pytest.mark.parametrize(
    "value",
    [
        f"Basic {PAIR}", f"basic  {PAIR}", f"\tBasic {PAIR}", PAIR, f"Bearer {PAIR}", f"Token {PAIR}", f"Bearer Basic {PAIR}",
        f"Bearer {PAIR[:2]}.{PAIR[2:]}", f"Bearer {PAIR[:2]} {PAIR[2:]}", f"Bearer {PAIR}====", "Bearer u:p", "u:p",
        f"Bearer {PAIR}{'.' * 9000}",
    ],
)  # fmt: skip
def test_a_name_and_password_are_no_token_in_any_scheme(value: str) -> None:
    def load(asked: Any) -> User | None:
        given = asked.headers.get("Authorization", "").strip()
        words = given.split()
        found = (decoded(text) for text in (given, "".join(words[1:]), "".join(words[2:])))
        plain = by_password(*words[-1].partition(":")[::2]) if words else None
        return plain or next((user for user in found if user), None)

    host = api(load, MFA_GATE_TOKENS="exempt")
    assert "inside" not in host.client().get("/api/me", headers={"Authorization": value}).text


@pytest.mark.parametrize(
    "token",
    [
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "0123456789abcdef0123456789abcdef01234567",
        "Yk9vQmFyQmF6UXV4MTIzNDU2Nzg5MGFiY2RlZg==", "2YotnFZFEjr1zCsicMWpAA",
    ],
)  # fmt: skip
def test_tokens_of_the_usual_shapes_are_no_passwords(token: str) -> None:
    host = api(
        lambda asked: User("1") if asked.headers.get("Authorization") == f"Bearer {token}" else None,
        MFA_GATE_TOKENS="exempt",
    )
    assert host.client().get("/api/me", headers={"Authorization": f"Bearer {token}"}).text == "inside as 1"
    host = api(lambda asked: User("1") if asked.headers.get("X-Api-Key") == token else None, MFA_GATE_TOKENS="exempt")
    assert host.client().get("/api/me", headers={"X-Api-Key": token}).text == "inside as 1"


def test_a_loader_that_takes_the_token_for_granted_is_not_exempt() -> None:
    host = api(lambda asked: owner(asked.headers["Authorization"]), MFA_GATE_TOKENS="exempt")
    assert host.client().get("/api/me", headers={**TOKEN, **JSON}).status_code == 401


def test_what_is_too_long_to_be_looked_at_is_no_token() -> None:
    assert is_password("Bearer " + "a" * 9000)
    assert not is_password("Bearer " + "a" * 90)


def test_a_view_that_makes_a_session_of_a_token_has_seen_no_password() -> None:
    """Whoever copied the token would set up the first factor with it."""
    host = Host()
    host.with_login_manager().request_loader(lambda asked: owner(asked.headers.get("Authorization")))
    host.gate.init_app(host.app)
    host.app.add_url_rule("/session", "session", lambda: str(login_user(User("1"))), methods=["POST"])
    client = host.client()
    assert client.post("/session", headers=TOKEN).text == "True"
    answer = client.get("/mfa/enroll/totp", headers=JSON)
    assert (answer.status_code, (answer.json or {}).get("code")) == (401, "sign_in_again")
    client.post("/session")
    assert client.get("/mfa/enroll/totp", headers=JSON).status_code == 200, "as it does for a sign-in with a password"
