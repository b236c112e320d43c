"""Demand 1, hosts whose hooks for the first request take themselves out, as was advised when Flask dropped its own."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint
from flask_login import current_user, login_required, login_user

from tests.hosts_small.kit import Host, User


def that_leaves(*, of_part: bool, signs_in: bool, decide: str) -> tuple[Host, list[Any]]:
    """A host with one hook, in the app or in the blueprint of its view."""
    host, done = Host(MFA_GATE_DECIDE=decide), list[Any]()
    host.with_login_manager().session_protection = None
    host.gate.init_app(host.app)
    part = Blueprint("part", __name__)
    hooks = host.app.before_request_funcs

    def once() -> None:
        if signs_in:
            login_user(User("1"))
        hooks["part" if of_part else None].remove(once)

    (part if of_part else host.app).before_request(once)

    @part.post("/pay")
    @login_required
    def pay() -> str:
        done.append(current_user.get_id())
        return "paid"

    host.app.register_blueprint(part)
    host.enroll()
    return host, done


@pytest.mark.parametrize("decide", ["first", "last"])
@pytest.mark.parametrize("of_part", [False, True])
def test_a_session_that_nobody_judged_is_stopped_before_the_view(of_part: bool, decide: str) -> None:
    host, done = that_leaves(of_part=of_part, signs_in=False, decide=decide)
    client = host.client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = "1", True
    for _ in range(2):
        assert client.post("/pay").status_code == 403
    assert done == []


@pytest.mark.parametrize("decide", ["first", "last"])
@pytest.mark.parametrize("of_part", [False, True])
def test_so_is_whoever_such_a_hook_signs_in(of_part: bool, decide: str) -> None:
    host, done = that_leaves(of_part=of_part, signs_in=True, decide=decide)
    assert host.client().post("/pay").text != "paid"
    assert done == []


@pytest.mark.parametrize("of_part", [False, True])
def test_the_hook_ran_once_and_whoever_proved_goes_on(of_part: bool) -> None:
    host, done = that_leaves(of_part=of_part, signs_in=True, decide="first")
    client = host.client()
    client.post("/pay")
    host.pass_challenge(client)
    assert client.post("/pay").text == "paid"
    assert host.client().post("/pay").status_code == 401
    assert done == ["1"]
