"""The doctor: every finding has a planted error here, and none of them is in the healthy portal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import String, TypeDecorator, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.errors import StoreBusy
from flask_mfa_gate.services.observations import Observation
from flask_mfa_gate.services.people.directory_sync import HELD_BACK
from flask_mfa_gate.services.sign_in.sessions import DROPPED
from flask_mfa_gate.store.records.outbox import Message
from flask_mfa_gate.web.inspection import doctor
from flask_mfa_gate.web.inspection.findings import Finding, Level, error
from flask_mfa_gate.web.inspection.registry import CHECKS, Inspection, Needs, RegisteredCheck, check
from tests.conftest import Browser, StillClock, key_of, state_of
from tests.policy_kit import policy, put
from tests.web.inspection.kit import Make, finding, found, sentence


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Odd(TypeDecorator[str]):
    """A type that says nothing of the values it has in Python."""

    impl = String(40)
    cache_ok = True

    @property
    def python_type(self) -> type:
        raise NotImplementedError


class ByNumber(db.Model):  # type: ignore[name-defined, misc]
    id: Mapped[int] = mapped_column(primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(9))


class ByNumberForGood(db.Model):  # type: ignore[name-defined, misc]
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(9))


class ByEmail(db.Model):  # type: ignore[name-defined, misc]
    email: Mapped[str] = mapped_column(String(80), primary_key=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(9))


class ByOddKey(db.Model):  # type: ignore[name-defined, misc]
    code: Mapped[str] = mapped_column(Odd, primary_key=True)
    password: Mapped[str] = mapped_column(String(9))


class WithoutStamp(db.Model):  # type: ignore[name-defined, misc]
    code: Mapped[str] = mapped_column(String(9), primary_key=True)


def test_nothing_is_wrong_in_the_portal_neither_new_nor_in_use(app: Flask, clock: StillClock, phone: Any) -> None:
    assert found(app) == {}
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=phone.code())
    with app.app_context():
        state_of(app).people.enrollments.require(key_of(app, "frank"), days=7)
        state_of(app).gate.run_due()
    clock.forward(hours=1)
    assert found(app) == {}


def test_a_small_sound_host_has_but_its_key_file_to_hear_of(make: Make) -> None:
    assert found(make()) == {"key-file": "warning"}
    assert found(make(MFA_GATE_KEYS=["ZGVtbyBrZXkgb2YgdGhlIGV4YW1wbGUgcG9ydGFsISE="])) == {}
    assert found(make({"db": db, "user_model": ByNumberForGood})) == {"key-file": "warning"}


def planted(make: Make, what: str, tmp_path: Path) -> Flask:
    match what:
        case "unknown-endpoint":
            return make(MFA_GATE_EXEMPT_ENDPOINTS=["statc"])
        case "exempt-mark":
            app = make(MFA_GATE_EXEMPT_ENDPOINTS=["vault"])
            app.add_url_rule("/vault", "vault", state_of(app).gate.resource("vault")(lambda: "vault"))
            return app
        case "mark-above-route":
            app = make()
            app._got_first_request = False
            state_of(app).gate.resource("vault")(app.get("/vault")(lambda: "vault"))
            return app
        case "taken-route":
            app = make()
            app.add_url_rule("/mfa/challenge", "mine", lambda: "mine")
            return app
        case "key-file-mode":
            app = make()
            (tmp_path / "instance" / "mfa_gate.key").chmod(0o640)
            return app
        case "no-mail":
            app = make()
            del app.extensions["mail"]
            return app
        case "no-base-url":
            return make(MFA_GATE_BASE_URL=None)
        case "unstable-key":
            return make({"db": db, "user_model": ByEmail})
        case "reused-key":
            return make({"db": db, "user_model": ByNumber})
        case "no-identity":
            return make(login=False)
        case "session-cookie":
            return make(SESSION_COOKIE_HTTPONLY=False)
        case "no-session-stamp":
            return make({"db": db, "user_model": WithoutStamp})
        case _:
            raise AssertionError(what)


SET_UP = {
    "unknown-endpoint": "error", "exempt-mark": "error", "mark-above-route": "error", "taken-route": "error", "key-file-mode": "error", "no-mail": "warning",
    "no-base-url": "warning", "unstable-key": "warning", "reused-key": "warning", "no-identity": "error",
    "session-cookie": "warning", "no-session-stamp": "warning",
}  # fmt: skip


@pytest.mark.parametrize("what", SET_UP)
def test_an_error_of_the_set_up_is_found_and_nothing_else(make: Make, tmp_path: Path, what: str) -> None:
    assert found(planted(make, what, tmp_path)) == {"key-file": "warning", what: SET_UP[what]}


def test_clients_whose_address_cannot_be_read_are_a_warning(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.client.environ_base["REMOTE_ADDR"] = ""
    browser.sign_in("frank")
    assert found(app) == {"unreadable-address": "warning"}
    assert "ProxyFix" in finding(app, "unreadable-address").fix
    clock.forward(days=8)
    assert "unreadable-address" not in found(app)


def test_mail_that_was_given_up_is_a_warning(app: Flask, clock: StillClock) -> None:
    facts = {"id": "m", "kind": "start", "user_key": "6", "recipient": "x@example.org", "facts": {}, "attempts": 3}
    moments = dict.fromkeys(("created_at", "due_at", "given_up_at"), clock())
    with state_of(app).store.database.write() as tx:
        tx.execute(state_of(app).store.tables.outbox.insert().values(**facts, **moments))
    assert found(app) == {"mail-given-up": "warning"}


def test_missing_users_that_were_held_back_are_a_warning(app: Flask, clock: StillClock) -> None:
    with state_of(app).store.database.write() as tx:
        state_of(app).store.checkpoints.put(tx, HELD_BACK, at=clock(), value="40")
    assert found(app) == {"sync-held-back": "warning"}
    assert sentence(app, "sync-held-back").startswith("40 users")


def test_policies_that_cannot_be_read_are_an_error(app: Flask) -> None:
    put(app, policy("pay", on=["payroll"]))
    assert found(app) == {"policy": "warning"}, "there is no break-glass account"
    with state_of(app).store.database.write() as tx:
        tx.execute(text("UPDATE mfa_gate_policy_version SET document = '{}'"))
    assert found(app) == {"policies": "error"}
    assert "version is missing" in sentence(app, "policies")


def test_a_key_that_is_given_is_the_hosts_own_affair(make: Make) -> None:
    for model in (ByEmail, ByNumber):
        app = make({"db": db, "user_model": model, "user_key": lambda user: user.uuid})
        assert found(app) == {"key-file": "warning"}
    assert found(make({"db": db, "user_model": ByNumber}, SQLALCHEMY_DATABASE_URI="postgresql+psycopg://x@127.0.0.1:1/x",
                      MFA_GATE_DATABASE_URI="sqlite://", TESTING=True)) == {}  # fmt: skip


@pytest.mark.parametrize(
    ("user_key", "code"), [(lambda user: user.email, "unstable-key"), (lambda user: str(user.id), "reused-key")]
)
def test_a_key_that_is_given_is_looked_at_where_it_is_a_column(make: Make, user_key: Any, code: str) -> None:
    app = make({"db": db, "user_model": ByNumber, "user_key": user_key})
    assert found(app) == {"key-file": "warning", code: "warning"}
    sound = make({"db": db, "user_model": ByNumberForGood, "user_key": lambda user: str(user.id)})
    assert found(sound) == {"key-file": "warning"}


@pytest.fixture
def make_used(make: Make) -> Iterator[Make]:
    """A host with one user in its table."""
    made: list[Flask] = []

    def used(options: dict[str, Any]) -> Flask:
        app = make({"db": db, "user_model": ByNumberForGood, **options})
        made.append(app)
        with app.app_context():
            db.create_all()
            db.session.add(ByNumberForGood(id=len(made), password_hash="x"))
            db.session.commit()
        return app

    yield used
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def raises(_user: Any) -> Any:
    raise RuntimeError("callback")


@pytest.mark.parametrize("name", ["groups", "admin_role", "user_key"])
def test_a_callback_that_fails_is_an_error(make_used: Make, name: str) -> None:
    assert found(make_used({})) == {"key-file": "warning"}
    app = make_used({name: raises})
    assert found(app) == {"unreadable-users": "error", "key-file": "warning"}
    assert name in sentence(app, "unreadable-users")


@pytest.mark.parametrize("loader", [lambda _key: None, int])
def test_a_made_key_that_the_user_loader_does_not_know_is_an_error(make_used: Make, loader: Any) -> None:
    app = make_used({"user_key": lambda user: f"member-{user.id}"})
    app.login_manager.user_loader(loader)  # type: ignore[attr-defined]
    assert found(app) == {"lost-users": "error", "key-file": "warning"}
    app.login_manager.user_loader(  # type: ignore[attr-defined]
        lambda key: db.session.get(ByNumberForGood, int(key.removeprefix("member-")))
    )
    assert found(app) == {"key-file": "warning"}


def test_a_key_of_a_type_that_says_nothing_is_no_reason_to_fail(make: Make) -> None:
    assert found(make({"db": db, "user_model": ByOddKey})) == {"key-file": "warning"}


def test_a_host_with_its_own_identity_needs_no_flask_login(make: Make) -> None:
    class Identity:
        def load(self, _request: Any) -> None:
            return None

    app = make({"identity": Identity(), "user_key": lambda user: str(user)}, login=False)
    assert found(app) == {"key-file": "warning"}


def test_a_stamp_callback_sees_changed_passwords(make: Make) -> None:
    app = make({"db": db, "user_model": WithoutStamp, "session_stamp": lambda user: "x"})
    assert found(app) == {"key-file": "warning"}


def test_missing_tables_and_a_dead_database_are_errors(make: Make, tmp_path: Path) -> None:
    app = make(MFA_GATE_DATABASE_URI=f"sqlite:///{tmp_path}/none.sqlite3", TESTING=True)
    assert found(app) == {"tables": "error"}
    assert finding(app, "tables").fix == "flask mfa upgrade"
    with app.app_context():
        state_of(app).gate.upgrade()
    assert found(app) == {}
    app = make(MFA_GATE_DATABASE_URI="postgresql+psycopg://nobody:secret@127.0.0.1:1/none", TESTING=True)
    assert found(app)["database"] == "error"
    assert "secret" not in sentence(app, "database")


def test_a_user_whom_nothing_names_is_an_error_for_a_week(app: Flask, clock: StillClock) -> None:
    with app.app_context():
        state_of(app).operations.observations.note(Observation.NAMELESS_USER, "Who is it?")
    assert found(app) == {"nameless-user": "error"}
    assert sentence(app, "nameless-user") == "Who is it?"
    clock.forward(days=8)
    assert "nameless-user" not in found(app)


def test_a_session_key_that_is_dropped_is_named(app: Flask, clock: StillClock) -> None:
    with state_of(app).store.database.write() as tx:
        state_of(app).store.checkpoints.put(tx, f"{DROPPED}cart", at=clock())
    assert found(app) == {"dropped-session-key": "warning"}
    assert "'cart'" in sentence(app, "dropped-session-key")


def test_upkeep_that_is_late_by_hours_is_found_and_gone_after_a_run(app: Flask, clock: StillClock) -> None:
    clock.forward(hours=2)
    assert found(app) == {}, "carol's lapse waits, but not for long"
    clock.forward(seconds=1)
    assert found(app) == {"upkeep-late": "warning"}
    with app.app_context():
        state_of(app).gate.run_due()
    assert found(app) == {}


def test_mail_that_waits_for_hours_is_found_with_its_last_problem(app: Flask, clock: StillClock) -> None:
    store = state_of(app).store
    message = Message("m1", "start", "2", "bob@example.org", {}, clock())
    with app.app_context():
        state_of(app).gate.run_due()
    with store.database.write() as tx:
        store.outbox.add(tx, [message])
    clock.forward(hours=2)
    assert "mail-late" not in found(app)
    clock.forward(seconds=1)
    assert found(app)["mail-late"] == "warning"
    assert sentence(app, "mail-late") == "1 email has been waiting since 2026-03-02 09:00 UTC."
    with store.database.write() as tx:
        store.outbox.note_failed(tx, message, problem="SMTPConnectError 421.", due_at=clock() + timedelta(days=9))
        store.outbox.add(tx, [Message("m2", "start", "2", "bob@example.org", {}, clock() - timedelta(days=1))])
    assert sentence(app, "mail-late") == (
        "2 emails have been waiting since 2026-03-01 11:00 UTC. The last problem: SMTPConnectError 421."
    )
    with store.database.write() as tx:
        for name in ("m1", "m2"):
            store.outbox.note_sent(tx, name, now=clock())
    assert "mail-late" not in found(app)


def test_without_a_model_a_missing_stamp_shows_once_somebody_signed_in(make: Make) -> None:
    app = make()
    assert found(app) == {"key-file": "warning"}
    with state_of(app).store.database.write() as tx:
        columns = "id_digest, lineage, user_key, sign_in, signed_in_at, began_at, seen_at, proofs"
        at = "'2026-03-02 09:00:00.000000'"
        tx.execute(
            text(f"INSERT INTO mfa_gate_session ({columns}) VALUES ('d', 'l', '1', 'password', {at}, {at}, {at}, '[]')")
        )
    assert found(app) == {"key-file": "warning", "no-session-stamp": "warning"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, True), ({"user_key": str}, False), ({"db": db, "user_model": ByNumberForGood}, False)],
    ids=["get_id", "user_key", "user_model"],
)  # fmt: skip
def test_two_keys_with_one_address_give_a_changing_get_id_away(
    make: Make, clock: StillClock, options: dict[str, Any], expected: bool
) -> None:
    app = make(options)
    with state_of(app).store.database.write() as tx:
        people = [Person("1", email="Nina@example.org"), Person("2"), Person("3")]
        state_of(app).store.people.write(tx, people, now=clock())
    assert "unstable-get-id" not in found(app), "nobody's address is nobody's twin"
    with state_of(app).store.database.write() as tx:
        state_of(app).store.people.write(tx, [Person("4", email="nina@EXAMPLE.org")], now=clock())
    assert ("unstable-get-id" in found(app)) is expected


def test_errors_come_first(make: Make) -> None:
    app = make(login=False, SESSION_COOKIE_HTTPONLY=False, MFA_GATE_BASE_URL=None)
    assert list(found(app).values()) == ["error", "warning", "warning", "warning"]


def test_an_account_for_emergencies_without_a_factor(make_app: Any) -> None:
    with make_app(MFA_GATE_BREAK_GLASS=["6", "4"]).app_context() as context:
        found = [one for one in state_of(context.app).gate.doctor() if one.code == "break-glass"]
    assert [(one.level, "'6'" in one.sentence) for one in found] == [("error", True)]


@pytest.fixture
def added() -> Iterator[list[RegisteredCheck]]:
    """The registry, as it was afterwards."""
    before = list(CHECKS)
    yield CHECKS
    CHECKS[:] = before


def test_a_check_that_raises_is_a_finding_and_stops_no_other(app: Flask, added: list[RegisteredCheck]) -> None:
    @check()
    def the_moon(_on: Inspection) -> Iterator[Finding]:
        yield error("full", "It is full.", fix="Wait.")
        raise ValueError("postgresql://gate:hunter2@db/app")

    added.insert(0, added.pop())
    with app.app_context():
        found = doctor.findings(app, state_of(app))
    assert [one.code for one in found] == ["full", "check-failed"]
    assert found[1].level is Level.ERROR
    assert found[1].sentence.startswith(
        "The check of the moon could not be finished. ValueError in test_doctor.py line"
    )
    assert "hunter2" not in found[1].sentence


def test_of_the_gates_own_errors_the_sentence_is_shown(app: Flask, added: list[RegisteredCheck]) -> None:
    @check(Needs.TABLES)
    def locks(_on: Inspection) -> Iterator[Finding]:
        raise StoreBusy("Somebody holds the lock.")

    assert sentence(app, "check-failed") == "The check of locks could not be finished. Somebody holds the lock."


def test_what_needs_tables_or_the_network_is_left_out_where_there_are_none(
    make: Make, tmp_path: Path, added: list[RegisteredCheck]
) -> None:
    ran: list[Needs] = []
    for need in Needs:
        check(need)(lambda _on, need=need: ran.append(need) or ())
    app = make(MFA_GATE_DATABASE_URI=f"sqlite:///{tmp_path}/none.sqlite3", TESTING=True)
    found(app)
    assert ran == [Needs.NETWORK]
    ran.clear()
    with app.test_request_context():
        doctor.findings(app, state_of(app))
    assert ran == []


CODES = re.compile(r'(?:error|warning)\(\s*"([a-z-]+)"')


def test_every_finding_has_its_test() -> None:
    package, tests = Path(doctor.__file__).parent, Path(__file__).parents[2]
    codes = {code for path in package.rglob("*.py") for code in CODES.findall(path.read_text())}
    tested = "".join(path.read_text() for path in tests.rglob("*.py"))
    assert {code for code in codes if f'"{code}"' not in tested} == set()
    assert len(codes) >= 24


@pytest.mark.parametrize(("networks", "is_named"), [([], True), (["10.0.0.0/8"], False)])
def test_a_client_in_a_private_network_is_named_until_that_is_allowed(
    make: Make, networks: list[str], is_named: bool
) -> None:
    wiki = {
        "client_id": "wiki", "client_secret": "s" * 43, "redirect_uris": ["https://wiki.example.org/in"],
        "backchannel_logout_uri": "https://10.0.0.7/out",
    }  # fmt: skip
    app = make(MFA_GATE_OIDC=True, MFA_GATE_OIDC_CLIENTS=[wiki], MFA_GATE_OUTBOUND_NETWORKS=networks)
    assert ("client-address" in found(app)) is is_named


UPSTREAM = {"id": {"issuer": "https://id.example.org", "client_id": "portal"}}


@pytest.mark.parametrize(
    ("config", "count"),
    [
        ({"SESSION_COOKIE_PATH": "/portal"}, 0),
        ({"SESSION_COOKIE_PATH": "/portal", "MFA_GATE_OIDC": True}, 1),
        ({"SESSION_COOKIE_PATH": "/portal", "MFA_GATE_UPSTREAMS": UPSTREAM}, 1),
        ({"SESSION_COOKIE_PATH": "/portal", "MFA_GATE_OIDC": True, "MFA_GATE_UPSTREAMS": UPSTREAM}, 2),
        ({"SESSION_COOKIE_PATH": "/mfa", "MFA_GATE_OIDC": True, "MFA_GATE_UPSTREAMS": UPSTREAM}, 0),
        ({"SESSION_COOKIE_PATH": "/mf", "MFA_GATE_OIDC": True}, 1),
        ({"SESSION_COOKIE_PATH": "/mfa/oidc/authorize", "MFA_GATE_OIDC": True}, 0),
        ({"APPLICATION_ROOT": "/portal", "MFA_GATE_OIDC": True, "MFA_GATE_BASE_URL": "https://example.org/portal"}, 0),
        ({"APPLICATION_ROOT": "/portal", "MFA_GATE_OIDC": True, "MFA_GATE_BASE_URL": "https://example.org"}, 1),
    ],
)
def test_a_session_that_stays_behind_where_other_apps_send_users(
    make: Make, config: dict[str, Any], count: int
) -> None:
    with (app := make({"upstream_user": lambda *_: None}, **config)).app_context():
        findings = [one for one in state_of(app).gate.doctor() if one.code == "session-cookie-path"]
    assert [one.level for one in findings] == ["error"] * count
