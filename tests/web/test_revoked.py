"""Revoked means out: every subset of a browser's cookies, every way to end a session, every kind of user and request."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import Any

import pytest
from flask import g, redirect, request, session
from flask.testing import FlaskClient
from flask_login import current_user, login_user

from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host, User
from tests.hosts_small.server_sessions import ServerSessions

PASSWORDS: dict[str, str] = {}
SHAPES = ("client-side", "server-side", "identity=")
USERS = ("not required", "soft prompt", "enrolled", "required and enrolled")
EVENTS = ("none", "reset", "sessions page", "end others", "password change", "password told", "pass revoked")
COOKIES = ("session", "remember_token", "mfa_gate", "mfa_gate_remember")
SUBSETS = [frozenset(some) for size in range(len(COOKIES) + 1) for some in combinations(COOKIES, size)]
ASK: dict[str, Any] = {
    "navigation": lambda client: client.get("/"),
    "json": lambda client: client.get("/", headers=JSON),
    "form": lambda client: client.post("/"),
}


class Person(User):
    """A user whose password can be changed."""

    @property
    def password(self) -> str:
        return PASSWORDS.get(self.id, "first")


class Own:
    """A host that keeps its user its own way."""

    def load(self, _: Any) -> Person | None:
        return Person(session["who"]) if "who" in session else None

    def login(self) -> Any:
        session["who"] = request.form["who"]
        return redirect("/")

    def show(self) -> str:
        return str(session.get("who"))


class Login:
    """A host with Flask-Login."""

    def login(self) -> Any:
        login_user(Person(request.form["who"]), remember="remember" in request.form)
        return redirect("/")

    def show(self) -> str:
        return str(current_user.get_id())


class Place:
    """One host, and what happens in it."""

    def __init__(self, shape: str, uri: str) -> None:
        self.host, self.shape, self._count = Host(shape), shape, 0
        app, views = self.host.app, Own() if shape == "identity=" else Login()
        app.config["MFA_GATE_DATABASE_URI"] = uri
        if shape == "server-side":
            app.session_interface = ServerSessions()
        if isinstance(views, Own):
            self.host.gate.init_app(app, identity=views)
        else:
            manager = self.host.with_login_manager()
            manager.user_loader(Person)
            manager.login_view = "login"
            self.host.gate.init_app(app)
        app.add_url_rule("/", "home", views.show, methods=["GET", "POST"])
        app.add_url_rule("/login", "login", views.login, methods=["GET", "POST"])
        app.add_url_rule("/password", "password", self.change_own, methods=["POST"])
        with app.app_context():
            self.host.gate.upgrade()
        app.test_client().get("/")

    def change_own(self) -> str:
        key = session.get("who") or current_user.get_id()
        PASSWORDS[key] = request.form["password"]
        g.pop("_login_user", None)
        # Nothing shows the gate who wrote into a dictionary.
        self.host.gate.password_changed(key)
        return "changed"

    def new_user(self, kind: str) -> str:
        self._count += 1
        key = f"{self.shape}-{self._count}"
        if "enrolled" in kind:
            self.host.enroll(key)
        with self.host.app.app_context():
            if kind == "soft prompt":
                self.host.gate.enrollments.require(key, days=7)
            elif kind.startswith("required"):
                self.host.gate.enrollments.require(key, days=0)
        return key

    def sign_in(self, key: str, *, remember: bool = True) -> FlaskClient:
        client = self.host.client()
        client.post("/login", data={"who": key, **({"remember": "1"} if remember else {})})
        if (status := client.get("/mfa/status").json or {}).get("next") == "challenge":
            self.host.pass_challenge(client)
        elif status["next"] == "prompt":
            client.post("/mfa/enroll/later", data={"csrf_token": status["csrf_token"]})
        assert client.get("/").text == key
        return client

    def happen(self, event: str, key: str, victim: FlaskClient) -> FlaskClient | None:
        """End what the victim has; in which browser, where that was done in one."""
        gate = self.host.gate
        with self.host.app.app_context():
            if event == "reset":
                gate.enrollments.reset(key, days=7 if self._is_soft(key) else None)
            elif event == "password change":
                PASSWORDS[key] = f"{PASSWORDS.get(key)} and more"
            elif event == "password told":
                gate.password_changed(key)
        if event == "pass revoked":
            self._open_by_pass(key, victim)
        if event not in {"sessions page", "end others"}:
            return None
        other = self.sign_in(key)
        token = other.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
        listed = other.get("/mfa/sessions", headers=JSON).json["sessions"]  # type: ignore[index]
        ends = [one["end_url"] for one in listed if not one["current"]]
        for url in ends if event == "sessions page" else ["/mfa/sessions"]:
            assert other.post(url, data={"csrf_token": token}).status_code == 303
        return other

    def _is_soft(self, key: str) -> bool:
        return self.host.gate.enrollments.status(key).days_left is not None

    def _open_by_pass(self, key: str, victim: FlaskClient) -> None:
        """As if the victim had come in by a pass that is taken back."""
        state = state_of(self.host.app)
        with self.host.app.app_context():
            self.host.gate.access_passes.issue(key)
            with state.store.database.write() as tx:
                passes = state.store.tables.access_pass
                live = passes.select().where(passes.c.user_key == key, passes.c.voided_at.is_(None))
                (one,) = tx.execute(live).all()
                mine = state.store.tables.session.c.user_key == key
                tx.execute(state.store.tables.session.update().where(mine).values(pass_id=one.id))
            self.host.gate.access_passes.revoke(key)

    def kept(self) -> dict[str, Any]:
        interface = self.host.app.session_interface
        return interface.kept if isinstance(interface, ServerSessions) else {}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Each host is set up once; its users have nothing to do with each other."""
    folder = tmp_path_factory.mktemp("places")
    return cache(lambda shape: Place(shape, f"sqlite:///{folder}/{shape.strip('=')}.sqlite3"))


