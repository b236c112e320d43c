"""People at the console."""

from __future__ import annotations

from typing import Any

from flask import Flask

from example_app.past import enroll_with_key
from example_app.people import DAVES_KEY
from tests.conftest import Browser, Phone, key_of

ADMIN, HELPDESK, AUDITOR = "ada", "grace", "hugo"


def enroll(app: Flask, username: str) -> None:
    """With the key that every test's phone has."""
    with app.app_context():
        enroll_with_key(app, key_of(app, username), DAVES_KEY)


def at_console(app: Flask, username: str, phone: Phone) -> Browser:
    """Somebody who has signed in with password and code."""
    enroll(app, username)
    browser = Browser(app)
    browser.sign_in(username)
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303
    return browser


def send(browser: Browser, path: str, **fields: Any) -> Any:
    """A form of the console, with its token."""
    token = browser.status()["csrf_token"]
    return browser.client.post(f"/admin/mfa{path}", data={"csrf_token": token, **fields})
