"""What a host's session holds comes back as it was, or not at all."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask, session
from flask.json.tag import JSONTag
from flask.sessions import SecureCookieSessionInterface, SessionInterface
from flask_login import login_user
from markupsafe import Markup

from flask_mfa_gate.web.host.session_snapshot import pack, unpack
from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host, User

Point = namedtuple("Point", "x")
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
CHANGED = [
    {7: "x"}, {True: "y"}, {None: 1}, {"deep": [{1: 2}]}, ({"a"},), {"a"}, frozenset({1}), NOON.replace(microsecond=5),
    NOON.replace(tzinfo=None), date(2026, 11, 30), Decimal("1.10"), Point(1), OrderedDict(a=1), bytearray(b"x"),
    float("nan"), object(), [lambda: None],
]  # fmt: skip
KEPT = [
    "text", 1, 1.0, True, None, b"bytes", ("a", {"b": (1, 2)}), [1, [2]], {"7": "x"}, {" t": 1}, {}, NOON, uuid4(),
    Markup("<b>"), "\ud800", 10**30,
]  # fmt: skip


class KeptElsewhere(SessionInterface):
    """A session that the host keeps on its server, where any value survives."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def open_session(self, app: Any, request: Any) -> Any:
        return _Session(self.kept)

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        self.kept = dict(session)


class _Session(dict):  # type: ignore[type-arg]
    modified = True


@pytest.fixture(params=[KeptElsewhere, SecureCookieSessionInterface], ids=["server", "cookie"])
def app(request: pytest.FixtureRequest) -> Iterator[Flask]:
    app = Flask("host")
    app.session_interface = request.param()
    with app.app_context():
        yield app


@pytest.mark.parametrize("value", KEPT, ids=lambda value: type(value).__name__)
def test_what_reads_back_equal_is_kept(app: Flask, value: Any) -> None:
    payload, dropped = pack({"key": value, "other": 1})
    assert dropped == ()
    assert repr(unpack(payload)["key"]) == repr(value)


@pytest.mark.parametrize("value", CHANGED, ids=lambda value: type(value).__name__)
def test_what_would_come_back_as_something_else_is_dropped_and_named(value: Any) -> None:
    app = Flask("host")
    app.session_interface = KeptElsewhere()
    with app.app_context():
        payload, dropped = pack({"key": value, "other": 1})
        assert (dropped, unpack(payload)) == (("key",), {"other": 1})


def test_a_key_that_is_no_text_is_named_as_one() -> None:
    app = Flask("host")
    app.session_interface = KeptElsewhere()
    with app.app_context():
        assert pack({7: "x"})[1] == ("7",)  # type: ignore[dict-item]


def test_a_cookie_changes_values_by_itself_and_loses_none_more() -> None:
    with Flask("host").app_context():
        payload, dropped = pack({"key": {7: NOON.replace(microsecond=5)}})
        assert (dropped, unpack(payload)) == ((), {"key": {"7": NOON}})


class DecimalTag(JSONTag):
    key = " dec"

    def check(self, value: Any) -> bool:
        return isinstance(value, Decimal)

    def to_json(self, value: Any) -> Any:
        return str(value)

    def to_python(self, value: Any) -> Any:
        return Decimal(value)


def test_types_that_the_host_taught_its_cookie_are_kept() -> None:
    app = Flask("host")
    app.session_interface.serializer = type(app.session_interface.serializer)()  # type: ignore[attr-defined]
    app.session_interface.serializer.register(DecimalTag)  # type: ignore[attr-defined]
    with app.app_context():
        payload, dropped = pack({"price": Decimal("1.10")})
        assert (dropped, unpack(payload)) == ((), {"price": Decimal("1.10")})


def test_the_host_sees_the_same_after_the_pass_and_the_doctor_names_the_rest() -> None:
    host = Host()
    host.app.session_interface = KeptElsewhere()
    host.with_login_manager()

    @host.app.post("/login")
    def login() -> str:
        login_user(User("1"))
        session["blocked"], session["frozen"] = {7: "x"}, ("a", {"b": (1, 2)})
        return "in"

    host.app.add_url_rule("/", "home", lambda: repr((session.get("blocked"), session.get("frozen"))))
    host.gate.init_app(host.app)
    host.enroll()
    client = host.client()
    client.post("/login")
    host.pass_challenge(client)
    assert client.get("/").text == "(None, ('a', {'b': (1, 2)}))"
    with host.app.app_context():
        assert any("'blocked'" in found.sentence for found in host.gate.doctor())


@pytest.mark.parametrize("change", [{"user_key": "2"}, {"parked": b"\x02cut off"}, {"lineage": "f" * 32}])
def test_what_was_parked_for_another_sign_in_is_refused_and_that_sign_in_is_over(change: dict[str, Any]) -> None:
    host = Host()
    host.with_login_manager()
    host.app.add_url_rule("/login", "login", lambda: str(login_user(User("1"))), methods=["POST"])
    host.gate.init_app(host.app)
    host.enroll()
    client = host.client()
    client.post("/login")
    host.enroll("2")
    store = state_of(host.app).store
    with store.database.write() as tx:
        tx.execute(store.tables.session.update().values(change))
    answer = host.pass_challenge(client, headers=JSON)
    assert (answer.status_code, answer.json["code"]) == (401, "sign_in_again")
    assert client.get("/mfa/status", headers=JSON).status_code == 401
    client.post("/login")
    assert host.pass_challenge(client).status_code == 303
