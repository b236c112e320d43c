"""The recipes of the documentation for clients of other libraries, run as printed with those libraries and real providers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask_login import login_user
from social_core.exceptions import AuthException

from tests.federation.kit import BASE, MFA, Liar, Person, query_of
from tests.federation.recipes import AUTHLIB, FLASK_DANCE, SOCIAL_AUTH, Recipe, recipe, user_of
from tests.federation.upstreams import CertifiedWalk, PortalWalk
from tests.policy_kit import policy, put

STRONG = {"accountId": "ann", "amr": ["pwd", "otp", "mfa"], "acr": MFA}
ALL, WITH_ID_TOKENS = (AUTHLIB, FLASK_DANCE, SOCIAL_AUTH), (AUTHLIB, SOCIAL_AUTH)
Make = Callable[..., Recipe]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Apps of these recipes, where ann has a factor."""

    def made(library: str, issuer: str, trust: str = "when-proved") -> Recipe:
        app = recipe(library, issuer, trust, monkeypatch)
        app.enroll("ann")
        return app

    return made


def by_password(person: Person, name: str = "ann") -> None:
    person.client.post("/sign-out")
    person.client.post(f"/password/{name}")


def said_by(person: Person) -> tuple[str | None, bool]:
    found = person.claims_of_session().assurance.upstream
    return (None, False) if found is None else (found.issuer, found.is_multi_factor)


@pytest.mark.parametrize("library", WITH_ID_TOKENS)
@pytest.mark.parametrize(("trust", "expected"), [("never", 401), ("when-proved", 200)])
def test_two_factors_there(make: Make, certified: str, library: str, trust: str, expected: int) -> None:
    person = make(library, certified, trust).person(CertifiedWalk(STRONG))
    assert person.sign_in().status_code in {302, 303}
    assert (person.status(), said_by(person)) == (expected, (certified, True))


@pytest.mark.parametrize("library", WITH_ID_TOKENS)
def test_one_factor_there(make: Make, certified: str, library: str) -> None:
    person = make(library, certified).person(CertifiedWalk())
    person.sign_in()
    assert (person.status(), said_by(person)) == (401, (certified, False))


def test_oauth_says_who_and_no_more(make: Make, certified: str) -> None:
    person = make(FLASK_DANCE, certified).person(CertifiedWalk(STRONG))
    person.sign_in()
    assert (person.status(), said_by(person)) == (401, (certified, False))


@pytest.mark.parametrize(("library", "expected"), [(AUTHLIB, 200), (SOCIAL_AUTH, 200), (FLASK_DANCE, 401)])
def test_another_gate_as_the_provider(make: Make, portal: str, dave: PortalWalk, library: str, expected: int) -> None:
    app = make(library, portal)
    app.enroll("4")
    person = app.person(dave)
    person.sign_in()
    assert (person.status(), said_by(person)) == (expected, (portal, expected == 200))


@pytest.mark.parametrize("library", ALL)
def test_policies_ask_for_the_provider(make: Make, certified: str, library: str) -> None:
    app = make(library, certified)
    put(app.app, policy(action="deny", on=["payroll"], when={"not": {"sign_in": [f"federated:{certified}"]}}))
    person = app.person(CertifiedWalk({"accountId": "bob", "amr": ["pwd"]}))
    person.sign_in()
    assert person.status("/payroll") == 200
    by_password(person, "bob")
    assert (person.status(), person.status("/payroll")) == (200, 403)


@pytest.mark.parametrize(("library", "expected"), [(AUTHLIB, 200), (SOCIAL_AUTH, 200), (FLASK_DANCE, 403)])
def test_policies_ask_for_what_it_named(make: Make, certified: str, library: str, expected: int) -> None:
    app = make(library, certified)
    put(app.app, policy(action="deny", on=["payroll"], when={"not": {"upstream_amr": ["otp"]}}))
    person = app.person(CertifiedWalk({**STRONG, "accountId": "bob"}))
    person.sign_in()
    assert (person.status(), person.status("/payroll")) == (200, expected)


