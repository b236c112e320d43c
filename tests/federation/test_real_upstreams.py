"""The same roads with providers that know nothing of these tests: ``oidc-provider`` from npm, and the product's own."""

from __future__ import annotations

import time

import pytest
import requests

from tests.federation.kit import MFA, App, Liar, query_of
from tests.federation.test_apps_behind import PROVIDER, ask, sent_back, told
from tests.federation.upstreams import CertifiedWalk, PortalWalk

STEP_UP = "/mfa/sign-in/id?step_up=1"
STRONG = {"accountId": "ann", "amr": ["pwd", "otp", "mfa"], "acr": MFA}


@pytest.mark.parametrize(("trust", "expected"), [("never", 401), ("when-proved", 200)])
def test_two_factors_at_a_certified_provider(certified: str, trust: str, expected: int) -> None:
    app = App(certified, trust)
    app.enroll("ann")
    person = app.person(CertifiedWalk(STRONG))
    assert person.sign_in().status_code == 303
    assert (person.status(), app.asked) == (expected, [(certified, "ann")])


def test_step_up_goes_back_to_it(certified: str) -> None:
    app, walk = App(certified), CertifiedWalk()
    person = app.person(walk)
    person.sign_in()
    assert (person.status(), person.status("/fresh")) == (200, 401)
    person.client.get("/fresh")
    walk.login = STRONG
    url = person.leave(STEP_UP)
    assert query_of(url)["acr_values"] == MFA
    assert person.come_back(walk(url)).location == "/fresh"
    assert person.status("/fresh") == 200
    assert walk.asked == [["no_session", "max_age"], ["weak_session"]]


def test_an_act_is_proved_there_each_time(certified: str) -> None:
    walk = CertifiedWalk(STRONG)
    person = App(certified).person(walk)
    person.sign_in()
    person.client.get("/transfer")
    person.sign_in(STEP_UP)
    assert [person.client.post("/transfer").status_code for _ in range(2)] == [200, 403]
    assert "login_prompt" in walk.asked[1]


def test_step_up_that_it_does_not_reach_ends_in_a_sentence(certified: str) -> None:
    walk = CertifiedWalk()
    person = App(certified).person(walk)
    person.sign_in()
    person.client.get("/fresh")
    assert person.sign_in(STEP_UP).status_code == 403
    assert person.client.get("/fresh").location == "/mfa/enroll"
    assert len(walk.asked) == 2


def test_an_app_that_wants_a_new_sign_in_gets_one_of_there(certified: str) -> None:
    walk = CertifiedWalk()
    person = App(certified, "never", **PROVIDER).person(walk)
    person.sign_in()
    page = ask(person, prompt="login").location
    time.sleep(1)  # Of one second, two sign-ins there have one time.
    assert person.come_back(walk(sent_back(person, page))).location == page
    assert "code" in told(person.client.get(page))
    assert "login_prompt" in walk.asked[1]


def test_its_answer_counts_once(certified: str) -> None:
    person = App(certified).person(CertifiedWalk(STRONG))
    link = person.app.person(CertifiedWalk(STRONG)).walk(person.leave())
    with person.client.session_transaction() as kept:
        before = dict(kept)
    assert person.come_back(link).status_code == 303
    with person.client.session_transaction() as kept:
        kept.update(before)
    assert person.come_back(link).status_code == 401, "the cookie was put back; the provider takes no code twice"


def test_its_tokens_do_not_sign_in_elsewhere(certified: str, liar: Liar) -> None:
    """Another provider replays a token that the certified one has signed."""
    metadata = requests.get(f"{certified}/.well-known/openid-configuration", timeout=20).json()
    liar.metadata, liar.claims = {"jwks_uri": metadata["jwks_uri"]}, {"iss": certified}
    app = App(liar.issuer, "always")
    person = app.person(liar.walk)
    assert (person.sign_in().status_code, person.status(), app.asked) == (401, 401, [])


@pytest.mark.parametrize(("trust", "expected"), [("never", 401), ("when-proved", 200)])
def test_two_factors_at_another_gate(portal: str, dave: PortalWalk, trust: str, expected: int) -> None:
    app = App(portal, trust)
    app.enroll("4")
    person = app.person(dave)
    person.sign_in()
    assert (person.status(), app.asked, dave.codes) == (expected, [(portal, "4")], 1)


def test_one_factor_at_another_gate_is_one_here(portal: str) -> None:
    app, walk = App(portal), PortalWalk(portal, username="frank")
    person = app.person(walk)
    person.sign_in()
    assert (person.status(), person.status("/fresh"), walk.codes) == (200, 401, 0)
    found = person.claims_of_session().assurance.upstream
    assert (found.issuer, found.amr, found.is_multi_factor) == (portal, ("pwd",), False)


def test_the_other_gate_names_itself_in_each_answer(portal: str, dave: PortalWalk) -> None:
    person = App(portal).person(dave)
    link = dave(person.leave())
    assert query_of(link)["iss"] == portal
    assert person.come_back(link.replace("&iss=", "&was=")).status_code == 401


def test_an_issuer_that_moved_is_another_one(portal: str) -> None:
    moved = portal.replace("127.0.0.1", "localhost")
    assert App(moved).app.test_client().get("/mfa/sign-in/id").status_code in {401, 503}