@pytest.fixture(params=SHAPES)
def place(request: pytest.FixtureRequest, places: Any) -> Iterator[Place]:
    found: Place = places(request.param)
    found.host.clock.forward(minutes=1)
    yield found
    state_of(found.host.app).store.database.dispose()


def jar(client: FlaskClient) -> dict[str, str]:
    return {name: found.value for name in COOKIES if (found := client.get_cookie(name)) is not None}


def with_cookies(place: Place, cookies: dict[str, str], chosen: frozenset[str]) -> FlaskClient:
    client = place.host.client()
    for name in chosen & cookies.keys():
        client.set_cookie(name, cookies[name])
    return client


def subsets(cookies: dict[str, str]) -> list[frozenset[str]]:
    return [chosen for chosen in SUBSETS if chosen <= cookies.keys()]


def ask(place: Place, cookies: dict[str, str], chosen: frozenset[str], kind: str) -> tuple[Any, FlaskClient]:
    client = with_cookies(place, cookies, chosen)
    return ASK[kind](client), client


@pytest.mark.parametrize("event", EVENTS[1:])
@pytest.mark.parametrize("user", USERS)
def test_no_subset_of_what_was_revoked_is_served(place: Place, user: str, event: str) -> None:
    if event == "password told" and place.shape == "identity=":
        event = "password change"
    key = place.new_user(user)
    victim = place.sign_in(key)
    cookies = jar(victim)
    place.happen(event, key, victim)
    kept = dict(place.kept())
    for chosen in subsets(cookies):
        for kind in ASK:
            answer, client = ask(place, cookies, chosen, kind)
            where = f"{sorted(chosen)} {kind} {answer.status} {answer.text[:80]}"
            # Nobody is nobody, for whom the host decides; whoever names somebody, or shows a dead id, is refused.
            shows_somebody = bool(chosen & {"session", "remember_token", "mfa_gate"})
            if kind == "navigation" or not shows_somebody:
                assert (answer.status_code, answer.text) == (200, "None"), where
                assert not {"remember_token", "mfa_gate"} & jar(client).keys(), where
                assert client.get("/", headers=JSON).text == "None", where
            else:
                assert answer.status_code == 401, where
                assert answer.headers.getlist("Set-Cookie") == [], where
                assert place.kept() == kept, where
            place.kept().clear()
            place.kept().update(kept)


@pytest.mark.parametrize("user", USERS)
def test_what_was_not_revoked_goes_by_proof_and_the_hosts_own_rules(place: Place, user: str) -> None:
    key = place.new_user(user)
    victim = place.sign_in(key)
    cookies, kept = jar(victim), dict(place.kept())
    for chosen in subsets(cookies):
        is_named = bool(chosen & {"session", "remember_token"})
        if "mfa_gate" in chosen and not is_named:
            continue  # The host has signed this browser out, and so does the gate.
        for kind in ASK:
            answer, _ = ask(place, cookies, chosen, kind)
            is_served = is_named and ("mfa_gate" in chosen or user == "not required")
            where = f"{sorted(chosen)} {kind} {answer.status} {answer.text[:80]}"
            assert (answer.text == key) is is_served, where
            assert is_served or not is_named or answer.status_code in {303, 401, 403}, where
            if "session" in chosen and "mfa_gate" not in chosen and user != "not required":
                assert answer.status_code == (303 if kind == "navigation" else 401), where
                assert answer.location is None or answer.location.startswith("/login?next="), where
                assert answer.headers.getlist("Set-Cookie") == [], where
            assert not place.kept() or place.kept()[cookies["session"]] == kept[cookies["session"]], where
    assert ASK["navigation"](victim).text == key, "the owner is still in"