@pytest.mark.parametrize("library", WITH_ID_TOKENS)
def test_what_was_proved_there_ends_with_the_sign_in(make: Make, certified: str, library: str) -> None:
    person = make(library, certified).person(CertifiedWalk(STRONG))
    person.sign_in()
    by_password(person)
    assert (person.status(), said_by(person)) == (401, (None, False))


def test_what_was_noted_dies_with_the_request(make: Make, certified: str) -> None:
    app = make(AUTHLIB, certified)
    app.space["login_user"] = lambda user: None
    person = app.person(CertifiedWalk(STRONG))
    assert (person.sign_in().status_code, person.status()) == (302, 401)
    by_password(person)
    assert (person.status(), said_by(person)) == (401, (None, False))


def test_claims_of_another_user_count_for_nobody(make: Make, certified: str) -> None:
    app = make(AUTHLIB, certified)
    app.space["login_user"] = lambda user: login_user(user_of("", "ann"))
    person = app.person(CertifiedWalk({**STRONG, "accountId": "bob"}))
    person.sign_in()
    assert (person.status(), said_by(person)) == (401, (None, False))


def test_an_account_that_is_connected_proves_nothing_by_it(make: Make, certified: str) -> None:
    app = make(SOCIAL_AUTH, certified)
    person = app.person(CertifiedWalk({**STRONG, "accountId": "eve"}))
    by_password(person, "bob")
    assert person.sign_in().location == "/"
    assert (person.client.get("/").text, said_by(person)) == ("bob", (None, False))


def lies_about_its_name(liar: Liar, name: str) -> None:
    liar.metadata, liar.claims = {"issuer": name}, {"iss": name}


def test_authlib_lets_no_other_issuer_in(make: Make, liar: Liar) -> None:
    app = make(AUTHLIB, liar.issuer)
    lies_about_its_name(liar, "https://other.example.org")
    person = app.person(liar.walk)
    assert (person.sign_in().status_code, person.status()) == (403, 401)


def test_social_auth_lets_no_other_issuer_in(make: Make, liar: Liar) -> None:
    app = make(SOCIAL_AUTH, liar.issuer)
    lies_about_its_name(liar, "https://other.example.org")
    person = app.person(liar.walk)
    with pytest.raises(AuthException, match="issuer"):
        person.sign_in()
    assert person.status() == 401


@pytest.mark.parametrize("library", [AUTHLIB, FLASK_DANCE])
def test_users_without_an_account_are_refused(make: Make, certified: str, library: str) -> None:
    person = make(library, certified).person(CertifiedWalk({**STRONG, "accountId": "nobody"}))
    assert (person.sign_in().status_code, person.status()) == (403, 401)


def test_social_auth_that_makes_no_accounts_finds_nobody(make: Make, certified: str) -> None:
    app = make(SOCIAL_AUTH, certified)
    app.app.config["SOCIAL_AUTH_PIPELINE"].remove("social_core.pipeline.user.create_user")
    person = app.person(CertifiedWalk({**STRONG, "accountId": "nobody"}))
    assert (person.sign_in().location, person.status()) == ("/", 401)


def test_a_user_who_declines_is_refused(make: Make, certified: str) -> None:
    person = make(AUTHLIB, certified).person(CertifiedWalk())
    state = query_of(person.leave())["state"]
    assert person.come_back(f"{BASE}/authorize?error=access_denied&state={state}").status_code == 403


def test_flask_dance_without_a_user_lets_nobody_in(make: Make, certified: str) -> None:
    app = make(FLASK_DANCE, certified)
    app.space["github"].scope = "profile"
    person = app.person(CertifiedWalk(STRONG))
    assert (person.sign_in().status_code, person.status()) == (403, 401)


def test_what_an_app_behind_asks_for_is_passed_on(make: Make, certified: str) -> None:
    person = make(AUTHLIB, certified).person(CertifiedWalk())
    asked = query_of(person.leave("/sign-in?prompt=login&max_age=300"))
    assert (asked["prompt"], asked["max_age"]) == ("login", "300")
