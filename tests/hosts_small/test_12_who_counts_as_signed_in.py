"""Demand 12: whom the host would let in is somebody, whatever its user objects and its login manager look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import g, redirect, request, session
from flask.testing import FlaskClient
from flask_login import AnonymousUserMixin, LoginManager, UserMixin, current_user, login_required, login_user
from werkzeug.local import LocalProxy

from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host, User


class OldStyle:
    """The user class of Flask-Login's tutorials before 0.3."""

    def __init__(self, key: str) -> None:
        self.id = key

    def is_authenticated(self) -> bool:
        return True

    def is_active(self) -> bool:
        return True

    def is_anonymous(self) -> bool:
        return False

    def get_id(self) -> str:
        return self.id


def variant(**attributes: Any) -> type[User]:
    """A user class that is odd in one way."""
    return type("Odd", (User,), attributes)


def fails(_user: Any) -> Any:
    raise AttributeError("no such column")


class Answering(type):
    """The classes of some models look so."""

    def __getattr__(cls, name: str) -> str:
        return name


SOMEBODY: dict[str, Callable[[str], Any]] = {
    "methods": OldStyle,
    "is_anonymous is a column": variant(is_anonymous=True),
    "is_anonymous is a string": variant(is_anonymous="False"),
    "is_anonymous fails": variant(is_anonymous=property(fails)),
    "is_authenticated says no, and there is an id": variant(is_authenticated=False),
    "is_authenticated is a method that says no, and there is an id": variant(is_authenticated=lambda _user: False),
    "is_authenticated is None": variant(is_authenticated=None),
    "the id is the number 0": variant(is_authenticated=False, get_id=lambda _user: 0),
    "false by itself": variant(__bool__=lambda _user: False),
    "equal to everything": variant(__eq__=lambda *_: True, __hash__=None),
    "a proxy": lambda key: LocalProxy(lambda: User(key)),
    "of a class that answers to any name": lambda key: Answering("Model", (User,), {})(key),
}


def host_with(
    load: Callable[[str], Any], manager: Callable[[], LoginManager] = LoginManager, *, guarded: bool = False,
    **config: Any,
) -> Host:  # fmt: skip
    """Signs anybody in by a session key, as ``login_user`` or a fork of it would."""
    host = Host(**config)
    login_manager = manager()
    login_manager.init_app(host.app)
    login_manager.user_loader(load)
    host.gate.init_app(host.app)

    @host.app.post("/login/<key>")
    def login(key: str) -> Any:
        session["_user_id"] = key
        return redirect("/")

    @host.app.get("/")
    def home() -> str:
        return f"inside as {session.get('_user_id')}"

    return host


def sign_in(host: Host, key: str = "1") -> tuple[FlaskClient, Any]:
    client = host.client()
    return client, client.post(f"/login/{key}")


@pytest.mark.parametrize("what", SOMEBODY)
def test_every_object_of_the_loader_is_somebody(what: str) -> None:
    host = host_with(SOMEBODY[what])
    host.enroll("0" if "number 0" in what else "1")
    client, answer = sign_in(host)
    assert answer.location == "/mfa/challenge"
    assert "inside" not in client.get("/").text


@pytest.mark.parametrize("user", [User("1"), OldStyle("1")], ids=["properties", "methods"])
def test_an_old_style_user_is_let_in_after_the_proof(user: Any) -> None:
    host = host_with(lambda _key: user)
    host.enroll()
    client, _ = sign_in(host)
    host.pass_challenge(client)
    assert client.get("/").text == "inside as 1"


@pytest.mark.parametrize("word", [fails, lambda _user: 1 / 0])
def test_an_object_that_cannot_say_whether_it_is_signed_in_is_not_nobody(word: Any) -> None:
    host = host_with(variant(is_authenticated=property(word)))
    client, answer = sign_in(host)
    assert answer.status_code == 503
    assert "inside as 1" not in client.get("/").text


class Unasked:
    """It has no id, and no word of whether it is signed in."""

    get_id = staticmethod(lambda: None)


@pytest.mark.parametrize("loaded", [{"id": "1"}, "1", object(), variant(get_id=lambda _user: None)("1"), Unasked()])
def test_an_object_that_nobody_can_name_is_refused_and_told_to_the_doctor(loaded: Any) -> None:
    host = host_with(lambda _key: loaded)
    _, answer = sign_in(host)
    assert answer.status_code == 503


class Guest(AnonymousUserMixin):
    """A stand-in of the host's own that has an id."""

    def get_id(self) -> str:  # type: ignore[override]
        return "guest"


class Nobody(UserMixin):
    """A stand-in without an id, which Flask-Login's mixin can't stand."""

    is_authenticated = False


class RandomGuest(AnonymousUserMixin):
    """Another id each time."""

    def get_id(self) -> str:  # type: ignore[override]
        return str(id(self))


def manager_with(stand_in: Any) -> Callable[[], LoginManager]:
    def make() -> LoginManager:
        manager = LoginManager()
        manager.anonymous_user = stand_in
        return manager

    return make