@pytest.mark.parametrize("event", EVENTS[1:])
@pytest.mark.parametrize("user", ["not required", "required and enrolled"])
@pytest.mark.parametrize("remember", [True, False], ids=["remembered", "not remembered"])
def test_a_sign_in_after_the_revocation_works_at_once(place: Place, user: str, event: str, remember: bool) -> None:
    """The clock stands still between all of this."""
    key = place.new_user(user)
    before = place.sign_in(key)
    old = jar(before)
    place.happen(event, key, before)
    if event == "reset" and "enrolled" in user:
        place.host.enroll(key)
    after = place.sign_in(key, remember=remember)
    new = jar(after)
    for kind in ASK:
        assert ASK[kind](after).text == key
    assert ask(place, new, frozenset({"session"}), "json")[0].text != key
    if place.shape == "identity=" or not remember:
        return
    assert new["remember_token"] == old["remember_token"], "the host's own can't be told apart"
    for cookies in (
        {"remember_token": new["remember_token"]},
        {"remember_token": new["remember_token"], "mfa_gate_remember": old["mfa_gate_remember"]},
        {"mfa_gate_remember": new["mfa_gate_remember"]},
    ):
        assert ask(place, cookies, frozenset(COOKIES), "json")[0].text != key
    remembered = frozenset({"remember_token", "mfa_gate_remember"})
    answer, client = ask(place, new, remembered, "navigation")
    if user == "not required":
        assert answer.text == key
        assert [ASK[kind](client).text for kind in ASK] == [key] * 3
        assert with_cookies(place, new, remembered).get("/", headers=JSON).text == key
    else:
        assert answer.location == "/mfa/challenge", "one factor, as any remember cookie"
    place.happen(event, key, after)
    assert ask(place, new, remembered, "json")[0].status_code == 401


@pytest.mark.parametrize("event", ["sessions page", "end others"])
@pytest.mark.parametrize("user", USERS)
def test_the_session_that_acted_stays_and_so_does_what_is_remembered_of_it(place: Place, user: str, event: str) -> None:
    key = place.new_user(user)
    victim = place.sign_in(key)
    acting = place.happen(event, key, victim)
    assert acting is not None
    cookies = jar(acting)
    assert [ASK[kind](acting).text for kind in ASK] == [key] * 3
    if place.shape != "identity=":
        answer, _ = ask(place, cookies, frozenset({"remember_token", "mfa_gate_remember"}), "json")
        assert answer.text == key or answer.json["code"].startswith("mfa_"), "remembered, and asked for what is asked"


@pytest.mark.parametrize("user", USERS)
def test_a_password_that_its_own_view_changed(place: Place, user: str) -> None:
    key = place.new_user(user)
    own, other = place.sign_in(key), place.sign_in(key)
    copied = jar(own)
    assert own.post("/password", data={"password": "another"}).text == "changed"
    cookies = jar(own)
    assert [ASK[kind](own).text for kind in ASK] == [key] * 3
    assert ASK["json"](other).status_code == 401
    assert ASK["navigation"](other).text == "None"
    if place.shape != "identity=":
        answer, _ = ask(place, cookies, frozenset({"remember_token", "mfa_gate_remember"}), "json")
        assert answer.text == key or answer.json["code"].startswith("mfa_")
    place.host.clock.forward(seconds=31)
    assert ask(place, copied, frozenset(COOKIES) - {"remember_token"}, "json")[0].status_code == 401, "a copy is out"
    assert ASK["navigation"](own).text == key


@pytest.mark.parametrize("place", [shape for shape in SHAPES if shape != "identity="], indirect=True)
def test_the_companion_of_one_user_is_worth_nothing_beside_the_remember_cookie_of_another(place: Place) -> None:
    thief, owner = place.new_user("not required"), place.new_user("not required")
    stolen = jar(place.sign_in(owner))["remember_token"]
    for key in (thief, owner):
        place.happen("password told", key, place.host.client())
    companion = jar(place.sign_in(thief))["mfa_gate_remember"]
    pair = {"remember_token": stolen, "mfa_gate_remember": companion}
    assert ask(place, pair, frozenset(pair), "json")[0].status_code == 401


@pytest.mark.parametrize("place", [shape for shape in SHAPES if shape != "identity="], indirect=True)
def test_an_unproven_sign_in_makes_no_revoked_remember_cookie_count_again(place: Place) -> None:
    key = place.new_user("enrolled")
    old = jar(place.sign_in(key))
    place.happen("password told", key, place.host.client())
    chosen = frozenset({"remember_token", "mfa_gate_remember"})
    thief = with_cookies(place, old, chosen)
    thief.post("/login", data={"who": key})
    assert thief.get("/mfa/status").json["next"] == "challenge"  # type: ignore[index]
    assert jar(thief)["mfa_gate_remember"] == old["mfa_gate_remember"]
