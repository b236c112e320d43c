"""Hosts with a client of their own: they tell the gate what the provider proved, and the gate believes it or not."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import request
from flask.testing import FlaskClient
from flask_login import login_required, login_user
from werkzeug.test import TestResponse

from flask_mfa_gate import Environment, Policy
from flask_mfa_gate.errors import ConfigError
from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host, User
from tests.oidc_kit import PROVIDER, records
from tests.web.oidc.kit import location_of
from tests.web.oidc.test_shown_user import ask

ISSUER, OTHER = "https://id.example.org", "https://other.example.org"
MFA = {"iss": ISSUER, "sub": "a1", "amr": ["pwd", "mfa"]}


class Federated(Host):
    """Signs in whom it is told to, and tells the gate of whom it is told to."""

    def __init__(self, trust: str = "when-proved", **config: Any) -> None:
        believed = {ISSUER: trust, "https://partner.example.org": "when-proved"}
        super().__init__("federated", MFA_GATE_TRUST_AMR=believed, **config)
        self.with_login_manager()
        app, gate = self.app, self.gate

        @app.post("/sso")
        def sso() -> str:
            asked = request.get_json()
            if "noted" in asked:
                gate.federated_sign_in(User(asked["noted"]), asked["claims"])
            if "signs_in" in asked:
                login_user(User(asked["signs_in"]))
            return "done"

        @app.get("/page")
        @login_required
        def page() -> dict[str, Any]:
            known = gate.assurance()
            return {"amr": known.amr if known else None}

        @app.get("/payroll")
        @gate.resource("payroll")
        def payroll() -> str:
            return "payroll"

        @app.get("/fresh")
        @gate.require_mfa(max_age=timedelta(minutes=5))
        def fresh() -> str:
            return "fresh"

        @app.get("/own")
        @gate.require_mfa(factors={"totp"})
        def own() -> str:
            return "own"

        gate.init_app(app, admin_role=lambda user: "admin")

    def sign_in(
        self, claims: dict[str, Any] | None = None, *, client: FlaskClient | None = None, **who: str
    ) -> FlaskClient:
        client = client or self.client()
        told = {"claims": claims, "noted": "1", "signs_in": "1", **who} if claims is not None else {"signs_in": "1"}
        client.post("/sso", json=told)
        return client

    def save(self, **effect: Any) -> None:
        conditions = effect.pop("conditions", {})
        document = {
            "name": "p",
            "state": "on",
            "users": {"include": ["all"]},
            "conditions": conditions,
            "effect": effect,
        }
        with self.app.app_context():
            self.gate.policies.save(Policy.from_document(document), actor="cli")

    def seconds(self, **ago: float) -> int:
        return int((self.clock() - timedelta(**ago)).timestamp())


def status(client: FlaskClient, path: str = "/page") -> int:
    return client.get(path, headers=JSON).status_code


def code(answer: TestResponse) -> str:
    return str((answer.json or {})["code"])


@pytest.mark.parametrize(
    ("trust", "claims", "expected"),
    [
        ("when-proved", {"amr": ["pwd", "mfa"]}, 200),
        ("when-proved", {"acr": "https://refeds.org/profile/mfa"}, 200),
        ("when-proved", {"amr": ["pwd"]}, 401),
        ("when-proved", {"amr": "mfa"}, 401),
        ("when-proved", {}, 401),
        ("always", {}, 200),
        ("always", {"amr": ["pwd"]}, 200),
        ("always", {"auth_time": "yesterday"}, 401),
        ("never", {"amr": ["pwd", "mfa"]}, 401),
        ("when-proved", {"iss": OTHER, "amr": ["mfa"]}, 401),
        ("always", {"iss": OTHER}, 401),
        ("always", {"iss": ISSUER + "/"}, 401),
        ("always", {"iss": None}, 401),
        ("always", {"sub": ""}, 401),
    ],
)
def test_a_second_factor_of_a_provider_counts_where_it_is_believed(
    trust: str, claims: dict[str, Any], expected: int
) -> None:
    host = Federated(trust)
    host.enroll()
    assert status(host.sign_in({"iss": ISSUER, "sub": "a1", **claims})) == expected


@pytest.mark.parametrize(
    "who", [{"noted": "2"}, {"noted": "1", "signs_in": "2"}], ids=["told of another", "another is signed in"]
)
def test_it_counts_for_the_very_user_who_is_signed_in(who: dict[str, str]) -> None:
    host = Federated()
    host.enroll(who.get("signs_in", "1"))
    assert status(host.sign_in(MFA, **who)) == 401


def test_it_signs_nobody_in_and_is_forgotten_with_its_request() -> None:
    host = Federated("always")
    host.enroll()
    client = host.client()
    assert client.post("/sso", json={"noted": "1", "claims": MFA}).text == "done"
    assert client.get("/mfa/status").status_code == 401
    assert status(host.sign_in(client=client)) == 401


def test_without_a_word_of_the_host_nothing_is_believed() -> None:
    host = Federated("always")
    host.enroll()
    assert status(host.sign_in()) == 401


def test_a_client_that_got_no_claims_proves_nothing() -> None:
    host = Federated("always")
    host.enroll()

    @host.app.post("/oauth")
    def oauth() -> str:
        host.gate.federated_sign_in(User("1"), None)
        login_user(User("1"))
        return "done"

    client = host.client()
    assert client.post("/oauth").status_code == 303
    assert status(client) == 401


def test_what_was_said_is_in_the_words_of_the_session() -> None:
    host = Federated()
    client = host.sign_in({**MFA, "amr": ["fpt", "hwk"]})
    assert client.get("/page").json == {"amr": ["fpt", "hwk", "mfa"]}
    assert Federated("never").sign_in(MFA).get("/page").json == {"amr": []}


def test_a_policy_that_asks_for_any_factor_takes_it_and_one_with_names_does_not() -> None:
    host = Federated()
    host.enroll()
    client = host.sign_in(MFA)
    host.save(action="require")
    assert status(client) == 200
    host.save(action="require", factors=["totp"])
    assert status(client) == 401
    assert code(client.get("/own", headers=JSON)) == "mfa_challenge_required"


def test_a_user_without_a_factor_of_their_own_is_not_forced_by_a_policy_that_was_met() -> None:
    host = Federated()
    host.save(action="require")
    assert status(host.sign_in(MFA)) == 200
    assert code(host.sign_in({**MFA, "amr": ["pwd"]}).get("/page", headers=JSON)) == "mfa_enrollment_required"
    assert code(host.sign_in(MFA).get("/own", headers=JSON)) == "mfa_enrollment_required"


def test_the_users_own_requirement_is_a_floor() -> None:
    host = Federated("always")
    with host.app.app_context():
        host.gate.enrollments.require("1", days=0, actor="cli")
    assert code(host.sign_in(MFA).get("/page", headers=JSON)) == "mfa_enrollment_required"


@pytest.mark.parametrize("scope", ["app", "protected"])
def test_a_lapse_is_a_lock_all_the_same(scope: str) -> None:
    host = Federated("always", MFA_GATE_LOCKOUT_SCOPE=scope)
    with host.app.app_context():
        host.gate.enrollments.require("1", days=1, actor="cli")
    client = host.sign_in(MFA)
    host.clock.forward(days=2)
    claims = {**MFA, "auth_time": host.seconds()}
    assert code(host.sign_in(claims, client=client).get("/fresh", headers=JSON)) == "mfa_enrollment_expired"


def test_a_break_glass_account_proves_its_own_factor() -> None:
    host = Federated("always", MFA_GATE_BREAK_GLASS=["1"])
    host.enroll()
    client = host.sign_in(MFA)
    assert status(client) == 401
    host.pass_challenge(client)
    assert status(client) == 200


def test_the_console_takes_the_admins_own_factor() -> None:
    host = Federated("always")
    host.enroll()
    client = host.sign_in(MFA)
    assert status(client) == 200
    assert client.get("/admin/mfa/", headers=JSON).status_code == 401
    host.pass_challenge(client)
    assert client.get("/admin/mfa/", headers=JSON).status_code == 200


@pytest.mark.parametrize(
    ("ago", "expected"),
    [({"seconds": 299}, 200), ({"seconds": 300}, 200), ({"seconds": 301}, 401), ({"seconds": -61}, 401), (None, 401)],
)
def test_the_age_of_a_proof_is_that_which_the_provider_tells(ago: dict[str, float] | None, expected: int) -> None:
    host = Federated("always")
    host.enroll()
    host.clock.now = host.clock.now.replace(microsecond=0)
    claims = MFA if ago is None else {**MFA, "auth_time": host.seconds(**ago)}
    assert status(host.sign_in(claims), "/fresh") == expected


def test_a_proof_of_no_known_age_counts_where_no_age_is_asked_for() -> None:
    host = Federated()
    host.enroll()
    client = host.sign_in(MFA)
    assert (status(client), status(client, "/payroll"), status(client, "/fresh")) == (200, 200, 401)


def test_a_proof_that_is_older_than_any_may_be_counts_nowhere() -> None:
    host = Federated("always")
    host.enroll()
    client = host.sign_in({**MFA, "auth_time": host.seconds(hours=11)})
    assert status(client) == 200
    host.clock.forward(minutes=59)
    assert status(client) == 200
    host.clock.forward(minutes=2)
    assert status(client) == 401
    assert status(host.sign_in({**MFA, "auth_time": host.seconds(hours=13)})) == 401


def test_signing_in_there_again_makes_the_proof_younger() -> None:
    host = Federated()
    host.enroll()
    client = host.sign_in({**MFA, "auth_time": host.seconds(minutes=20)})
    assert status(client, "/fresh") == 401
    host.sign_in({**MFA, "auth_time": host.seconds()}, client=client)
    assert status(client, "/fresh") == 200
    host.sign_in({**MFA, "amr": ["pwd"], "auth_time": host.seconds()}, client=client)
    assert status(client) == 401


def test_whoever_is_no_longer_believed_counts_no_more_in_a_session_that_lives() -> None:
    host = Federated()
    host.enroll()
    client = host.sign_in(MFA)
    state = state_of(host.app)
    state.rules.trust.by_issuer.clear()  # type: ignore[attr-defined]
    assert status(client) == 401


def test_a_first_factor_may_be_set_up_after_a_sign_in_there() -> None:
    host = Federated("never", MFA_GATE_ADMIN_ENROLLMENT="sign-in")
    client = host.sign_in({"iss": ISSUER, "sub": "a1"})
    assert client.get("/mfa/enroll/totp", headers=JSON).status_code == 200
    host.clock.forward(minutes=16)
    assert client.get("/mfa/enroll/totp", headers=JSON).status_code == 401


def test_policies_ask_for_the_provider() -> None:
    host = Federated("never")
    host.save(action="deny", conditions={"sign_in": [f"federated:{ISSUER}"]})
    assert status(host.sign_in(MFA)) == 403
    assert status(host.sign_in({**MFA, "iss": OTHER})) == 200
    assert status(host.sign_in()) == 200


@pytest.mark.parametrize(
    ("trust", "claims", "expected"),
    [
        ("when-proved", {"amr": ["pwd", "hwk"]}, 200),
        ("when-proved", {"amr": ["pwd", "mfa"]}, 403),
        ("when-proved", {"amr": "hwk"}, 403),
        ("never", {"amr": ["pwd", "hwk"]}, 403),
    ],
)
def test_policies_ask_for_the_methods_that_a_believed_provider_named(
    trust: str, claims: dict[str, Any], expected: int
) -> None:
    host = Federated(trust)
    host.save(action="deny", conditions={"not": {"upstream_amr": ["hwk"]}})
    assert status(host.sign_in({**MFA, **claims})) == expected
    assert status(host.sign_in()) == 403, "a password is no security key"


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({"sign_in": "federated", "provider": ISSUER, "upstream_amr": {"pwd", "mfa"}}, "pass"),
        ({"sign_in": "federated", "provider": ISSUER, "upstream_amr": {"pwd"}}, "challenge"),
        ({"sign_in": "federated", "provider": OTHER, "upstream_amr": {"mfa"}}, "challenge"),
        ({"sign_in": "password", "provider": ISSUER, "upstream_amr": {"mfa"}}, "challenge"),
    ],
)
def test_the_simulator_is_told_of_a_provider(facts: dict[str, Any], verdict: str) -> None:
    host = Federated()
    host.enroll()
    host.sign_in()
    with host.app.app_context():
        assert host.gate.simulate("1", environment=Environment(**facts)).verdict == verdict


def test_it_is_on_record_with_the_provider() -> None:
    host = Federated()
    host.sign_in(MFA)
    found = records(host.app, "signed_in")
    assert [(one["sign_in"], one["provider"]) for one in found] == [("federated", ISSUER)]


@pytest.mark.parametrize(
    "given", ["always", {ISSUER: "sometimes"}, {"": "always"}, {ISSUER: True}, [ISSUER], {7: "always"}]
)
def test_trust_names_issuers(given: Any) -> None:
    with pytest.raises(ConfigError, match="MFA_GATE_TRUST_AMR"):
        Host(MFA_GATE_TRUST_AMR=given).gate.init_app(Host(MFA_GATE_TRUST_AMR=given).app)


def test_its_login_hears_that_an_app_wants_a_new_sign_in() -> None:
    host = Federated("never", **PROVIDER)
    host.app.add_url_rule("/login", "login", lambda: "login")
    client = host.sign_in({**MFA, "auth_time": seconds(host)})
    host.clock.forward(minutes=20)
    page = ask(client, prompt="login").location
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page).text)
    assert token
    assert client.post(page, data={"csrf_token": token[1], "act": "sign-in"}).location == page
    login = urlsplit(client.get(page).location)
    assert parse_qs(login.query) == {"next": [page], "prompt": ["login"]}
    host.sign_in({**MFA, "auth_time": seconds(host) - 1200}, client=client)
    assert "Sign in again" in client.get(page).text, "its provider did not ask again"
    host.clock.forward(seconds=5)
    host.sign_in({**MFA, "auth_time": seconds(host)}, client=client)
    assert "code=" in location_of(client.get(page))


def seconds(host: Host) -> int:
    return int(host.clock().timestamp())
