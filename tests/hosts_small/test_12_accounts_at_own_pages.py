"""Demand 12: the gate's own pages and the console ask what has become of the account, however the host keeps it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from flask import g, session
from flask.testing import FlaskClient
from flask_login import UserMixin, login_user

from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.people.roles import Role
from tests.conftest import JSON
from tests.hosts_small.kit import Host


class Account(UserMixin):
    """User "1", as the host has them this moment."""

    id = "1"
    is_active = True
    password_hash = "pbkdf2-of-the-old-one"
    role: str | None = "admin"


class Users:
    """The host's only user; None once they are deleted."""

    def __init__(self) -> None:
        self.only: Account | None = Account()
        self.fails = False

    def find(self) -> Account | None:
        if self.fails:
            raise OSError("no connection")
        return self.only


def by_flask_login(users: Users) -> Host:
    host = Host(MFA_GATE_ADMIN_ENROLLMENT="sign-in")
    host.with_login_manager().user_loader(lambda _key: users.find())
    host.app.add_url_rule("/login", "login", lambda: str(login_user(users.find())), methods=["POST"])
    host.gate.init_app(host.app, admin_role=lambda user: user.role)
    return host


class OfSession:
    """An ``identity=`` object."""

    def __init__(self, users: Users) -> None:
        self.users = users

    def load(self, _request: Any) -> Account | None:
        return self.users.find() if "uid" in session else None


class OfHooks(OfSession):
    """One that needs the host's hooks."""

    def load(self, _request: Any) -> Account | None:
        return super().load(_request) if "tenant" in g else None


class People:
    """A ``directory=`` of the host."""

    def __init__(self, users: Users) -> None:
        self.users = users

    def get(self, key: str) -> Person | None:
        return Person(key, role=Role.ADMIN) if self.users.find() is not None else None

    def page(self, _after_key: str | None, _limit: int) -> Sequence[Person]:
        return []


def by_directory(users: Users) -> Host:
    return by_identity(users, directory=People(users))


def by_identity(
    users: Users, source: type[OfSession] = OfSession, directory: People | None = None, **config: str
) -> Host:
    host = Host(MFA_GATE_ADMIN_ENROLLMENT="sign-in", **config)

    def login() -> str:
        session["uid"] = "1"
        return "in"

    host.app.before_request(lambda: setattr(g, "tenant", "acme"))
    host.app.add_url_rule("/login", "login", login, methods=["POST"])
    host.gate.init_app(
        host.app, identity=source(users), user_key=lambda user: user.id, admin_role=lambda user: user.role,
        directory=directory,
    )  # fmt: skip
    return host


def by_hooks(users: Users) -> Host:
    return by_identity(users, OfHooks, MFA_GATE_DECIDE="last")


HOSTS = pytest.mark.parametrize("make", [by_flask_login, by_identity, by_hooks])


def signed_in(host: Host) -> tuple[FlaskClient, str]:
    host.enroll()
    client = host.client()
    client.post("/login")
    assert host.pass_challenge(client).status_code == 303
    answer: Any = client.get("/mfa/status").json
    return client, answer["csrf_token"]


def answers(client: FlaskClient, token: str) -> dict[str, int]:
    """What the pages say to a program, those that change something and those that show."""
    headers = {**JSON, "X-CSRFToken": token}
    return {
        "codes": client.post("/mfa/recovery-codes", headers=headers).status_code,
        "console": client.get("/admin/mfa/settings", headers=headers).status_code,
        "sync": client.post("/admin/mfa/users/sync", headers=headers).status_code,
    }


@HOSTS
def test_whatever_happened_to_the_account_counts_at_once(make: Callable[[Users], Host]) -> None:
    users = Users()
    client, token = signed_in(make(users))
    assert answers(client, token) == {"codes": 200, "console": 200, "sync": 200}
    assert users.only is not None
    users.only.role = None
    assert answers(client, token) == {"codes": 200, "console": 403, "sync": 403}
    users.only.role, users.only.is_active = "admin", False
    assert answers(client, token) == {"codes": 403, "console": 403, "sync": 403}
    users.only = None
    assert answers(client, token) == {"codes": 401, "console": 401, "sync": 401}


@pytest.mark.parametrize("make", [by_flask_login, by_identity, by_hooks, by_directory])
def test_a_password_that_was_changed_elsewhere_ends_it_at_once(make: Callable[[Users], Host]) -> None:
    users = Users()
    client, token = signed_in(make(users))
    assert users.only is not None
    users.only.password_hash = "pbkdf2-of-the-new-one"
    assert client.get("/mfa/", headers=JSON).status_code == 401
    assert answers(client, token) == {"codes": 401, "console": 401, "sync": 401}


@HOSTS
def test_a_host_that_can_t_tell_keeps_the_console_shut_and_lets_nothing_change(make: Callable[[Users], Host]) -> None:
    users = Users()
    client, token = signed_in(make(users))
    users.fails = True
    assert answers(client, token) == {"codes": 503, "console": 503, "sync": 503}
    assert client.get("/mfa/").status_code == 200
    client.post("/mfa/sign-out", data={"csrf_token": token})
    users.fails = False
    assert client.get("/mfa/status").status_code == 401, "leaving is always possible"
