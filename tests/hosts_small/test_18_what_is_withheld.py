"""Demand 18, code of the host that looks at the session late, where the gate lets a view run and nobody be seen."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Response, after_this_request, session, stream_with_context
from flask_login import login_user

from tests.hosts_small.kit import Host, User
from tests.hosts_small.server_sessions import ServerSessions


class OwnIdentity:
    """A host that keeps its user in the session itself."""

    def load(self, _request: Any) -> User | None:
        return User(session["uid"]) if "uid" in session else None


def that_looks_late(*, own: bool) -> tuple[Host, list[Any]]:
    host, seen = Host(), list[Any]()
    if own:
        host.gate.init_app(host.app, identity=OwnIdentity(), user_key=lambda user: user.id)
    else:
        host.with_login_manager().session_protection = None
        host.gate.init_app(host.app)

    def look(answer: Response) -> Response:
        seen.append(dict(session))
        return answer

    host.app.after_request(look)

    @host.app.post("/in")
    def enter() -> str:
        if own:
            session["uid"] = "1"
        else:
            login_user(User("1"))
        session["role"] = "admin"
        return "in"

    @host.app.get("/open")
    @host.gate.exempt
    def open_() -> Response:
        after_this_request(look)
        return Response(stream_with_context(parts()))

    def parts() -> Any:
        yield f"role {session.get('role')}"

    @host.app.get("/")
    def home() -> Response:
        return Response(stream_with_context(parts()))

    host.enroll()
    return host, seen


def owner_and_thief(host: Host) -> tuple[Any, Any]:
    """A browser that is in, and a client with its session of the host alone."""
    owner, thief = host.client(), host.client()
    owner.post("/in")
    host.pass_challenge(owner)
    thief.set_cookie("session", owner.get_cookie("session").value)  # type: ignore[union-attr]
    return owner, thief


@pytest.mark.parametrize("path", ["/open", "/nowhere"])
@pytest.mark.parametrize("own", [False, True])
def test_functions_after_a_view_see_nothing_of_it(own: bool, path: str) -> None:
    host, seen = that_looks_late(own=own)
    _owner, thief = owner_and_thief(host)
    seen.clear()
    thief.get(path)
    assert seen
    assert not any(seen)


@pytest.mark.parametrize("on_server", [False, True])
@pytest.mark.parametrize("own", [False, True])
def test_nor_does_a_stream(own: bool, on_server: bool) -> None:
    host, _seen = that_looks_late(own=own)
    if on_server:
        host.app.session_interface = ServerSessions()
    owner, thief = owner_and_thief(host)
    assert thief.get("/open").text == "role None"
    assert thief.get_cookie("session").value == owner.get_cookie("session").value
    assert owner.get("/").text == "role admin"
