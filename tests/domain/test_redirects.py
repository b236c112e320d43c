"""No text leads a user away from the app, also not after Werkzeug and a browser have had their way with it."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
from flask import Flask, redirect
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.redirects import safe_target

ORIGIN = "https://app.example.org"
HOST = Flask(__name__)
ANY_CHARACTER = st.characters(exclude_categories=[])


def as_browser(location: str) -> str:
    """The address that a browser goes to (WHATWG URL, basic parser): trimmed, without breaks, backslashes turned."""
    trimmed = re.sub(r"^[\x00-\x20]+|[\x00-\x20]+$", "", location)
    head, mark, rest = re.sub(r"[\t\n\r]", "", trimmed).partition("?")
    head = head.replace("\\", "/")
    if re.match(r"/{2,}", head):
        head = "//" + head.lstrip("/")
    return urljoin(f"{ORIGIN}/here", head + mark + rest)


def sent_location(target: str, *, is_made_absolute: bool = False) -> str:
    """The header that leaves the app for ``redirect(target)``."""
    with HOST.test_request_context(base_url=ORIGIN) as context:
        response = redirect(target)
        response.autocorrect_location_header = is_made_absolute
        return response.get_wsgi_headers(context.request.environ)["Location"]


def is_here(address: str) -> bool:
    parts = urlsplit(address)
    return (parts.scheme, parts.netloc) == ("https", "app.example.org") and not parts.path.startswith("//")


@pytest.mark.parametrize(
    ("raw", "target"),
    [
        ("/", "/"),
        ("/report?x=1&y=2", "/report?x=1&y=2"),
        ("/report?next=//evil.example", "/report?next=//evil.example"),
        ("/report?x=a/../b", "/report?x=a/../b"),
        ("/report#part", "/report"),
        ("/a//b", "/a//b"),
        ("/a:b@c;d", "/a:b@c;d"),
        ("/.well-known/x..y", "/.well-known/x..y"),
        ("/gr%C3%B6%C3%9Fe%201", "/gr%C3%B6%C3%9Fe%201"),
        ("/%D9%85%DB%8C%E2%80%8C%D8%AE", "/%D9%85%DB%8C%E2%80%8C%D8%AE"),
        ("/?", "/"),
        ("https://app.example.org/a?b=c#d", "/a?b=c"),
        ("https://app.example.org", "/"),
        ("https://app.example.org?b=c", "/?b=c"),
        ("https://app.example.org:443/a", "/a"),
        ("HTTPS://APP.EXAMPLE.ORG/a", "/a"),
    ],
)
def test_pages_of_this_origin(raw: str, target: str) -> None:
    assert safe_target(raw, origin=ORIGIN) == target


REFUSED: dict[str, list[object]] = {
    "C19 slashes and schemes": [
        "//evil.example", "///evil.example", "////evil.example", "/////evil.example", "http:evil.example",
        "https:evil.example", "https:/evil.example", "https:///evil.example", "HTTP://EVIL.EXAMPLE",
        "//app.example.org/a", "https:/a", "https:a", "https://app.example.org//evil.example",
    ],
    "C20 backslashes and percent codes": [
        "/a?x=\\", "/\\evil.example", "\\\\evil.example", "/\\/evil.example", "\\/evil.example", "\\evil.example",
        "/%5cevil.example", "/%5Cevil.example", "/%2f/evil.example", "/%2fevil.example", "/%2F%2Fevil.example",
        "https://app.example.org/%2fevil.example", "https://app.example.org\\@evil.example",
        "/%09/evil.example", "/%0d%0aSet-Cookie:x", "/a%00", "/a%7f", "/a%C2%85", "/%E2%80%A8/evil.example",
    ],
    "C21 breaks and white space": [
        "/\t/evil.example", "/\n/evil.example", "/\r/evil.example", " /a", "/a ", " //evil.example", "\t//evil.example",
        "/a\tb", "/a\nb", "/a\rb", "/a?x\ty", "/a?x=\x7f", "/a?é", "/a\0", "\0/a", "/\u2028/evil.example", "/a\u2029", "/a\x7f", "/a\x1b", "/a\u00a0", "/a\r\nSet-Cookie: x",
        "\u3000/a", "\ufeff/a",
    ],
    "C22 other hosts": [
        "http://good@evil.example", "//good@evil.example", "https://app.example.org@evil.example/a",
        "https://evil.example\\@app.example.org", "https://app.example.org.evil.example/", "https://evil.example/",
        "https://user@app.example.org/a", "https://user:pass@app.example.org/a", "https://@app.example.org/a",
        "https://:@app.example.org/a", "https://app.example.org./a", "https://sub.app.example.org/a",
        "http://app.example.org/a", "http://app.example.org:443/a", "https://app.example.org:8443/a",
        "https://app.example.org:0/a", "https://app.example.org:99999/a", "https://app.example.org:x/a",
    ],
    "C23 foreign letters, other schemes, broken": [
        "//ｅvil.com", "//evil。com", "https://app。example。org/a", "https://ａpp.example.org/a", "/größe",
        "javascript:alert(1)", "JavaScript:alert(1)", "javascript://app.example.org/%0aalert(1)", "data:text/html,x",
        "vbscript:x", "file:///etc/passwd", "mailto:a@b.example", "ftp://app.example.org/a", "http://[evil", "//[",
        "https://[::1", "https://[app.example.org]/a", "https://app.example.org]/a",
    ],
    "relative and unresolved": [
        "", "a", "a/b", "./a", "../a", "?x=1", "#a", ".", "/.", "/..", "/./a", "/../a", "/a/..", "/a/../logout",
        "/.//evil.example", "/a/..//evil.example", "/%2e//evil.example", "/%2e%2e//evil.example", "/a/%2E%2e%2f/evil",
        "https://app.example.org/..//evil.example",
    ],
    "no text of sensible length": [
        None, 1, True, b"/a", ["/a"], {"next": "/a"}, "/" + "a" * 2048, "/a?" + "b" * 1_000_000,
    ],
}  # fmt: skip


@pytest.mark.parametrize("raw", [raw for kind in REFUSED.values() for raw in kind])
def test_everything_else_is_refused(raw: object) -> None:
    assert safe_target(raw, origin=ORIGIN) is None


def test_two_thousand_and_forty_eight_characters_are_the_most() -> None:
    longest = "/" + "a" * 2047
    assert safe_target(longest, origin=ORIGIN) == longest
    assert safe_target(longest + "a", origin=ORIGIN) is None


@pytest.mark.parametrize(
    ("raw", "origin", "target"),
    [
        ("http://127.0.0.1:5000/a", "http://127.0.0.1:5000", "/a"),
        ("http://127.0.0.1/a", "http://127.0.0.1:5000", None),
        ("http://127.0.0.1:5000/a", "http://127.0.0.1", None),
        ("http://localhost:80/a", "http://localhost", "/a"),
        ("http://localhost/a", "http://localhost:80", "/a"),
        ("http://[::1]:5000/a", "http://[::1]:5000", "/a"),
        ("https://app.example.org/a", "no origin", None),
        ("https://app.example.org/a", "", None),
        ("/a", "", "/a"),
        ("https:/a", "https:", None),
        ("https:///a", "https://", None),
    ],
)
def test_the_port_is_part_of_the_origin(raw: str, origin: str, target: str | None) -> None:
    assert safe_target(raw, origin=origin) == target


PIECES = st.sampled_from(
    [
        "/", "//", "\\", "%2f", "%5c", "%2e", "%25", "%09", "%00", ".", "..", "/..", ":", "@", "?", "#", ";", "[", "]",
        " ", "\t", "\n", "\r", "\0", "\u2028", "\u3002", "\uff45", "http:", "https:", "https://", "javascript:", "evil.example",
        "app.example.org", ORIGIN, ":443", "a", "é",
    ]
)  # fmt: skip
TRICKS = st.lists(PIECES, max_size=8).map("".join)
LED = st.sampled_from(["/", ORIGIN, f"{ORIGIN}/"]).flatmap(lambda start: TRICKS.map(lambda rest: start + rest))
PLAIN = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30).map(lambda rest: f"/{rest}")


@given(TRICKS | LED | PLAIN | st.text(ANY_CHARACTER))
def test_no_text_leads_elsewhere(raw: str) -> None:
    target = safe_target(raw, origin=ORIGIN)
    if target is None:
        return
    assert target.startswith("/")
    assert len(target) <= 2048
    assert safe_target(target, origin=ORIGIN) == target
    for location in (sent_location(target), sent_location(target, is_made_absolute=True)):
        assert is_here(urljoin(ORIGIN, location))
        assert is_here(urljoin(f"{ORIGIN}/deep/page", location))
        assert is_here(as_browser(location))
        assert is_here(as_browser(unquote(location.partition("?")[0])))
        assert not urljoin("/page", urlsplit(location).path).startswith("//")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="/\\."), max_size=40))
def test_the_address_of_any_page_is_kept(name: str) -> None:
    target = f"/page/{quote(name, safe='')}?q={quote(name, safe='')}"
    assert safe_target(target, origin=ORIGIN) == target
    assert safe_target(ORIGIN + target, origin=ORIGIN) == target


@given(st.none() | st.integers() | st.floats() | st.booleans() | st.binary() | st.lists(st.text()))
def test_any_other_type_is_refused(raw: object) -> None:
    assert safe_target(raw, origin=ORIGIN) is None
