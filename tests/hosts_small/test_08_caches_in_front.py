"""Demand 8, hosts that tell caches of every answer that they may keep it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Response, redirect
from flask_login import current_user, login_user

from tests.conftest import JSON
from tests.hosts_small.kit import Host, User

CACHED = "public, max-age=300"


def that_caches_all(**config: Any) -> Host:
    host = Host(**config)
    host.with_login_manager()
    host.gate.init_app(host.app)

    @host.app.after_request
    def keep(answer: Response) -> Response:
        answer.headers["Cache-Control"] = CACHED
        answer.headers["CDN-Cache-Control"] = answer.headers["Surrogate-Control"] = "max-age=300"
        answer.headers["X-Accel-Expires"] = "300"
        return answer

    @host.app.get("/in/<key>")
    def enter(key: str) -> Any:
        login_user(User(key))
        return redirect("/")

    @host.app.get("/")
    def home() -> str:
        return f"page for {current_user.get_id()}"

    host.enroll()
    return host


@pytest.mark.parametrize("name", ["", "challenge", "enroll", "enroll/totp", "recovery-codes", "sessions", "status"])
def test_no_cache_keeps_a_page_of_the_gate(name: str) -> None:
    host = that_caches_all()
    strange, pending, fresh = host.client(), host.client(), host.client()
    pending.get("/in/1")
    fresh.get("/in/2")
    for client in (strange, pending, fresh):
        for headers in ({}, JSON):
            assert client.get(f"/mfa/{name}", headers=headers).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("headers", [{}, JSON])
def test_nor_a_refusal_nor_the_answer_that_stands_for_that_of_a_login(headers: dict[str, str]) -> None:
    host = that_caches_all()
    client = host.client()
    assert client.get("/in/1", headers=headers).headers["Cache-Control"] == "no-store"
    refused = client.get("/", headers=headers)
    assert (refused.status_code in {303, 401}, refused.headers["Cache-Control"]) == (True, "no-store")


def test_nor_one_that_hands_out_an_id() -> None:
    answer = that_caches_all().client().get("/in/2")
    assert any(cookie.startswith("mfa_gate=") for cookie in answer.headers.getlist("Set-Cookie"))
    assert answer.headers["Cache-Control"] == "no-store"


def test_nothing_that_outranks_that_header_is_left() -> None:
    answer = that_caches_all().client().get("/mfa/status")
    assert not {"CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires"} & set(answer.headers.keys())


def test_of_its_own_pages_the_app_says_what_it_likes() -> None:
    host = that_caches_all()
    client = host.client()
    assert client.get("/").headers["Cache-Control"] == CACHED
    client.get("/in/1")
    host.pass_challenge(client)
    page = client.get("/")
    assert (page.text, page.headers["Cache-Control"]) == ("page for 1", CACHED)
