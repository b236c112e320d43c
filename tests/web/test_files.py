"""Files of the gate: kept for a year under an address that changes with them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, url_for

from flask_mfa_gate.web.responses import files
from tests.conftest import Browser, Phone
from tests.web.admin.kit import ADMIN, at_console

LINKS = re.compile(r'(?:href|src)="(/mfa/static/[^"]+)"')


def linked(html: str) -> list[str]:
    return LINKS.findall(html)


def test_pages_link_files_that_browsers_keep(app: Flask, phone: Phone) -> None:
    browser = at_console(app, ADMIN, phone)
    for page in ("/mfa/", "/admin/mfa/"):
        links = linked(browser.get(page).text)
        assert len(links) == 2
        for link in links:
            with browser.get(link) as answer:
                assert answer.status_code == 200
                assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
                assert "Set-Cookie" not in answer.headers
                assert "Vary" not in answer.headers, "or a cache would ask again for each cookie"
                known = answer.headers["ETag"]
            with browser.get(link, headers={"If-None-Match": known}) as again:
                assert again.status_code == 304


def test_what_a_style_names_is_kept_too(app: Flask) -> None:
    style = f"/mfa/static/v-{files.files_version()}/pages.css"
    browser = Browser(app)
    with browser.get(style) as answer:
        named = re.findall(r'url\("([^"]+)"\)', answer.text)
    assert "mfa_gate.css" in named
    for name in named:
        with browser.get(style.replace("pages.css", name)) as answer:
            assert answer.headers["Cache-Control"].endswith("immutable")


@pytest.mark.parametrize("seconds", [None, 60])
def test_another_address_is_kept_as_the_host_says(make_app: Callable[..., Flask], seconds: int | None) -> None:
    """A worker of another version must not fill caches under the address of this one."""
    browser = Browser(make_app(SEND_FILE_MAX_AGE_DEFAULT=seconds))
    expected = "no-cache" if seconds is None else "public, max-age=60"
    for path in ("/mfa/static/pages.css", "/mfa/static/v-0123456789ab/pages.css"):
        with browser.get(path) as answer:
            assert (answer.status_code, answer.headers["Cache-Control"]) == (200, expected)
    with browser.get(f"/mfa/static/v-{files.files_version()}/pages.css") as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert browser.get(f"/mfa/static/v-{files.files_version()}/../__init__.py").status_code == 404


def test_the_host_links_the_same(app: Flask) -> None:
    with app.test_request_context():
        assert url_for("mfa_gate.static", filename="pages.css") == f"/mfa/static/v-{files.files_version()}/pages.css"


def test_the_version_tells_contents_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files.files_version()
    monkeypatch.setattr(files, "_FOLDER", tmp_path)
    (tmp_path / "pages.css").write_text("p {}")
    one = files.files_version.__wrapped__()
    (tmp_path / "pages.css").write_text("p { }")
    assert len({before, one, files.files_version.__wrapped__()}) == 3
