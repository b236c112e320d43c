"""A changed password ends what rests on the old one: every session, every pending sign-in, at the next request."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request, session
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from werkzeug.security import generate_password_hash

from flask_mfa_gate import MFAGate
from flask_mfa_gate.crypto import Keyring
from flask_mfa_gate.domain.sign_in.assurance import Method
from flask_mfa_gate.errors import Conflict, UnknownUser
from flask_mfa_gate.services.sign_in.session_auth_hash import Stamper
from tests.conftest import JSON, Browser, NoPolicies, Phone, StillClock, key_of, state_of
from tests.web.kit import change_user, events, hand_in, issue, signed_in

NEW = "another horse"
KEYS = [base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in (1, 2)]
Answer = Callable[[Browser], Any]


def change_password(app: Flask, username: str) -> None:
    change_user(app, username, password_hash=generate_password_hash(NEW, method="scrypt:1024:8:1"))


def is_ok_in_a_socket(app: Flask, browser: Browser) -> bool:
    cookies = "; ".join(f"{one.key}={one.value}" for one in (browser.client._cookies or {}).values())
    with app.test_request_context("/", headers={"Cookie": cookies}):
        return state_of(app).gate.still_ok()


def codes(browser: Browser) -> Any:
    return browser.get("/mfa/recovery-codes", headers=JSON).status_code


WAYS: list[Any] = [
    pytest.param(lambda browser: browser.get("/").location, "/login?next=%2F", id="host page"),
    pytest.param(lambda browser: browser.get("/transfer").location.split("?")[0], "/login", id="step-up"),
    pytest.param(lambda browser: browser.get("/payroll").location.split("?")[0], "/login", id="resource"),
    pytest.param(lambda browser: browser.get("/api/me", headers=JSON).status_code, 401, id="host json"),
    pytest.param(lambda browser: browser.get("/mfa/").location.split("?")[0], "/login", id="security page"),
    pytest.param(lambda browser: browser.get("/mfa/status").status_code, 401, id="status"),
    pytest.param(codes, 401, id="recovery codes"),
    pytest.param(lambda browser: browser.get("/mfa/enroll/totp").location.split("?")[0], "/login", id="setup"),
    pytest.param(lambda browser: browser.get("/mfa/sessions", headers=JSON).status_code, 401, id="sessions"),
]


@pytest.mark.parametrize(("way", "answer"), WAYS)
@pytest.mark.parametrize("name", ["dave", "frank"])
def test_every_session_of_the_user_is_out(app: Flask, phone: Phone, name: str, way: Answer, answer: object) -> None:
    browser = signed_in(app, name, phone if name == "dave" else None)
    change_password(app, name)
    assert way(browser) == answer
    assert browser.get("/").location == "/login?next=%2F", "nothing of the old sign-in is left"
    assert events(app, name, "signed_out")


def test_new_codes_are_not_made_for_the_old_password(app: Flask, phone: Phone) -> None:
    browser = signed_in(app, "dave", phone)
    token = browser.status()["csrf_token"]
    change_password(app, "dave")
    assert browser.client.post("/mfa/recovery-codes", data={"csrf_token": token}).status_code == 401
    assert not events(app, "dave", "recovery_codes_made")


def test_an_open_socket_is_out(app: Flask, phone: Phone) -> None:
    browser = signed_in(app, "dave", phone)
    assert is_ok_in_a_socket(app, browser)
    change_password(app, "dave")
    assert not is_ok_in_a_socket(app, browser)


def test_all_of_them_and_nobody_else(app: Flask, phone: Phone, clock: StillClock) -> None:
    mine = [signed_in(app, "dave", phone)]
    clock.forward(seconds=30)
    mine.append(signed_in(app, "dave", phone))
    other = signed_in(app, "frank")
    change_password(app, "dave")
    assert [browser.is_in() for browser in mine] == [False, False]
    assert other.is_in()
    clock.forward(seconds=30)
    again = Browser(app)
    again.sign_in("dave", password=NEW)
    again.send("/mfa/challenge", code=phone.code())
    assert again.is_in()


@pytest.fixture
def changing(make_app: Any) -> Flask:
    """The portal with a page on which users change their own password, or that of somebody else."""
    app: Flask = make_app()
    app._got_first_request = False

    @app.route("/password", methods=["GET", "POST"])
    @login_required
    def password() -> str:
        from example_app.models import User, db

        user = db.session.get(User, int(request.args.get("of", current_user.id)))
        assert user is not None
        user.password_hash = generate_password_hash(NEW, method="scrypt:1024:8:1")
        db.session.commit()
        return "changed"

    return app


@pytest.mark.parametrize("name", ["dave", "frank"])
def test_the_one_that_changed_it_stays_and_the_others_end(
    changing: Flask, phone: Phone, clock: StillClock, name: str
) -> None:
    has_phone = phone if name == "dave" else None
    own, other = signed_in(changing, name, has_phone), None
    clock.forward(seconds=30)
    other = signed_in(changing, name, has_phone)
    before = own.cookie()
    assert own.client.post("/password").text == "changed"
    assert own.cookie() != before, "under a new id"
    assert [own.is_in(), other.is_in()] == [True, False]
    assert own.get("/mfa/sessions", headers=JSON).status_code == 200


def test_a_page_that_only_reads_keeps_nobody(changing: Flask) -> None:
    """Whoever holds such a page open while the owner changes the password."""
    browser = signed_in(changing, "frank")
    assert browser.get("/password").text == "changed"
    assert not browser.is_in()


def test_who_changes_that_of_another_ends_all_of_theirs(changing: Flask) -> None:
    browser, other = signed_in(changing, "frank"), signed_in(changing, "hugo")
    assert browser.client.post(f"/password?of={key_of(changing, 'hugo')}").text == "changed"
    assert [browser.is_in(), other.is_in()] == [True, False]


def test_of_two_that_say_they_changed_it_neither_stays(changing: Flask) -> None:
    own, thief = signed_in(changing, "frank"), signed_in(changing, "frank")
    state = state_of(changing)
    first, second = (state.sign_in.sessions.look_up(one.cookie() or "").session for one in (own, thief))
    assert first is not None
    assert second is not None
    change_password(changing, "frank")
    with changing.app_context():
        assert state.sign_in.revocations.keep(second, ("new",)).stays
        assert not state.sign_in.revocations.keep(first, ("new",)).stays
    assert [own.is_in(), thief.is_in()] == [False, False]


@pytest.mark.parametrize("cookie", ["session", "remember_token"])
def test_a_cookie_of_the_hosts_alone_is_out_though_no_browser_of_the_user_came_by(app: Flask, cookie: str) -> None:
    """Nobody told, and the gate's own cookie is left out."""
    browser = Browser(app)
    browser.sign_in("frank", remember="on")
    thief = Browser(app)
    thief.client.set_cookie(cookie, browser.cookie(cookie) or "")
    assert thief.is_in()
    change_password(app, "frank")
    thief.client.set_cookie(cookie, browser.cookie(cookie) or "")
    assert thief.get("/api/me", headers=JSON).status_code == 401
    assert not thief.is_in()


