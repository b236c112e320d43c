"""A stronger or younger proof is asked of the provider that signed the user in, where it is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flask_mfa_gate import Policy
from tests.conftest import JSON, state_of
from tests.federation.kit import MFA, App, Liar, Person, query_of

STEP_UP = "/mfa/sign-in/id?step_up=1"


def seconds(**ago: float) -> int:
    return int((datetime.now(UTC) - timedelta(**ago)).timestamp())


def require(app: App, **effect: Any) -> None:
    document = {"name": "p", "state": "on", "users": {"include": ["all"]}, "effect": {"action": "require", **effect}}
    with app.app.app_context():
        app.gate.policies.save(Policy.from_document(document), actor="cli")


def signed_in(app: App, liar: Liar, **claims: Any) -> Person:
    liar.claims = claims
    person = app.person(liar.walk)
    person.sign_in()
    return person


def test_a_sign_in_that_needs_more_is_sent_back_for_it(liar: Liar) -> None:
    app = App(liar.issuer)
    require(app)
    person = signed_in(app, liar, amr=["pwd"])
    page = person.client.get("/mfa/challenge")
    assert (page.status_code, "Verify with Example ID" in page.text) == (200, True)
    url = person.leave(STEP_UP)
    assert query_of(url)["acr_values"] == MFA
    liar.claims = {"acr": MFA, "amr": ["pwd", "otp"]}
    assert person.come_back(liar.walk(url)).status_code == 303
    assert person.status() == 200


def test_the_page_that_was_wanted_comes_after_it(liar: Liar) -> None:
    app = App(liar.issuer)
    require(app)
    liar.claims = {"amr": ["pwd"]}
    person = app.person(liar.walk)
    person.sign_in("/mfa/sign-in/id?next=/payroll")
    liar.claims = {}
    assert person.sign_in(STEP_UP).location == "/payroll"


def test_a_resource_that_wants_a_younger_proof_is_sent_back_for_it(liar: Liar) -> None:
    app = App(liar.issuer)
    person = signed_in(app, liar, auth_time=seconds(minutes=20))
    assert (person.status(), person.status("/fresh")) == (200, 401)
    assert person.client.get("/fresh").location == "/mfa/challenge"
    url = person.leave(STEP_UP)
    assert query_of(url)["max_age"] == "300"
    liar.claims = {}
    assert person.come_back(liar.walk(url)).location == "/fresh"
    assert person.status("/fresh") == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"auth_time": seconds(minutes=20)},
        {"auth_time": None},
        {"auth_time": "now"},
        {"amr": ["pwd"]},
        {"amr": None},
        {"amr": "mfa"},
    ],
)
def test_an_answer_that_is_not_enough_ends_in_a_sentence_and_is_not_asked_for_again(
    liar: Liar, claims: dict[str, Any]
) -> None:
    app = App(liar.issuer)
    person = signed_in(app, liar, auth_time=seconds(minutes=20))
    person.client.get("/fresh")
    liar.claims = claims
    answer = person.sign_in(STEP_UP)
    assert (answer.status_code, "did not confirm what this page needs" in answer.text) == (403, True)
    assert person.client.get("/fresh").location == "/mfa/enroll", "the gate's own factors are left"
    assert person.client.get(STEP_UP).status_code == 400
    assert person.status() == 200, "what was proved before still counts"


def test_one_who_holds_a_factor_here_verifies_here_after_that(liar: Liar) -> None:
    app = App(liar.issuer)
    app.enroll("ann")
    person = signed_in(app, liar, amr=["pwd"])
    page = person.client.get("/mfa/challenge")
    assert "Enter your code" in page.text
    assert "Verify with Example ID" in page.text
    assert person.sign_in(STEP_UP).status_code == 403
    assert "Verify with Example ID" not in person.client.get("/mfa/challenge").text
    token = person.client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    person.client.post("/mfa/challenge", data={"csrf_token": token, "code": app.phone.code()})
    assert person.status() == 200


def test_an_act_that_takes_a_proof_of_its_own(liar: Liar) -> None:
    app = App(liar.issuer)
    person = signed_in(app, liar)
    assert person.client.get("/transfer").location == "/mfa/challenge"
    url = person.leave(STEP_UP)
    assert (query_of(url)["max_age"], query_of(url)["prompt"]) == ("0", "login")
    person.come_back(liar.walk(url))
    assert [person.client.post("/transfer", headers=JSON).status_code for _ in range(2)] == [200, 401]


@pytest.mark.parametrize("ago", [20, 90])
def test_an_act_takes_no_proof_from_before_it_was_asked_for(liar: Liar, ago: int) -> None:
    app = App(liar.issuer)
    at = seconds(seconds=ago)
    person = signed_in(app, liar, auth_time=at)
    person.client.get("/transfer")
    liar.claims = {"auth_time": at}
    assert person.sign_in(STEP_UP).status_code == 403
    assert person.status("/transfer") in {401, 403}


@pytest.mark.parametrize("holds_factor", [False, True])
def test_who_acts_as_another_user_proves_it_there_and_still_acts(liar: Liar, *, holds_factor: bool) -> None:
    app = App(liar.issuer)
    if holds_factor:
        app.enroll("bob")
    person = signed_in(app, liar, auth_time=seconds(minutes=4))
    assert person.client.post("/act-as/bob").text == "acting"
    app.clock.ahead = timedelta(minutes=2)
    assert person.client.get("/fresh").location == "/mfa/challenge"
    assert "Verify with Example ID" in person.client.get("/mfa/challenge").text
    liar.claims = {"auth_time": seconds(minutes=-2)}
    assert person.sign_in(STEP_UP).location == "/fresh"
    assert (person.client.get("/me").text, person.status("/fresh")) == ("bob", 200)
    assert person.client.get("/transfer").location == "/mfa/challenge"
    liar.claims = {"auth_time": seconds(minutes=-2, seconds=-2)}
    person.sign_in(STEP_UP)
    assert [person.client.post("/transfer", headers=JSON).status_code for _ in range(2)] == [200, 401]
    liar.claims = {"sub": "bob"}
    person.client.get("/transfer")
    assert person.sign_in(STEP_UP).status_code in {401, 403}, "the user's own proof is not the actor's"


@pytest.mark.parametrize("signs_in_between", [False, True])
def test_one_proof_is_good_for_one_act(liar: Liar, *, signs_in_between: bool) -> None:
    app = App(liar.issuer)
    person = signed_in(app, liar, auth_time=seconds(minutes=20))
    liar.claims, answers = {"auth_time": seconds()}, []
    for _ in range(2):
        if signs_in_between:
            person.sign_in()
        person.client.get("/transfer")
        person.sign_in(STEP_UP)
        answers.append(person.client.post("/transfer", headers=JSON).status_code)
    assert answers == [200, 403], "asked for a factor of their own"


def test_one_proof_is_good_for_one_act_also_by_a_clock_that_is_ahead(liar: Liar) -> None:
    app = App(liar.issuer)
    person = signed_in(app, liar, auth_time=seconds(minutes=20))
    at, answers = seconds(seconds=-40), []
    for later in (0, 10):
        liar.claims = {"auth_time": at, "iat": at + later}
        person.client.get("/transfer")
        person.sign_in(STEP_UP)
        answers.append(person.client.post("/transfer", headers=JSON).status_code)
    assert answers == [200, 403]


def test_a_proof_that_another_tab_asked_for_is_none_for_an_act(liar: Liar) -> None:
    app = App(liar.issuer)
    person = signed_in(app, liar, auth_time=seconds(minutes=20))
    person.client.get("/fresh")
    url = person.leave(STEP_UP)
    person.client.get("/transfer")
    liar.claims = {"auth_time": seconds(minutes=4)}
    assert person.come_back(liar.walk(url)).location == "/fresh"
    assert (person.status("/fresh"), person.client.post("/transfer", headers=JSON).status_code) == (200, 401)


def test_signing_in_there_again_is_no_proof_for_an_act(liar: Liar) -> None:
    app = App(liar.issuer)
    person = signed_in(app, liar)
    person.client.get("/transfer")
    person.sign_in()
    assert person.status("/transfer") == 401


def test_the_proof_of_somebody_else_raises_no_session(liar: Liar) -> None:
    app = App(liar.issuer)
    person = signed_in(app, liar, auth_time=seconds(minutes=20))
    person.client.get("/fresh")
    liar.claims = {"sub": "bea"}
    assert person.sign_in(STEP_UP).status_code == 401
    assert (person.status("/fresh"), person.claims_of_session().user_key) == (401, "ann")


def test_nor_does_a_proof_that_another_session_asked_for(liar: Liar) -> None:
    app = App(liar.issuer)
    person = signed_in(app, liar, auth_time=seconds(minutes=20))
    person.client.get("/fresh")
    link = liar.walk(person.leave(STEP_UP))
    other = signed_in(app, liar, sub="ann", auth_time=seconds(minutes=20))
    with person.client.session_transaction() as mine, other.client.session_transaction() as theirs:
        theirs.update({name: value for name, value in mine.items() if name.startswith("_state_")})
    assert (other.come_back(link).status_code, other.status("/fresh")) == (401, 401)


@pytest.mark.parametrize("trust", ["never"])
def test_a_provider_that_is_not_believed_is_not_asked(liar: Liar, trust: str) -> None:
    app = App(liar.issuer, trust)
    app.enroll("ann")
    person = signed_in(app, liar)
    assert "Verify with" not in person.client.get("/mfa/challenge").text
    assert person.client.get(STEP_UP).status_code == 400


def test_a_demand_for_a_factor_by_name_is_met_here(liar: Liar) -> None:
    app = App(liar.issuer)
    require(app, factors=["totp"])
    person = signed_in(app, liar)
    assert person.client.get("/").location == "/mfa/enroll"
    app.enroll("ann")
    assert "Verify with Example ID" not in person.client.get("/mfa/challenge").text
    assert person.client.get(STEP_UP).status_code == 400


def test_nobody_is_sent_there_without_a_session(liar: Liar) -> None:
    assert App(liar.issuer).app.test_client().get(STEP_UP).status_code == 400


def test_a_forced_setup_is_not_done_elsewhere(liar: Liar) -> None:
    app = App(liar.issuer)
    with app.app.app_context():
        app.gate.enrollments.require("ann", days=0, actor="cli")
    assert signed_in(app, liar).client.get("/").location == "/mfa/enroll"


def test_a_program_is_told_where_its_user_goes_on(liar: Liar) -> None:
    app = App(liar.issuer)
    person = signed_in(app, liar, auth_time=seconds(minutes=20))
    answer = person.client.get("/fresh", headers=JSON)
    assert (answer.status_code, (answer.json or {})["continue_url"]) == (401, "/mfa/challenge")
    assert (answer.json or {})["factors"] == ["totp"]


def test_an_issuer_that_was_changed_in_the_settings_is_no_longer_believed(liar: Liar) -> None:
    app = App(liar.issuer)
    app.enroll("ann")
    person = signed_in(app, liar)
    assert person.status() == 200
    state_of(app.app).rules.trust.by_issuer.clear()  # type: ignore[attr-defined]
    assert person.status() == 401


def test_what_a_provider_calls_a_stronger_proof_is_believed_of_that_provider(liar: Liar) -> None:
    app = App(liar.issuer, upstream={"acr_values": ["gold"]})
    app.enroll("ann")
    assert signed_in(app, liar, amr=None, acr="gold").status() == 200
    assert signed_in(app, liar, amr=None, acr="silver").status() == 401
    other = App("https://id.example.org", upstream={"acr_values": ["gold"]})
    with other.app.test_request_context():
        settings = state_of(other.app).settings
        assert "gold" not in settings.strong_acr(liar.issuer)
