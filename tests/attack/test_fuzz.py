"""Every input field of every route, with anything in it: never a 500, never a slow answer."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from flask import Flask
from flask.testing import EnvironBuilder
from hypothesis import given
from hypothesis import strategies as st

from example_app import create_app
from flask_mfa_gate.web.endpoints import is_own
from tests.conftest import IS_SOAK, Browser, Phone, StillClock, ends_at_all, state_of
from tests.oidc_kit import PROVIDER

pytestmark = [pytest.mark.soak] if IS_SOAK else []
# Of functions, for one answer: some 4,000 as a rule, and 370,000 where the first one of a process reads what all others use.
MOST_CALLS = 1_000_000
FIELDS = ["code", "factor", "csrf_token", "trust_device", "name", "next"]
ODD = [
    "",
    " ",
    "\0",
    "\x1b[31m",
    "005924",
    "00592４",
    "٠٠٥٩٢٤",
    "A" * 16,
    "=cmd()",
    "<svg onload=x>",
    "{{7*7}}",
    "../../x",
    "\ud800",
    "é" * 64,
    "1" * 64,
    "1" * 65,
]
texts = st.one_of(st.text(max_size=80), st.sampled_from(ODD), st.integers(1, 1_000_000).map(lambda size: "9" * size))
values = st.recursive(
    st.one_of(texts, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    clock = StillClock()
    uri = f"sqlite:///{folder}/portal.sqlite3"
    # All come from one address, which would soon be refused without a look at what it sends.
    own = {"SQLALCHEMY_DATABASE_URI": uri, "MFA_GATE_CLOCK": clock, "MFA_GATE_FLOOD_LIMIT": None}
    app = create_app({"TESTING": True, **own, **PROVIDER})
    # What is loaded with the first of them is no part of any answer's time.
    app.test_client().get("/mfa/oidc/authorize")
    yield app, clock
    state_of(app).store.database.dispose()
    with app.app_context():
        from example_app.models import db

        db.engine.dispose()


def writes(app: Flask) -> list[tuple[str, str]]:
    """Every route of the gate that takes input."""
    found = set()
    for rule in app.url_map.iter_rules():
        if is_own(rule.endpoint):
            path = str(rule.build(dict.fromkeys(rule.arguments, "1"))[1])
            found |= {(method, path) for method in (rule.methods or set()) & {"POST", "DELETE"}}
    return sorted(found - {("POST", "/mfa/sign-out"), ("POST", "/mfa/cancel")})


def someone(app: Flask, name: str, clock: StillClock) -> Browser:
    browser = Browser(app)
    browser.sign_in(name)
    if name == "frank":
        return browser
    if name == "proved":
        from example_app.people import DAVES_KEY

        browser.sign_in("dave")
        clock.forward(seconds=60)
        with app.app_context():
            state_of(app).people.enrollments.unlock("4")
        browser.send("/mfa/challenge", code=Phone(clock, DAVES_KEY).code())
    return browser


@contextmanager
def answered_quickly() -> Iterator[None]:
    """Calls of functions are counted, to which the machine's other load adds nothing; one that would not end is stopped."""
    calls = 0

    def note(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    # What is collected meanwhile runs finalizers of whatever ran earlier.
    gc.disable()
    sys.setprofile(note)
    try:
        with ends_at_all():
            yield
    finally:
        sys.setprofile(before)
        gc.enable()
    assert calls < MOST_CALLS


@pytest.mark.parametrize("name", ["dave", "bob", "frank", "proved"])
@given(data=st.data())
def test_no_field_breaks_a_page(portal: Any, name: str, data: st.DataObject) -> None:
    app, clock = portal
    browser = getattr(app, f"kept_{name}", None)
    if browser is None or browser.client.get("/mfa/status").status_code != 200:
        browser = someone(app, name, clock)
        setattr(app, f"kept_{name}", browser)
    method, path = data.draw(st.sampled_from(writes(app)))
    field, value = data.draw(st.sampled_from(FIELDS)), data.draw(values)
    token, is_json = browser.status()["csrf_token"], data.draw(st.booleans())
    text = value if isinstance(value, str) else str(value)
    form = {"csrf_token": token, "code": "123456", field: text.encode("utf-8", "replace").decode()}
    sent: dict[str, Any] = (
        {"json": {"code": "123456", field: value}, "headers": {"X-CSRFToken": token}} if is_json else {"data": form}
    )
    # To write the form takes a call a character; only what reads it is counted.
    request = EnvironBuilder(app, path, method=method, **sent).get_request()
    with answered_quickly():
        answer = browser.client.open(request)
    assert answer.status_code < 500, (method, path, field, value, answer.text[:300])


@given(
    st.binary(max_size=200),
    st.sampled_from(
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
    ),
)
def test_no_body_breaks_a_page(portal: Any, body: bytes, kind: str) -> None:
    app, clock = portal
    browser = someone(app, "dave", clock)
    token = browser.status()["csrf_token"]
    for path in ("/mfa/challenge", "/mfa/enroll/totp", "/mfa/oidc/token", "/mfa/oidc/authorize"):
        answer = browser.client.post(path, data=body, content_type=kind, headers={"X-CSRFToken": token})
        assert answer.status_code < 500


@given(
    st.text(max_size=300),
    st.sampled_from(
        [
            "Cookie",
            "Authorization",
            "Accept",
            "Sec-Fetch-Mode",
            "User-Agent",
            "Referer",
            "X-CSRFToken",
            "Origin",
            "X-Forwarded-For",
            "Sec-Purpose",
        ]
    ),
)
def test_no_header_breaks_a_page(portal: Any, value: str, name: str) -> None:
    app, _clock = portal
    header = value.encode("latin-1", "replace").decode("latin-1").replace("\r", "").replace("\n", "")
    provider = ("/mfa/oidc/authorize?client_id=board", "/mfa/oidc/userinfo", "/mfa/oidc/end-session")
    for path in ("/", "/payroll", "/mfa/status", "/mfa/challenge", "/api/me", *provider):
        # Any other client sends the cookies of its jar, or none.
        client = app.test_client(use_cookies=name != "Cookie")
        answer = client.get(path, headers={name: header})
        assert answer.status_code < 500


def test_no_list_of_languages_takes_long(portal: Any) -> None:
    app, clock = portal
    browser = someone(app, "dave", clock)
    with answered_quickly():
        answer = browser.client.get("/mfa/challenge", headers={"Accept-Language": "a," * 32_000})
    assert answer.status_code == 200


@given(st.text(max_size=60), st.sampled_from(["garbage", "10.0.0.1:99", "::ffff:10.0.0.5", "fe80::1%eth0", ""]))
def test_no_query_breaks_the_challenge(portal: Any, query: str, address: str) -> None:
    app, clock = portal
    browser = someone(app, "dave", clock)
    browser.client.environ_base["REMOTE_ADDR"] = address
    assert browser.client.get("/mfa/challenge", query_string={"factor": query, "next": query}).status_code < 500
