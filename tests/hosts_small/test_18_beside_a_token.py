"""Demand 18: a hook or a decorator shows one user, and beside them comes the API token of another."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from flask import request
from flask_login import current_user, login_user

from tests.hosts_small.kit import Host, User

TOKEN = "pat_4fcb92d8a1"
OWN_TOKEN = {"Authorization": f"Bearer {TOKEN}"}


def with_tokens(decide: str, mode: str) -> tuple[Host, list[str]]:
    """User 1 has a token, and whoever sends a cookie ``who`` is that user to a hook, or to a decorator."""
    host, done = Host(MFA_GATE_DECIDE=decide, MFA_GATE_TOKENS=mode), list[str]()
    manager = host.with_login_manager()
    manager.request_loader(lambda asked: User("1") if TOKEN in asked.headers.get("Authorization", "") else None)
    host.gate.init_app(host.app)

    @host.app.before_request
    def show() -> None:
        if name := request.cookies.get("hooked"):
            manager._update_request_context_with_user(User(name))

    def decorated(view: Callable[[], str]) -> Callable[[], Any]:
        @functools.wraps(view)
        def checked() -> Any:
            if name := request.cookies.get("decorated"):
                manager._update_request_context_with_user(User(name))
                if (answer := host.gate.ensure()) is not None:
                    return answer
            return view()

        return checked

    def mark() -> str:
        host.gate.mark_token(TOKEN)
        return "marked"

    def act() -> str:
        done.append(str(current_user.get_id()))
        return "done"

    host.app.add_url_rule("/login/<key>", "login", lambda key: str(login_user(User(key))), methods=["POST"])
    host.app.add_url_rule("/mark", "mark", mark, methods=["POST"])
    host.app.add_url_rule("/act", "act", decorated(act), methods=["POST"])
    host.enroll("1")
    client = host.client()
    client.post("/login/1")
    host.pass_challenge(client)
    assert client.post("/mark").text == "marked"
    return host, done


def as_seen(host: Host, where: str, key: str, headers: dict[str, str] = OWN_TOKEN) -> Any:
    client = host.client()
    client.set_cookie(where, key)
    return client.post("/act", headers=headers)


@pytest.mark.parametrize("where", ["hooked", "decorated"])
@pytest.mark.parametrize("decide", ["first", "last"])
@pytest.mark.parametrize("mode", ["owner-enrolled", "exempt"])
def test_the_token_proves_nothing_of_the_user_who_is_shown(decide: str, mode: str, where: str) -> None:
    host, done = with_tokens(decide, mode)
    host.enroll("2")
    assert host.client().post("/act", headers=OWN_TOKEN).text == "done"
    answer = as_seen(host, where, "2")
    assert (answer.status_code, answer.json["code"]) == (401, "mfa_challenge_required")
    assert done == ["1"]


@pytest.mark.parametrize("where", ["hooked", "decorated"])
@pytest.mark.parametrize("decide", ["first", "last"])
def test_a_cookie_that_was_revoked_counts_no_more_beside_it(decide: str, where: str) -> None:
    host, done = with_tokens(decide, "owner-enrolled")
    assert as_seen(host, where, "3").text == "done"
    with host.app.app_context():
        host.gate.enrollments.revoke_sessions("3")
    assert as_seen(host, where, "3", {}).status_code == 401
    assert as_seen(host, where, "3").status_code == 401
    assert done == ["3"]
