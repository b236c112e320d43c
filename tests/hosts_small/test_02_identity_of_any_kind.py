"""Demand 2: a sign-in is seen by comparing the identity, whatever the host calls it."""

from __future__ import annotations

from typing import Any

import pytest
from blinker import Namespace
from flask import current_app, g, has_request_context, request, session
from flask_login import current_user, login_user

from tests.conftest import JSON
from tests.hosts_small.kit import Host, User

fork_signals = Namespace()
user_accessed = fork_signals.signal("accessed")


class ForkOfLoginManager:
    """Another class and other signals than Flask-Login's, and the same traces in ``g`` and session."""

    def __init__(self, app: Any) -> None:
        app.login_manager = self

    def anonymous_user(self) -> Any:
        from flask_login import AnonymousUserMixin

        return AnonymousUserMixin()

    def _load_user(self) -> None:
        user_accessed.send(current_app._get_current_object())  # type: ignore[attr-defined]
        key = session.get("_user_id")
        g._login_user = User(key) if key else self.anonymous_user()

    def user(self) -> Any:
        if has_request_context() and "_login_user" not in g:
            self._load_user()
        return g._login_user


def fork(*, late: bool) -> Host:
    host = Host()
    if late:
        host.gate.init_app(host.app)
    manager = ForkOfLoginManager(host.app)
    if not late:
        host.gate.init_app(host.app)

    @host.app.post("/login")
    def login() -> str:
        session["_user_id"] = "1"
        g._login_user = User("1")
        return "token 4711"

    @host.app.get("/")
    def home() -> str:
        return f"hello {manager.user().id}" if manager.user().is_authenticated else "hello stranger"

    host.enroll()
    return host


@pytest.mark.parametrize("late", [True, False])
def test_a_fork_of_flask_login(late: bool) -> None:
    host = fork(late=late)
    client = host.client()
    assert client.get("/").text == "hello stranger"
    answer = client.post("/login")
    assert answer.location == "/mfa/challenge"
    assert "4711" not in answer.text
    assert client.get("/").location == "/mfa/challenge"
    host.pass_challenge(client)
    assert client.get("/").text == "hello 1"


class InSession:
    """The host's own way, told with ``identity=``."""

    def load(self, _request: Any) -> User | None:
        return User(session["uid"]) if "uid" in session else None


def keeps_user_in_session() -> Host:
    host = Host()
    host.gate.init_app(host.app, identity=InSession(), user_key=lambda user: user.id)

    @host.app.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        if request.method == "GET":
            session["form_token"] = "abc"
            return "form"
        assert session.get("form_token") == "abc"
        session.clear()
        session["uid"] = "1"
        session["cart"] = ["apple"]
        return {"token": 4711}

    @host.app.post("/logout")
    def logout() -> str:
        session.clear()
        return "out"

    @host.app.get("/healthz")
    @host.gate.exempt
    def healthz() -> Any:
        return {"sees": session.get("uid")}

    @host.app.get("/")
    def home() -> Any:
        return {"uid": session.get("uid"), "cart": session.get("cart")}

    host.enroll()
    return host


def test_a_user_kept_in_the_session() -> None:
    host = keeps_user_in_session()
    client = host.client()
    client.get("/login")
    answer = client.post("/login")
    assert answer.location == "/mfa/challenge"
    assert "4711" not in answer.text
    assert client.get("/").location == "/mfa/challenge"
    assert client.get("/healthz").json == {"sees": None}
    assert client.get("/login").text == "form"
    assert client.post("/login").location == "/mfa/challenge", "its form still works while pending"
    host.pass_challenge(client)
    assert client.get("/").json == {"uid": "1", "cart": ["apple"]}
    copy = host.client()
    for name in ("session", "mfa_gate"):
        copy.set_cookie(name, client.get_cookie(name).value)  # type: ignore[union-attr]
    client.post("/logout")
    assert copy.get("/").location == "/mfa/challenge"
    assert copy.get("/healthz").json == {"sees": None}


