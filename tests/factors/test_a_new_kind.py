"""A kind that is added by its folder and two lines goes the whole road: set up, challenge, sign-in, list, removal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask_login import login_required, login_user

from flask_mfa_gate import Policy, UserFilter
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from tests.conftest import JSON, state_of
from tests.factors.toy import echo_added
from tests.hosts_small.kit import Host, User


class Person:
    """A browser of user "1", as a program."""

    def __init__(self, host: Host) -> None:
        self.client = host.client()
        self.client.post("/login")

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=JSON)

    def post(self, path: str, **fields: str) -> Any:
        token = self.get("/mfa/status").json["csrf_token"]
        return self.client.post(path, json=fields, headers={**JSON, "X-CSRFToken": token})

    def say(self, secret: str, nonce: str) -> Any:
        return self.post("/mfa/challenge", factor="echo", echo=f"{secret}{nonce}")

    def nonce(self) -> str:
        return str(self.get("/mfa/challenge/echo").json["nonce"])


@pytest.fixture
def host() -> Iterator[Host]:
    with echo_added():
        host = Host(MFA_GATE_FACTORS=["totp", "echo"])
        host.with_login_manager()
        host.gate.init_app(host.app)

        @host.app.post("/login")
        def login() -> str:
            login_user(User("1"))
            return "in"

        @host.app.route("/")
        @login_required
        def home() -> str:
            return "home"

        @host.app.route("/vault")
        @login_required
        @host.gate.require_mfa(max_age=timedelta(minutes=5), factors={"echo"})
        def vault() -> str:
            return "gold"

        yield host


def enrolled(host: Host) -> tuple[Person, str]:
    person = Person(host)
    assert "Set up an echo" in person.client.get("/mfa/enroll").text
    secret = person.get("/mfa/enroll/echo").json["secret"]
    assert person.post("/mfa/enroll/echo", echo="wrong").json["code"] == "mfa_code_invalid"
    done = person.post("/mfa/enroll/echo", echo=secret)
    assert (done.status_code, len(done.json["recovery_codes"]), done.json["next"]) == (200, 10, "pass")
    return person, secret


def test_it_is_set_up_asked_for_listed_and_removed(host: Host) -> None:
    first, secret = enrolled(host)
    assert first.get("/mfa/status").json["factors"] == ["echo"]
    assert first.client.get("/vault").text == "gold"

    second = Person(host)
    assert second.client.get("/").location.endswith("/mfa/challenge")
    page = second.client.get("/mfa/challenge").text
    assert "Say the echo" in page
    assert second.say(secret, second.nonce()).json["next"] == "pass"
    assert second.client.get("/").text == "home"
    shown = second.client.get("/mfa/").text
    assert "Echo used" in shown
    (factor,) = second.get("/mfa/").json["factors"]
    assert (factor["kind"], factor["removable"]) == ("echo", True)

    assert second.post(f"/mfa/factors/{factor['id']}/remove").status_code == 200
    assert second.get("/mfa/status").json["factors"] == []
    assert second.get("/mfa/").json["recovery_codes_left"] == 0
    third = Person(host)
    assert third.client.get("/").text == "home"


def test_what_a_challenge_leaves_is_good_for_one_answer_of_one_sign_in(host: Host) -> None:
    _, secret = enrolled(host)
    one, other = Person(host), Person(host)
    nonce = one.nonce()
    assert other.say(secret, nonce).status_code == 422, "asked of another sign-in"
    assert one.say("wrong", nonce).status_code == 422
    assert one.say(secret, nonce).status_code == 422, "an answer takes it away, also a wrong one"
    late = one.nonce()
    host.clock.forward(minutes=5)
    assert one.say(secret, late).status_code == 422, "too old"
    assert one.say(secret, one.nonce()).json["next"] == "pass"


def test_settings_policies_and_filters_know_it(host: Host) -> None:
    enrolled(host)
    policy = Policy.from_document(
        {"name": "vault", "resources": ["payroll"], "effect": {"action": "require", "factors": ["echo"]}}
    )
    assert policy.effect.factors == {FactorKind("echo")}
    found = state_of(host.app).people.user_list.every(UserFilter(factor=FactorKind("echo")))
    assert [row.key for row in found] == ["1"]


def test_without_it_nothing_knows_it() -> None:
    with pytest.raises(ValueError, match="echo"):
        FactorKind("echo")
