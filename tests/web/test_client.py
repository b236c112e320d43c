"""Headers are input: whatever stands in them, an answer is written, and the work for it grows with their size only."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, TestResponse

from flask_mfa_gate.web.client import Client, client_of, is_behind_untold_proxy
from tests.conftest import Browser, Phone
from tests.web.admin.kit import ADMIN, at_console

pytestmark = pytest.mark.pages
LARGE = 64 * 1024
NAMES = [
    "Accept", "Cookie", "User-Agent", "Sec-CH-UA-Platform", "Sec-CH-UA", "Authorization", "Origin", "Referer",
    "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "HX-Request", "HX-Current-URL", "Turbo-Frame",
    "X-Up-Version", "X-Requested-With", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-Site", "Sec-Purpose",
    "Content-Type", "X-CSRFToken", "Accept-Language",
]  # fmt: skip
ODD = ["", " ", ",", ";", "*/*, x+json", "text/html, x+json", "a/b;q=x, c/d;q=9", "q=1;q=1", "\x00", "é\xff", '"', "%00",
       "\\", "http://", "http://[", "null", "basic", "Basic ", "Basic é", "Bearer", "=", "mfa_gate=", 'mfa_gate="\\000"',
       "navigate", "application/json;q=nan", "text/html;q=1e999"]  # fmt: skip
PIECES = [
    "a/{n:x}+json,",
    "text/html;q=0.{n},",
    ";",
    "a=b;",
    'a="',
    "/",
    "\\",
    "%2f",
    "x",
    "é",
    " ",
    "q=",
    "Mozilla/5.0 (",
]
SIGN_IN = {"data": {"username": "dave", "password": "correct horse battery staple"}}


def of_size(piece: str, size: int) -> str:
    """A header of about this size, made of such pieces."""
    return "".join(piece.format(n=number) for number in range(size // len(piece) + 1))[:size]


def cookies_of(browser: Browser) -> str:
    return "; ".join(f"{name}={browser.cookie(name)}" for name in ("session", "mfa_gate") if browser.cookie(name))


def ask(app: Flask, path: str, cookies: str, *sent: tuple[str, str]) -> TestResponse:
    """A page, with these headers; an own ``Cookie`` stands in front of the others. A test client with a jar of cookies
    sends nothing else by that name.
    """
    headers = [(name, f"{value}; {cookies}") if name == "Cookie" else (name, value) for name, value in sent]
    if "Cookie" not in {name for name, _ in sent}:
        headers.append(("Cookie", cookies))
    return app.test_client(use_cookies=False).get(path, headers=headers)


@pytest.fixture
def quiet(app: Flask) -> Flask:
    """As in production: what nobody catches is a 500."""
    app.testing, app.config["PROPAGATE_EXCEPTIONS"] = False, False
    return app


@pytest.mark.parametrize("name", NAMES)
def test_no_header_breaks_an_answer(quiet: Flask, name: str) -> None:
    pending = Browser(quiet)
    pending.sign_in("dave")
    cookies = cookies_of(pending)
    for value in ODD:
        for sent in ([(name, value)], [(name, value), (name, value)]):
            answers = [ask(quiet, "/mfa/challenge", cookies, *sent), ask(quiet, "/payroll", "", *sent)]
            assert [one.status_code for one in answers if one.status_code >= 500] == [], (name, value)


# Headers that say who sends, and how it wants its answer, each by itself; the others are only read, and come at once.
TELLING = [
    "Cookie", "Authorization", "Origin", "Accept", "Sec-Fetch-Mode", "Content-Type", "HX-Request", "Turbo-Frame",
    "X-Up-Version",
]  # fmt: skip
READ = [name for name in NAMES if name not in TELLING]
PAGES = ["/", "/mfa/", "/admin/mfa/users"]


@pytest.mark.parametrize("path", PAGES)
def test_no_header_breaks_a_page_of_whoever_is_in(quiet: Flask, phone: Phone, path: str) -> None:
    cookies = cookies_of(at_console(quiet, ADMIN, phone))
    assert ask(quiet, path, cookies).status_code == 200
    for value in (*ODD, of_size("x", LARGE), of_size("é", LARGE), of_size("a=b;", LARGE)):
        for names in ([READ], *([name] for name in TELLING)):
            sent = [(name, value) for name in (names[0] if names == [READ] else names) for _ in range(2)]
            assert ask(quiet, path, cookies, *sent).status_code < 500, (names, value[:40])


@pytest.mark.parametrize("name", ["Accept", "User-Agent", "Authorization", "Referer", "Origin"])
def test_no_header_breaks_a_sign_in(quiet: Flask, name: str) -> None:
    for value in ODD:
        browser = Browser(quiet)
        answer = browser.client.post("/login", headers={name: value}, **SIGN_IN)  # type: ignore[arg-type]
        assert answer.status_code in {303, 401}, (name, value)
        assert browser.client.post("/transfer", headers={name: value}).status_code in {401, 403}, (name, value)


@pytest.mark.parametrize("piece", PIECES)
def test_no_large_header_breaks_an_answer(quiet: Flask, piece: str) -> None:
    for name in NAMES:
        assert ask(quiet, "/payroll", "", (name, of_size(piece, LARGE))).status_code < 500, (name, piece)


def lines_of(work: Callable[[], Any]) -> int:
    """How many lines of Python ran, in whatever module, once what is made at first use is there."""
    work()
    count = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    # What is collected meanwhile runs finalizers of whatever ran earlier.
    gc.disable()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        gc.enable()
    return count


@pytest.mark.parametrize("piece", PIECES)
def test_the_work_grows_no_faster_than_the_headers(app: Flask, piece: str) -> None:
    def work(size: int) -> int:
        value = of_size(piece, size)
        return lines_of(lambda: ask(app, "/mfa/challenge", "", *((name, value) for name in NAMES)))

    assert work(LARGE // 4) <= 8.5 * work(LARGE // 32), piece


@pytest.mark.parametrize("path", PAGES)
def test_nor_does_it_on_pages_of_whoever_is_in(app: Flask, phone: Phone, path: str) -> None:
    cookies = cookies_of(at_console(app, ADMIN, phone))

    def work(piece: str, size: int) -> int:
        value = of_size(piece, size)
        sent = [(name, value) for name in (*READ, "Accept", "Cookie")]
        return lines_of(lambda: ask(app, path, cookies, *sent))

    for piece in PIECES:
        assert work(piece, LARGE // 8) <= 4.5 * work(piece, LARGE // 32), piece


@pytest.mark.parametrize("piece", PIECES)
def test_what_the_gate_reads_of_accept_is_bounded(piece: str) -> None:
    small, large = (
        EnvironBuilder(headers={"Accept": of_size(piece, size)}).get_request() for size in (LARGE // 8, LARGE)
    )
    assert lines_of(lambda: client_of(large, by_token=False)) == lines_of(lambda: client_of(small, by_token=False))


@pytest.mark.parametrize(
    ("accept", "client"),
    [
        ("application/json", Client.API), ("application/problem+json", Client.API), ("APPLICATION/JSON", Client.API),
        ("application/json;q=0.9, text/html;q=0.8", Client.API), ("application/json, */*", Client.API),
        ("text/html;q=0.8,application/json ; q=0.9", Client.API), ("application/json;Q=0.2", Client.API),
        ("application/json, text/html", Client.NAVIGATION), ("application/json;q=0.5, */*", Client.NAVIGATION),
        ("application/json;q=0", Client.NAVIGATION), ("application/json;q=junk", Client.NAVIGATION),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Client.NAVIGATION), ("*/*", Client.NAVIGATION),
        ("", Client.NAVIGATION), ("x+json", Client.NAVIGATION), ("json", Client.NAVIGATION),
    ],
)  # fmt: skip
def test_json_is_preferred_by_name(accept: str, client: Client) -> None:
    assert client_of(EnvironBuilder(headers={"Accept": accept}).get_request(), by_token=False) is client


@pytest.mark.parametrize("path", ["missing.css", "%00", "..%2fgate.css", "x" * 5000, "%ed%a0%80"])
@pytest.mark.parametrize("accept", ["text/css", "application/json", "text/html"])
def test_a_file_that_is_not_there_is_no_failure(app: Flask, path: str, accept: str, caplog: Any) -> None:
    answer = Browser(app).get(f"/mfa/static/{path}", headers={"Accept": accept})
    assert answer.status_code == 404
    assert (answer.mimetype == "application/problem+json") == (accept == "application/json")
    assert caplog.records == []


FIXED = {"werkzeug.proxy_fix.orig": {"REMOTE_ADDR": "127.0.0.1"}}


@pytest.mark.parametrize(
    ("peer", "sent", "environ", "is_told"),
    [
        ("127.0.0.1", "9.9.9.9", {}, True),
        ("10.0.0.3", "9.9.9.9, 10.0.0.2", {}, True),
        ("", "9.9.9.9", {}, True),
        ("9.9.9.9", "8.8.4.4", {}, False),
        ("10.0.0.9", "10.0.0.9", {}, False),
        ("10.0.0.9", "9.9.9.9", FIXED, False),
        ("127.0.0.1", "", {}, False),
    ],
)
def test_a_proxy_is_known_that_stands_for_its_clients(
    peer: str, sent: str, environ: dict[str, Any], is_told: bool
) -> None:
    builder = EnvironBuilder(headers={"X-Forwarded-For": sent}, environ_base={"REMOTE_ADDR": peer, **environ})
    assert is_behind_untold_proxy(Flask(__name__).request_class(builder.get_environ())) is is_told
