"""Demand 12: without a directory nothing but the host's user loader tells what role somebody has by now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import session
from flask_login import UserMixin, login_user

from flask_mfa_gate import NotAllowed
from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.people.roles import Role
from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host

DESK = "user:desk"


class Account(UserMixin):
    """A user with the role that the host gives them this moment."""

    def __init__(self, key: str, role: str | None) -> None:
        self.id, self.role = key, role


Users = dict[str, Account]


@pytest.fixture
def users() -> Users:
    return {key: Account(key, role) for key, role in (("desk", "helpdesk"), ("mia", None), ("otto", "admin"))}


def by_flask_login(users: Users) -> Host:
    host = Host(MFA_GATE_ADMIN_ENROLLMENT="sign-in")
    host.with_login_manager().user_loader(users.get)
    host.app.add_url_rule("/login/<key>", "login", lambda key: str(login_user(users[key])), methods=["POST"])
    host.gate.init_app(host.app, admin_role=lambda user: user.role)
    return host


class OfSession:
    """An ``identity=`` object, which nobody can ask by key."""

    def __init__(self, users: Users) -> None:
        self.users = users

    def load(self, _request: Any) -> Account | None:
        return self.users.get(session.get("uid", ""))


def by_identity(users: Users) -> Host:
    host = Host(MFA_GATE_ADMIN_ENROLLMENT="sign-in")
    host.app.add_url_rule("/login/<key>", "login", lambda key: session.update(uid=key) or "in", methods=["POST"])
    host.gate.init_app(host.app, identity=OfSession(users), admin_role=lambda user: user.role)
    return host


def by_other_names(users: Users) -> Host:
    """The loader takes what the cookie says, which is not the key."""
    host = Host(MFA_GATE_ADMIN_ENROLLMENT="sign-in")
    host.with_login_manager().user_loader(lambda name: users[name.split("name-")[1]])
    host.app.add_url_rule("/login/<key>", "login", lambda key: str(login_user(users[key])), methods=["POST"])
    host.gate.init_app(host.app, user_key=lambda user: str(user.id), admin_role=lambda user: user.role)
    for user in users.values():
        user.get_id = lambda key=user.id: f"name-{key}"  # type: ignore[attr-defined,misc]
    return host


def met(host: Host, *keys: str) -> Host:
    """The gate notes roles at a sign-in."""
    for key in keys:
        host.client().post(f"/login/{key}")
    return host


def acts(host: Host, key: str) -> dict[str, str]:
    """What becomes of what the help desk does to this user: one by one, of several, and with a pass."""
    people = state_of(host.app).people
    with host.app.app_context():
        found = {
            "one": refusal_of(lambda: people.enrollments.reset(key, actor=DESK)),
            "pass": refusal_of(lambda: people.access_passes.issue(key, actor=DESK)),
        }
        for dry_run in (True, False):
            result = people.enrollments.reset([key, "nobody-yet"], actor=DESK, dry_run=dry_run)
            found["dry" if dry_run else "several"] = dict(result.failed).get(key, "")
    return found


def refusal_of(act: Callable[[], Any]) -> str:
    try:
        act()
    except NotAllowed as error:
        return error.reason
    return ""


def everywhere(word: str) -> dict[str, str]:
    return dict.fromkeys(("one", "pass", "dry", "several"), word)


def test_a_role_that_was_given_since_the_last_sign_in_protects(users: Users) -> None:
    host = met(by_flask_login(users), "desk", "mia", "otto")
    assert acts(host, "mia") == everywhere("")
    assert acts(host, "otto") == everywhere("higher-role")
    users["mia"].role, users["otto"].role = "admin", None
    assert acts(host, "mia") == everywhere("higher-role")
    assert acts(host, "otto") == everywhere("")


def test_a_role_that_was_taken_away_since_gives_no_right(users: Users) -> None:
    host = met(by_flask_login(users), "desk", "mia")
    users["desk"].role = None
    assert acts(host, "mia") == everywhere("not-allowed")


def test_an_admin_who_never_signed_in_is_one(users: Users) -> None:
    host = met(by_flask_login(users), "desk")
    assert acts(host, "otto") == everywhere("higher-role")
    assert acts(host, "somebody") == everywhere("role-unknown"), "whom the loader does not find"


@pytest.mark.parametrize("make", [by_identity, by_other_names])
def test_where_nobody_can_be_asked_only_an_admin_acts(users: Users, make: Callable[[Users], Host]) -> None:
    host = met(make(users), "desk", "mia", "otto")
    assert acts(host, "mia") == everywhere("role-unknown")
    assert acts(host, "otto") == everywhere("higher-role"), "what is known says enough"
    with host.app.app_context():
        assert state_of(host.app).people.enrollments.reset("mia", actor="user:otto").done


def test_the_console_says_so_and_offers_nothing(users: Users) -> None:
    host = met(by_identity(users), "mia")
    host.enroll("desk")
    client = host.client()
    client.post("/login/desk")
    host.pass_challenge(client)
    page = client.get("/admin/mfa/users/mia").text
    assert "only an administrator can act on them" in page
    assert "Issue" not in page
    token: Any = client.get("/mfa/status").json
    sent = {"action": "reset", "keys": ["mia"], "reason": "lost"}
    answer = client.post("/admin/mfa/users/actions", json=sent, headers={**JSON, "X-CSRFToken": token["csrf_token"]})
    assert "role-unknown" in answer.text, answer.text


def test_whom_the_loader_finds_no_more_keeps_the_role_that_is_known(users: Users) -> None:
    host = met(by_flask_login(users), "desk")
    state = state_of(host.app)
    with state.store.database.write() as tx:
        state.store.people.write(tx, [Person("gone", role=Role.ADMIN)], now=host.clock())
    assert acts(host, "gone") == everywhere("higher-role")