class KeyOwner(AnonymousUserMixin):
    """What one of the two below makes of itself."""

    is_authenticated = True  # type: ignore[assignment]

    def get_id(self) -> str:  # type: ignore[override]
        return "1"


class MadeOtherwise(AnonymousUserMixin):
    """A stand-in that is an object of another class once it is made."""

    def __new__(cls) -> Any:
        return KeyOwner() if "X-Key" in request.headers else super().__new__(cls)


class TurnedInto(AnonymousUserMixin):
    """And one that becomes it later."""

    def __init__(self) -> None:
        if "X-Key" in request.headers:
            self.__class__ = KeyOwner  # type: ignore[assignment]


@pytest.mark.parametrize("stand_in", [MadeOtherwise, TurnedInto])
def test_a_stand_in_that_becomes_somebody_is_judged_before_the_view(stand_in: Any) -> None:
    ran: list[str] = []
    host = host_with(lambda _key: None, manager_with(stand_in), MFA_GATE_DEFAULT_ACCESS="require")
    host.app.add_url_rule("/act", "act", lambda: ran.append("ran") or "done", methods=["POST"])
    answer = host.client().post("/act", headers={"X-Key": "1", **JSON})
    assert (answer.status_code, ran) == (403, [])


@pytest.mark.parametrize(
    "stand_in",
    [Guest, Nobody, RandomGuest, Guest().__class__, lambda: Guest(), lambda: None],
)
def test_the_managers_own_stand_in_is_nobody(stand_in: Any) -> None:
    host = host_with(lambda _key: None, manager_with(stand_in), MFA_GATE_DEFAULT_ACCESS="require")
    client = host.client()
    client.set_cookie("remember_token", "broken")
    assert client.get("/").text == "inside as None"


class ApiUser(AnonymousUserMixin):
    """A stand-in that is the owner of a key in the request, as some write it who know of no request_loader."""

    def __init__(self) -> None:
        self.key = request.headers.get("X-Key")

    @property
    def is_authenticated(self) -> bool:
        return self.key is not None

    def get_id(self) -> str | None:  # type: ignore[override]
        return self.key


class NamelessUser(ApiUser):
    """The same, without a name."""

    def get_id(self) -> None:
        return None


@pytest.mark.parametrize("decide", ["first", "last"])
@pytest.mark.parametrize("stand_in", [ApiUser, lambda: ApiUser()])
def test_a_stand_in_that_the_host_lets_in_is_somebody(stand_in: Any, decide: str) -> None:
    host = host_with(lambda _key: None, manager_with(stand_in), MFA_GATE_DECIDE=decide)
    host.enroll()
    host.app.add_url_rule("/open", "open", host.gate.exempt(lambda: str(current_user.is_authenticated)))
    client = host.client()
    assert client.get("/").text == "inside as None"
    assert "inside" not in client.get("/", headers={"X-Key": "1"}).text
    assert client.get("/open", headers={"X-Key": "1"}).text == "False", "nobody unproven is shown"


def test_one_that_nobody_can_name_is_refused() -> None:
    host = host_with(lambda _key: None, manager_with(NamelessUser))
    assert host.client().get("/", headers={"X-Key": "1"}).status_code == 503


class AlsoUser(User):
    """A class of users that serves as the stand-in too; it says of itself that it is signed in."""

    def __init__(self, key: str | None = None) -> None:
        self.id = key or "0"


class SaysNo(AlsoUser):
    """The same, which never says so."""

    is_authenticated = False


class UserOfGuests(Guest):
    """A user whose class is derived from the stand-in's."""

    is_authenticated = is_active = True

    def __init__(self, key: str) -> None:
        self.id = key

    def get_id(self) -> str:  # type: ignore[override]
        return self.id


@pytest.mark.parametrize(
    ("stand_in", "user"),
    [
        (AlsoUser, AlsoUser),
        (lambda: AlsoUser(), AlsoUser),
        (SaysNo, SaysNo),
        (Guest, UserOfGuests),
        (lambda: Guest(), UserOfGuests),
    ],
)
def test_a_user_of_the_stand_ins_class_is_somebody(stand_in: Any, user: Any) -> None:
    host = host_with(user, manager_with(stand_in))
    host.enroll()
    client, answer = sign_in(host)
    assert answer.location == "/mfa/challenge"
    assert client.get("/").location == "/mfa/challenge"


class KeepsItElsewhere(LoginManager):
    """A fork with another name in ``g``."""

    def _update_request_context_with_user(self, user: Any = None) -> None:
        g._fork_user = self.anonymous_user() if user is None else user


class LeavesNone(LoginManager):
    """A fork that keeps its user elsewhere, and clears the usual place."""

    def _update_request_context_with_user(self, user: Any = None) -> None:
        g._login_user, g._fork_user = None, user


@pytest.mark.parametrize("manager", [KeepsItElsewhere, LeavesNone])
def test_a_manager_that_keeps_its_user_elsewhere_is_refused_and_told_to_the_doctor(manager: Any) -> None:
    host = host_with(User, manager)
    host.enroll()
    client, answer = sign_in(host)
    assert answer.status_code == 503
    assert client.get("/").status_code == 503
    with host.app.app_context():
        found = {finding.code: finding for finding in host.gate.doctor()}
    assert found["nameless-user"].level.value == "error"
    assert "identity=" in found["nameless-user"].sentence


