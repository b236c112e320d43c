"""Demand 16, hosts that open no session where programs come: Flask makes one there that takes no change."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import current_user

from tests.conftest import JSON
from tests.hosts_small.kit import Host, User


class ForPagesOnly(SecureCookieSessionInterface):
    """No session below ``/api``."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return None if request.path.startswith("/api/") else super().open_session(app, request)


def with_api() -> tuple[Host, list[Any]]:
    """Whoever sends a key in a header of the host's own is its user."""
    host, done = Host(), list[Any]()
    host.app.session_interface = ForPagesOnly()
    host.with_login_manager().request_loader(
        lambda asked: User(asked.headers["Key"]) if "Key" in asked.headers else None
    )
    host.gate.init_app(host.app)

    def act() -> str:
        done.append(current_user.get_id())
        return "done"

    host.app.add_url_rule("/api/act", "act", act, methods=["GET", "POST"])
    host.app.add_url_rule("/api/open", "open", host.gate.exempt(lambda: act()), methods=["GET", "POST"])
    host.enroll()
    return host, done


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [("GET", {}, 303), ("POST", {}, 403), ("GET", JSON, 401), ("POST", JSON, 401), ("HEAD", {}, 303)],
)
def test_whoever_has_proved_nothing_is_told_so(method: str, headers: dict[str, str], status: int) -> None:
    host, done = with_api()
    assert host.client().open("/api/act", method=method, headers={"Key": "1", **headers}).status_code == status
    assert done == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_open_runs_for_nobody(method: str) -> None:
    host, done = with_api()
    for headers in ({}, JSON):
        assert host.client().open("/api/open", method=method, headers={"Key": "1", **headers}).text == "done"
    assert done == [None, None]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_whoever_owes_nothing_and_nobody_go_on(method: str) -> None:
    host, done = with_api()
    for headers in ({"Key": "2"}, {}):
        assert host.client().open("/api/act", method=method, headers=headers).text == "done"
    assert done == ["2", None]