def test_also_when_the_owner_has_signed_in_with_the_new_one(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in("frank", remember="on")
    change_password(app, "frank")
    owner = Browser(app)
    owner.sign_in("frank", password=NEW, remember="on")
    assert owner.is_in()
    for cookie in ("session", "remember_token", "mfa_gate"):
        thief = Browser(app)
        thief.client.set_cookie(cookie, browser.cookie(cookie) or "")
        assert not thief.is_in()
    for cookie in ("session", "mfa_gate"):
        owner.client.delete_cookie(cookie)
    assert owner.is_in(), "remembered since"


def test_a_copied_cookie_is_worth_nothing_afterwards(app: Flask, phone: Phone) -> None:
    """The host's own session cookie is still signed and still names the user."""
    browser = signed_in(app, "dave", phone)
    stolen = {name: browser.cookie(name) for name in ("session", "mfa_gate")}
    change_password(app, "dave")
    browser.get("/")
    thief = Browser(app)
    for name, value in stolen.items():
        thief.client.set_cookie(name, value or "")
    assert not thief.is_in()
    assert thief.get("/mfa/recovery-codes", headers=JSON).status_code == 401


def test_a_remember_cookie_does_not_bring_him_back(app: Flask, phone: Phone) -> None:
    browser = Browser(app)
    browser.sign_in("frank", remember="on")
    assert browser.cookie("remember_token")
    change_password(app, "frank")
    assert not browser.is_in()
    assert not browser.cookie("remember_token")
    assert not browser.is_in()


@pytest.mark.parametrize("how", ["code", "pass", "key"])
def test_a_pending_sign_in_made_with_the_old_password_does_not_get_in(
    app: Flask, clock: StillClock, phone: Phone, how: str
) -> None:
    name = "bob" if how == "key" else "dave"
    browser = signed_in(app, name)
    code = issue(app, name)
    token = browser.status()["csrf_token"]
    shown = Phone(clock, browser.begin_setup()["secret"]).code() if how == "key" else ""
    change_password(app, name)
    path, fields = {
        "code": ("/mfa/challenge", {"code": phone.code()}),
        "pass": ("/mfa/challenge", {"factor": "access_pass", "code": code}),
        "key": ("/mfa/enroll/totp", {"code": shown}),
    }[how]
    assert browser.client.post(path, data={"csrf_token": token, **fields}).status_code == 401
    assert not browser.is_in()
    fresh = Browser(app)
    fresh.sign_in(name, password=NEW)
    assert hand_in(fresh, code).status_code == 303, "and it is not spent there"
    assert fresh.status()["factors"] == (["totp"] if name == "dave" else [])


def test_a_pending_sign_in_cannot_put_the_setup_off(app: Flask) -> None:
    browser = signed_in(app, "bob")
    token = browser.status()["csrf_token"]
    change_password(app, "bob")
    assert browser.client.post("/mfa/enroll/later", data={"csrf_token": token}).status_code == 401
    assert not browser.is_in()


def test_a_host_that_decides_last(make_app: Any, phone: Phone) -> None:
    app = make_app(MFA_GATE_DECIDE="last")
    browser = signed_in(app, "dave", phone)
    change_password(app, "dave")
    assert browser.get("/").location == "/login?next=%2F"


def test_a_mark_seen_late_stops_what_was_changed_in_between(make_app: Any, phone: Phone) -> None:
    """The view's own mark is asked after a hook of the view has changed the password."""
    app: Flask = make_app()
    gate = state_of(app).gate
    app._got_first_request = False

    def changing(view: Any) -> Any:
        def changed() -> Any:
            from example_app.models import db

            current_user.password_hash = generate_password_hash(NEW, method="scrypt:1024:8:1")
            db.session.commit()
            return view()

        return changed

    @gate.require_mfa()
    def hidden() -> str:
        return "hidden content"

    app.add_url_rule("/hidden", "hidden", changing(hidden))
    browser = signed_in(app, "dave", phone)
    assert "hidden content" not in browser.get("/hidden").text
    assert not browser.is_in()


@pytest.mark.parametrize("key", [None, "", "a\0b", "\ud800", "x" * 192, 4])
def test_a_changed_password_of_what_can_be_nobodys_key_is_not_taken_for_done(app: Flask, key: Any) -> None:
    with app.app_context(), pytest.raises(UnknownUser):
        state_of(app).gate.password_changed(key)


def test_password_changed_is_told_by_the_host(app: Flask, phone: Phone) -> None:
    browser, pending, other = signed_in(app, "dave", phone), signed_in(app, "dave"), signed_in(app, "bob")
    with app.app_context():
        state_of(app).gate.password_changed(key_of(app, "dave"))
    assert not is_ok_in_a_socket(app, browser)
    assert browser.get("/").location == "/login?next=%2F"
    assert browser.get("/mfa/recovery-codes", headers=JSON).status_code == 401
    assert pending.get("/mfa/status").status_code == 401
    assert other.get("/mfa/status").status_code == 200
    (told,) = events(app, "dave", "password_changed")
    assert told.actor == "host"


@pytest.mark.parametrize("stamp", [None, "some"])
def test_no_session_rises_past_a_changed_password(app: Flask, stamp: str | None, clock: StillClock) -> None:
    """A request that read its session just before the password was changed."""
    browser, state = signed_in(app, "dave"), state_of(app)
    with state.store.database.write() as tx:
        tx.execute(state.store.tables.session.update().values(stamp=stamp))
    found = state.sign_in.sessions.find(browser.cookie() or "")
    assert found is not None
    session, _standing = found
    proved = session.assurance.with_proof(Method("totp"), at=clock())
    with app.app_context():
        state.gate.password_changed("4")
        with pytest.raises(Conflict, match="already done"):
            state.worker.run(
                lambda work: state.sign_in.sessions.elevate(work, session, proved, authorizer=NoPolicies(state))
            )


def test_a_new_key_throws_nobody_out(make_app: Any, phone: Phone) -> None:
    before = make_app(MFA_GATE_KEYS=[KEYS[0]])
    browser = signed_in(before, "frank")
    after = make_app(MFA_GATE_KEYS=[KEYS[1], KEYS[0]])
    moved = Browser(after)
    for name in ("session", "mfa_gate"):
        moved.client.set_cookie(name, browser.cookie(name) or "")
    assert moved.is_in()
    assert moved.get("/mfa/", headers=JSON).status_code == 200
    change_password(after, "frank")
    assert not moved.is_in()


class SmallUser(UserMixin):
    """A user of a host without a database."""

    facts: dict[str, Any] = {}

    def __init__(self, key: str) -> None:
        self.id = key
        self.__dict__.update(self.facts)


@pytest.fixture
def small_host(clock: StillClock) -> Callable[..., Flask]:
    def make(**options: Any) -> Flask:
        app = Flask("small")
        app.config.update(SECRET_KEY="x", TESTING=True, MFA_GATE_CLOCK=clock, MFA_GATE_DATABASE_URI="sqlite://")
        LoginManager(app).user_loader(SmallUser)
        MFAGate(app, **options)

        @app.post("/login")
        def login() -> str:
            login_user(SmallUser("1"))
            return "in"

        @app.get("/")
        @login_required
        def home() -> str:
            return "home"

        return app

    SmallUser.facts = {}
    return make


def can_go_on(app: Flask, change: Callable[[], Any]) -> tuple[int, int]:
    """Before and after the change."""
    client = app.test_client()
    assert client.post("/login").status_code == 200
    before = client.get("/").status_code
    change()
    return before, client.get("/").status_code


@pytest.mark.parametrize("name", ["password_hash", "password", "fs_uniquifier"])
@pytest.mark.parametrize(("old", "new"), [("old", "new"), (b"old", b"new"), ("old", None)])
def test_it_is_found_by_itself(small_host: Any, name: str, old: Any, new: Any) -> None:
    SmallUser.facts = {name: old}
    app = small_host()
    assert can_go_on(app, lambda: SmallUser.facts.update({name: new})) == (200, 401)


def test_by_callback(small_host: Any) -> None:
    SmallUser.facts = {"generation": 1, "password_hash": "a"}
    app = small_host(session_stamp=lambda user: user.generation)
    assert can_go_on(app, lambda: SmallUser.facts.update(password_hash="b")) == (200, 200)
    assert can_go_on(app, lambda: SmallUser.facts.update(generation=2)) == (200, 401)


def test_a_callback_that_answers_none_stands_for_no_password(small_host: Any) -> None:
    SmallUser.facts = {"generation": None}
    app = small_host(session_stamp=lambda user: user.generation)
    assert can_go_on(app, lambda: None) == (200, 200)
    assert can_go_on(app, lambda: SmallUser.facts.update(generation="first")) == (200, 401)


def test_a_callback_that_raises_lets_nobody_on(small_host: Any) -> None:
    SmallUser.facts = {"generation": 1}
    app = small_host(session_stamp=lambda user: user.generation)
    client = app.test_client()
    client.post("/login")
    SmallUser.facts = {}
    assert client.get("/").status_code == 503
    assert client.get("/mfa/recovery-codes").status_code == 503
    assert app.test_client().post("/login").status_code == 503
    SmallUser.facts = {"generation": 1}
    assert client.get("/").status_code == 200


def test_a_host_without_any_stamp_tells_it(small_host: Any) -> None:
    app = small_host()

    def tell() -> None:
        with app.app_context():
            state_of(app).gate.password_changed("1")

    assert can_go_on(app, tell) == (200, 401)


def test_a_host_without_any_stamp(small_host: Any) -> None:
    assert can_go_on(small_host(), lambda: SmallUser.facts.update(nickname="x")) == (200, 200)


@pytest.mark.parametrize("value", [None, 5, ["x"], object()])
def test_an_attribute_that_is_no_text_is_no_stamp(value: object) -> None:
    keyring = Keyring.from_keys([b"k" * 32])
    SmallUser.facts = {"password": value}
    assert Stamper(keyring, None).stamps(SmallUser("1"), "1") == ()
    SmallUser.facts = {}


def test_a_stamp_is_no_hash_of_the_password_and_good_for_one_user() -> None:
    stamper = Stamper(Keyring.from_keys([b"k" * 32]), lambda user: user)
    (first,), (second,) = stamper.stamps("hash", "1"), stamper.stamps("hash", "2")
    assert first != second
    assert "hash" not in first
    assert stamper.is_stale(first, "hash", "2")


def test_a_host_that_keeps_its_user_its_own_way(clock: StillClock) -> None:
    class Own:
        def load(self, request: Any) -> Any:
            return SmallUser(session["who"]) if "who" in session else None

    SmallUser.facts = {"password_hash": "old"}
    app = Flask("own")
    app.config.update(SECRET_KEY="x", TESTING=True, MFA_GATE_CLOCK=clock, MFA_GATE_DATABASE_URI="sqlite://")
    MFAGate(app, identity=Own())

    @app.post("/login")
    def login() -> str:
        session["who"] = "1"
        return "in"

    @app.get("/")
    def home() -> str:
        return f"home of {session.get('who')}"

    client = app.test_client()
    client.post("/login")
    assert client.get("/").text == "home of 1"
    SmallUser.facts = {"password_hash": "new"}
    assert client.get("/").text == "home of None"
    assert client.get("/").text == "home of None"
    SmallUser.facts = {}
