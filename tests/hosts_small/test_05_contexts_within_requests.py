"""Demand 5, contexts that a view opens by itself: they have a ``g`` of their own, in which the gate has hidden nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, copy_current_request_context, current_app
from flask_login import current_user, login_user, logout_user

from flask_mfa_gate.errors import NotProved
from tests.hosts_small.kit import Host, User

Within = Callable[[Callable[[], None]], None]
BEARER = {"Authorization": "Bearer 1"}


def in_app_context(look: Callable[[], None]) -> None:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with app.app_context():
        look()


def in_thread(look: Callable[[], None]) -> None:
    thread = threading.Thread(target=copy_current_request_context(look))
    thread.start()
    thread.join()


WAYS = [in_app_context, in_thread]


def with_an_open_view(within: Within) -> tuple[Host, list[Any]]:
    """A host whose exempt view looks twice who this is, with a request loader."""
    host, seen = Host(), list[Any]()
    manager = host.with_login_manager()

    @manager.request_loader
    def by_token(request: Any) -> User | None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return User(given) if given else None

    host.gate.init_app(host.app)

    def look() -> None:
        try:
            seen.append(current_user.get_id())
        except NotProved:
            seen.append("refused")

    @host.app.post("/in")
    def enter() -> str:
        login_user(User("1"), remember=True)
        within(look)
        return "in"

    @host.app.post("/look-and-in")
    def look_and_enter() -> str:
        within(look)
        return enter()

    @host.app.get("/open")
    @host.gate.exempt
    def open_() -> str:
        look()
        within(look)
        return "open"

    @host.app.get("/")
    def home() -> str:
        within(look)
        return "home"

    @host.app.post("/logout")
    def logout() -> str:
        logout_user()
        return "out"

    host.enroll()
    return host, seen


def remembered(host: Host) -> Any:
    """A browser with the remember cookie alone, and what the gate set beside it."""
    client = host.client()
    client.post("/in")
    host.pass_challenge(client)
    client.delete_cookie("session")
    client.delete_cookie("mfa_gate")
    return client


@pytest.mark.parametrize("within", WAYS)
def test_nobody_who_is_only_remembered_is_shown_there(within: Within) -> None:
    host, seen = with_an_open_view(within)
    client = remembered(host)
    seen.clear()
    assert client.get("/open").text == "open"
    assert seen == [None, None]


@pytest.mark.parametrize("within", WAYS)
def test_and_the_browser_stays_remembered(within: Within) -> None:
    host, _seen = with_an_open_view(within)
    client = remembered(host)
    client.get("/open")
    assert client.get_cookie("remember_token") is not None
    assert client.get("/").location == "/mfa/challenge"


@pytest.mark.parametrize("within", WAYS)
def test_an_unproven_user_of_the_request_itself_is_refused_there(within: Within) -> None:
    host, seen = with_an_open_view(within)
    host.client().get("/open", headers=BEARER)
    assert seen == [None, "refused"]


@pytest.mark.parametrize("within", WAYS)
def test_whoever_signs_in_or_has_proved_is_shown_there(within: Within) -> None:
    host, seen = with_an_open_view(within)
    client = host.client()
    client.post("/in")
    host.pass_challenge(client)
    assert client.get("/").text == "home"
    assert seen == ["1", "1"]
    seen.clear()
    host.client().get("/", headers={"Authorization": "Bearer 2"})
    assert seen == ["2"]


@pytest.mark.parametrize("within", WAYS)
def test_who_signs_in_after_such_a_look_is_remembered(within: Within) -> None:
    host, seen = with_an_open_view(within)
    client = host.client()
    client.set_cookie("remember_token", "1|stale")
    client.post("/look-and-in")
    assert seen == [None, "1"]
    host.pass_challenge(client)
    assert client.get_cookie("remember_token").value != "1|stale"  # type: ignore[union-attr]