class ByRemoteUser(LoginManager):
    """Knows its users by what the web server says."""

    def _load_user(self) -> None:
        name = request.environ.get("REMOTE_USER")
        if name is None:
            super()._load_user()
        else:
            self._update_request_context_with_user(User(name))


def test_a_manager_with_a_load_of_its_own_is_asked_at_each_request() -> None:
    host, done = host_with(User, ByRemoteUser), []

    @host.app.post("/transfer")
    @login_required
    def transfer() -> str:
        done.append(current_user.get_id())
        return "sent"

    host.enroll()
    answer = host.client().post("/transfer", environ_overrides={"REMOTE_USER": "1"})
    assert (answer.status_code, done) == (403, [])


def test_a_manager_whose_object_was_changed_is_asked_at_each_request() -> None:
    host = Host()
    manager = host.with_login_manager()
    host.gate.init_app(host.app)
    manager._load_user = lambda: manager._update_request_context_with_user(User("1"))
    done: list[str] = []
    host.app.add_url_rule("/act", "act", lambda: done.append("act") or "done", methods=["POST"])
    host.enroll()
    assert host.client().post("/act").status_code == 403
    assert done == []


@pytest.mark.parametrize("gate_first", [True, False])
def test_a_socket_shows_nobody_unproven_to_a_manager_that_sends_no_signal(gate_first: bool) -> None:
    host = Host()
    if gate_first:
        host.gate.init_app(host.app)
    ByRemoteUser(host.app).user_loader(User)
    if not gate_first:
        host.gate.init_app(host.app)
    host.app.add_url_rule("/", "home", lambda: f"inside as {current_user.get_id()}")
    host.enroll()
    client, one = host.client(), {"REMOTE_USER": "1"}

    def seen() -> Any:
        found = client.get_cookie("mfa_gate")
        headers = {"Cookie": f"mfa_gate={found.value}"} if found is not None else {}
        with host.app.test_request_context("/", environ_overrides=one, headers=headers):
            return current_user.get_id(), host.gate.still_ok()

    assert seen() == (None, False)
    assert client.get("/", environ_overrides=one).location == "/mfa/challenge"
    assert seen() == (None, False)
    host.pass_challenge(client, environ_overrides=one)
    assert client.get("/", environ_overrides=one).text == "inside as 1"
    assert seen() == ("1", True)


@pytest.mark.parametrize("is_active", [False, lambda _user: False, lambda _user: 0, None])
def test_an_account_that_is_switched_off_in_any_way_is_out(is_active: Any) -> None:
    odd = variant()
    host = host_with(odd)
    client, _ = sign_in(host)
    assert client.get("/").text == "inside as 1"
    odd.is_active = is_active
    assert client.get("/").status_code == 403


async def is_active_later(_user: Any) -> bool:
    return False


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_an_answer_that_would_have_to_be_waited_for_switches_nothing_on() -> None:
    host = host_with(variant(is_active=is_active_later))
    _, answer = sign_in(host)
    assert answer.status_code == 503


class Tutorial:
    """An ``identity=`` that gives whatever Flask-Login shows, its stand-in and its proxy too."""

    def load(self, _request: Any) -> Any:
        return LocalProxy(lambda: User(session["uid"]) if "uid" in session else AnonymousUserMixin())


def test_identity_may_give_a_stand_in_or_a_proxy() -> None:
    host = Host(MFA_GATE_DEFAULT_ACCESS="require")
    host.gate.init_app(host.app, identity=Tutorial())
    host.app.add_url_rule("/", "home", lambda: "open to all")
    host.app.add_url_rule("/login", "login", lambda: session.update(uid="1") or "in", methods=["POST"])
    host.enroll()
    client = host.client()
    assert client.get("/").text == "open to all"
    assert client.post("/login").location == "/mfa/challenge"


def test_a_still_open_socket_of_an_old_style_user() -> None:
    host = host_with(OldStyle)
    host.enroll()
    client, _ = sign_in(host)
    host.pass_challenge(client)
    cookies = "; ".join(f"{name}={client.get_cookie(name).value}" for name in ("session", "mfa_gate"))  # type: ignore[union-attr]
    with host.app.test_request_context("/", headers={"Cookie": cookies}):
        assert host.gate.still_ok()
    host.clock.forward(hours=13)
    with host.app.test_request_context("/", headers={"Cookie": cookies}):
        assert not host.gate.still_ok()


def test_the_view_may_close_the_users_database_session() -> None:
    """What ``login_user`` was given can't be read any more; the loader's is."""

    class Detached(User):
        is_detached = False

        def get_id(self) -> str:
            if self.is_detached:
                raise RuntimeError("not bound to a session")
            return self.id

    host = host_with(User)

    @host.app.post("/sign-in")
    def view() -> str:
        user = Detached("1")
        login_user(user)
        user.is_detached = True
        return "token"

    host.enroll()
    assert host.client().post("/sign-in").location == "/mfa/challenge"
    assert state_of(host.app).host.identity is not None