def test_the_whole_session_is_parked_later() -> None:
    host = keeps_user_in_session()
    client = host.client()
    client.get("/login")
    client.post("/login")
    host.pass_challenge(client)
    host.clock.forward(hours=2)
    dead = client.get("/", headers=JSON)
    assert (dead.status_code, dead.headers.getlist("Set-Cookie")) == (401, [])
    assert client.get("/healthz").json == {"sees": None}
    with client.session_transaction() as stored:
        assert dict(stored) == {}
    host.pass_challenge(client)
    assert client.get("/").json == {"uid": "1", "cart": ["apple"]}


def made_by_request_loader() -> Host:
    """Tokens by header, and browsers by a cookie of the host's own."""
    host = Host()
    manager = host.with_login_manager()
    host.gate.init_app(host.app)

    @manager.request_loader
    def load(request: Any) -> User | None:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.cookies.get("jwt")
        return User(key) if key else None

    @host.app.post("/login")
    def login() -> Any:
        answer = current_app.make_response("in")
        answer.set_cookie("jwt", "1")
        return answer

    @host.app.get("/api")
    def api() -> Any:
        return {"user": current_user.id if current_user.is_authenticated else None}

    host.enroll()
    return host


def test_a_token_proves_one_factor() -> None:
    host = made_by_request_loader()
    answer = host.client().get("/api", headers={"Authorization": "Bearer 1"})
    assert (answer.status_code, answer.json["code"]) == (401, "mfa_challenge_required")  # type: ignore[index]
    assert answer.headers.getlist("Set-Cookie") == []
    assert host.client().get("/api", headers={"Authorization": "Bearer 2"}).json == {"user": "2"}


def test_a_soft_prompt_never_stops_a_token_and_a_lapse_does() -> None:
    host = made_by_request_loader()
    token = {"Authorization": "Bearer 2"}
    with host.app.app_context():
        host.gate.enrollments.require("2", days=1)
    assert host.client().get("/api", headers=token).status_code == 200
    host.clock.forward(days=1)
    assert host.client().get("/api", headers=token).json["code"] == "mfa_enrollment_expired"  # type: ignore[index]


def test_a_browser_user_made_by_request_loader() -> None:
    host = made_by_request_loader()
    client = host.client()
    client.post("/login")
    assert client.get("/api").location == "/mfa/challenge"
    host.pass_challenge(client)
    assert client.get("/api").json == {"user": "1"}
    stranger = host.client()
    stranger.set_cookie("jwt", "1")
    assert stranger.get("/api").location == "/mfa/challenge"


def made_by_exchange(**config: Any) -> Host:
    """A view makes a session of the token that it is called with."""
    host = Host(**config)
    manager = host.with_login_manager()
    host.gate.init_app(host.app)

    @manager.request_loader
    def load(request: Any) -> User | None:
        return User("1") if "X-Api-Key" in request.headers else None

    @host.app.post("/login")
    def login() -> str:
        login_user(User("1"))
        return "in"

    @host.app.post("/exchange")
    def exchange() -> str:
        login_user(User(current_user.id))
        return "exchanged"

    return host


@pytest.mark.parametrize("tokens", ["refuse", "exempt"])
@pytest.mark.parametrize("beside", [{}, {"Authorization": "Basic junk"}])
def test_a_session_made_of_a_token_is_no_fresh_sign_in(tokens: str, beside: dict[str, str]) -> None:
    """Nor by a name and password beside it at which nobody looks."""
    host = made_by_exchange(MFA_GATE_TOKENS=tokens, MFA_GATE_TOKEN_HEADERS=["X-Api-Key"])
    client = host.client()
    assert client.post("/exchange", headers={"X-Api-Key": "x", **beside}).text == "exchanged"
    assert client.get("/mfa/enroll/totp").status_code == 401


def test_a_loader_that_takes_a_token_for_granted_makes_no_fresh_sign_in() -> None:
    """Without the token it raises, so nobody can tell whether somebody else is named beside it."""
    host = made_by_exchange()
    manager = host.app.login_manager  # type: ignore[attr-defined]
    manager.request_loader(lambda request: User(request.headers["Authorization"].split()[1]))
    client = host.client()
    assert client.post("/exchange", headers={"Authorization": "Bearer 1"}).text == "exchanged"
    assert client.get("/mfa/enroll/totp", headers={"Authorization": "Bearer 1"}).status_code == 401


@pytest.mark.parametrize("tokens", ["refuse", "exempt"])
def test_a_session_made_of_a_token_is_a_sign_in_without_proof(tokens: str) -> None:
    """Also beside the id of a proved session, which a thief could have without its host session."""
    host = made_by_exchange(MFA_GATE_TOKENS=tokens, MFA_GATE_TOKEN_HEADERS=["X-Api-Key"])
    host.enroll()
    owner, thief = host.client(), host.client()
    owner.post("/login")
    host.pass_challenge(owner)
    token = {"X-Api-Key": "x"}
    assert host.client().post("/exchange", headers=token).status_code == 401
    thief.set_cookie("mfa_gate", owner.get_cookie("mfa_gate").value)  # type: ignore[union-attr]
    assert thief.post("/exchange", headers=token).status_code == 401


def test_exempt_tokens_are_only_tokens() -> None:
    host = Host(MFA_GATE_TOKENS="exempt")
    manager = host.with_login_manager()
    host.gate.init_app(host.app)
    manager.request_loader(lambda request: User("1") if "Authorization" in request.headers else None)

    @host.app.post("/login")
    def login() -> str:
        login_user(User("1"))
        return "in"

    @host.app.get("/api")
    def api() -> Any:
        return {"user": current_user.id}

    host.enroll()
    token = {"Authorization": "Bearer x"}
    assert host.client().get("/api", headers=token).json == {"user": "1"}
    client = host.client()
    client.post("/login")
    assert client.get("/api", headers=token).status_code == 401, "a pending browser gains nothing by a header"
    host.pass_challenge(client)
    copy = host.client()
    copy.set_cookie("session", client.get_cookie("session").value)  # type: ignore[union-attr]
    assert copy.get("/api", headers=token).status_code == 401, "nor does a copied session"


def test_a_host_without_any_identity_is_told() -> None:
    from flask_mfa_gate import ConfigError

    host = Host()
    host.gate.init_app(host.app)
    host.app.add_url_rule("/", "home", lambda: "x")
    with pytest.raises(ConfigError, match="identity"):
        host.client().get("/")


@pytest.mark.parametrize("key", ["", None, 7])
def test_an_unusable_key_identifies_nobody(key: Any) -> None:
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app, user_key=lambda user: key)

    @host.app.post("/login")
    def login() -> str:
        login_user(User("1"))
        return "in"

    client = host.client()
    assert client.post("/login").status_code == 503
    assert "session" not in str(client.get_cookie("session"))


def test_a_dead_id_shows_nobody_to_exempt_views_and_changes_nothing() -> None:
    host = keeps_user_in_session()
    client = host.client()
    client.get("/login")
    client.post("/login")
    host.pass_challenge(client)
    host.clock.forward(hours=2)
    for answer in (client.get("/healthz", headers=JSON), client.head("/healthz")):
        assert answer.headers.getlist("Set-Cookie") == []
        assert '"1"' not in answer.text
    with client.session_transaction() as stored:
        assert stored["uid"] == "1"


def test_exempt_lifts_no_refusal_and_no_password() -> None:
    host = Host(MFA_GATE_TOKENS="exempt", MFA_GATE_DEFAULT_ACCESS={"closed": "deny"})
    manager = host.with_login_manager()
    host.gate.init_app(host.app)
    manager.request_loader(
        lambda request: (
            User(request.headers["Authorization"].split()[-1]) if "Authorization" in request.headers else None
        )
    )

    @host.app.get("/api")
    def api() -> Any:
        return {"user": current_user.id}

    @host.app.get("/closed")
    @host.gate.resource("closed")
    def closed() -> str:
        return "closed"

    host.enroll()
    with host.app.app_context():
        host.gate.enrollments.require("2", days=1)
        host.gate.enrollments.require("3", days=0)

    def ask(scheme: str, key: str, path: str = "/api") -> int:
        return host.client().get(path, headers={"Authorization": f"{scheme} {key}"}).status_code

    assert [ask("Bearer", key) for key in ("1", "2", "3")] == [200, 200, 200]
    assert ask("Bearer", "1", "/closed") == 403
    assert [ask("Basic", key) for key in ("1", "3")] == [401, 403]
    host.clock.forward(days=2)
    assert ask("Bearer", "2") == 403, "a lapse stops tokens in every mode"


class ByOwnCookie:
    """A host whose proxy or sign-on server keeps the user in a cookie of its own."""

    def load(self, request: Any) -> User | None:
        return User(request.cookies["sso"]) if "sso" in request.cookies else None


def signed_on_elsewhere(**config: Any) -> Host:
    from flask import flash

    host = Host(**config)
    host.gate.init_app(host.app, identity=ByOwnCookie(), user_key=lambda user: user.id)

    @host.app.get("/")
    def home() -> str:
        return f"secret of {request.cookies['sso']}"

    @host.app.get("/logout")
    def logout() -> str:
        flash("bye")
        return "out"

    @host.app.errorhandler(404)
    def missing(_error: Any) -> Any:
        flash("not here")
        return "no such page", 404

    host.enroll()
    return host


@pytest.mark.parametrize("tokens", ["refuse", "exempt"])
def test_a_header_beside_an_own_cookie_makes_no_token(tokens: str) -> None:
    junk = {"Authorization": "Bearer junk"}
    host = signed_on_elsewhere(MFA_GATE_TOKENS=tokens)
    with host.app.app_context():
        host.gate.enrollments.require("2", days=7)
    for key, status in (("1", 401), ("2", 403)):
        client = host.client()
        client.set_cookie("sso", key)
        answer = client.get("/", headers=junk)
        assert answer.status_code == status
        assert "secret" not in answer.text
    by_loader = Host(MFA_GATE_TOKENS=tokens)
    by_loader.with_login_manager().request_loader(ByOwnCookie().load)
    by_loader.gate.init_app(by_loader.app)
    by_loader.app.add_url_rule("/", "home", lambda: "secret")
    by_loader.enroll()
    client = by_loader.client()
    client.set_cookie("sso", "1")
    assert client.get("/", headers=junk).status_code == 401


@pytest.mark.parametrize("path", ["/logout", "/nowhere"])
def test_a_write_to_the_session_makes_no_sign_in_of_an_old_cookie(path: str) -> None:
    host = signed_on_elsewhere()
    with host.app.app_context():
        host.gate.enrollments.require("7", days=0)
    thief = host.client()
    thief.set_cookie("sso", "7")
    assert thief.get("/").location == "/mfa/enroll"
    assert thief.get("/mfa/enroll/totp").status_code == 401
    thief.get(path)
    thief.get("/")
    assert thief.get("/mfa/enroll/totp").status_code == 401, "still no sign-in with the password"


def test_a_sign_in_that_changes_nested_data_in_place_is_seen() -> None:
    host = Host()

    class Nested:
        def load(self, _request: Any) -> User | None:
            key = session.get("auth", {}).get("user")
            return User(key) if key else None

    host.gate.init_app(host.app, identity=Nested(), user_key=lambda user: user.id)

    @host.app.route("/login", methods=["GET", "POST"])
    def login() -> str:
        if request.method == "GET":
            session["auth"] = {}
            return "form"
        session["auth"]["user"] = request.form["user"]
        session.modified = True
        return f"TOKEN for {request.form['user']}"

    host.enroll()
    host.enroll("2")
    client = host.client()
    client.get("/login")
    for user in ("1", "2"):
        answer = client.post("/login", data={"user": user})
        assert answer.location == "/mfa/challenge"
        assert "TOKEN" not in answer.text
        client.get("/login")


def test_a_loader_that_fails_without_the_header_makes_no_token() -> None:
    """What can't be told apart from a browser meets the demands on one."""
    host = Host(MFA_GATE_TOKENS="exempt")
    host.with_login_manager().request_loader(lambda request: User(request.headers["Authorization"].split()[-1]))
    host.gate.init_app(host.app)
    host.app.add_url_rule("/api", "api", lambda: "secret")
    host.enroll()
    answer = host.client().get("/api", headers={"Authorization": "Bearer 1"})
    assert (answer.status_code, answer.json["code"]) == (401, "mfa_challenge_required")  # type: ignore[index]
