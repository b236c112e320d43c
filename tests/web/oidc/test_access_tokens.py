"""Views of the app that take access tokens of the provider (RFC 6750), and how they ask for more (RFC 9470)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, jsonify, request, session
from flask.views import MethodView
from flask_login import current_user, encode_cookie, login_required
from werkzeug.test import TestResponse

from flask_mfa_gate import ConfigError, MFAGate, Policy
from tests.conftest import Browser, Phone, StillClock, key_of, state_of
from tests.web.kit import hold_security_key
from tests.web.oidc.kit import SPA, RelyingParty, SecureBrowser, walk
from tests.web.oidc.step_up_client import INSUFFICIENT, StepUpClient, challenge_of
from tests.web.oidc.test_demands import prove
from tests.web.oidc.test_ends import ENDS

pytestmark = pytest.mark.pages
PAGE = {"Accept": "text/html"}
MFA, PHR = "https://refeds.org/profile/mfa", "phr"
FIVE_MINUTES = timedelta(minutes=5)


def with_views(app: Flask) -> Flask:
    """Views for programs beside those of the portal."""
    gate = MFAGate()

    @app.route("/pay", methods=["GET", "POST"])
    @login_required
    @gate.accept_access_tokens({"openid"})
    @gate.require_mfa(max_age=FIVE_MINUTES)
    def pay() -> Any:
        session["seen"] = "by a token"
        proved, token = gate.assurance(), gate.access_token()
        return jsonify(
            user=current_user.username, amr=proved and proved.amr, client=token and token.client.client_id,
            scopes=sorted(token.scopes) if token else None,
        )  # fmt: skip

    @app.get("/mail")
    @gate.accept_access_tokens(["email", "profile"])
    def mail() -> Any:
        return jsonify(user=current_user.username)

    @app.get("/within")
    @gate.accept_access_tokens({"openid"})
    def within() -> Any:
        with app.app_context():
            return jsonify(user=current_user.get_id())

    @app.get("/browsers-only")
    @gate.require_mfa()
    def browsers_only() -> Any:
        return "inside"

    return app


@pytest.fixture
def app(make_provider: Callable[..., Flask]) -> Flask:
    return with_views(make_provider())


def get(app: Flask, path: str, token: str | None = None, **options: Any) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {"Accept": "application/json"}
    return app.test_client().open(path, headers=headers, **options)


def code_of(answer: TestResponse) -> str:
    assert answer.mimetype == "application/problem+json", answer.text
    return str((answer.json or {})["code"])


def access_token(wiki: RelyingParty, browser: SecureBrowser, phone: Phone, username: str = "dave") -> str:
    browser.sign_in_with_code(username, phone)
    return str(wiki.tokens(browser)["access_token"])


def stepping_up(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> StepUpClient:
    def authorize(**asked: str) -> str:
        if browser.cookie() is None:
            browser.sign_in("dave")
            prove(browser, phone, clock)
        answer = walk(browser, wiki.send(browser, **asked))
        if answer.headers.get("Location") == "/mfa/challenge":
            answer = browser.get(prove(browser, phone, clock))
        return str((wiki.trade(wiki.told(answer)["code"]).json or {})["access_token"])

    return StepUpClient(lambda headers: app.test_client().get("/pay", headers=dict(headers)), authorize)


def test_a_client_that_knows_only_the_rfcs_steps_up_once(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    client = stepping_up(app, wiki, browser, phone, clock)
    assert client.get().json == {
        "user": "dave", "amr": ["pwd", "otp", "mfa"], "client": "wiki", "scopes": ["email", "groups", "openid", "profile"],
    }  # fmt: skip
    assert client.asked == [{}], "without a token it hears of no error"
    clock.forward(minutes=4)
    assert client.get().status_code == 200
    clock.forward(minutes=2)
    assert client.get().status_code == 200
    assert client.asked[1:] == [{"acr_values": MFA, "max_age": "300"}]


def test_it_gives_up_where_its_new_token_is_no_better(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    client = stepping_up(app, wiki, browser, phone, clock)
    client.token = client.authorize()
    clock.forward(minutes=6)
    client.authorize = lambda **_: str(client.token)  # type: ignore[method-assign]
    answer = client.get()
    assert challenge_of(answer).parameters == {"error": INSUFFICIENT, "acr_values": MFA, "max_age": "300"}
    assert (code_of(answer), len(client.asked)) == ("mfa_step_up_required", 1)


def test_without_a_token_the_scheme_alone_is_named(app: Flask) -> None:
    answer = get(app, "/pay")
    assert (answer.status_code, answer.headers["WWW-Authenticate"], code_of(answer)) == (
        401,
        "Bearer",
        "sign_in_required",
    )


def test_what_is_no_token_or_no_access_token_is_invalid(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    browser.sign_in_with_code("dave", phone)
    tokens = wiki.tokens(browser)
    for sent in ("unknown", "x" * 10_000, tokens["refresh_token"], tokens["id_token"]):
        answer = get(app, "/pay", sent)
        assert (answer.status_code, challenge_of(answer).parameters) == (401, {"error": "invalid_token"}), sent
    assert get(app, "/pay", tokens["access_token"]).status_code == 200
    in_address = app.test_client().get(
        f"/pay?access_token={tokens['access_token']}", headers={"Accept": "application/json"}
    )
    by_another_scheme = app.test_client().get("/pay", headers={"Authorization": f"DPoP {tokens['access_token']}"})
    for answer in (in_address, by_another_scheme):
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_token_ends_by_itself(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    token = access_token(wiki, browser, phone)
    clock.now += state_of(app).settings.oidc_lifetimes.access
    assert challenge_of(get(app, "/api/me", token)).parameters == {"error": "invalid_token"}


@pytest.mark.parametrize("act", ENDS)
def test_a_token_ends_with_what_it_rests_on(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, act: Any
) -> None:
    token = access_token(wiki, browser, phone)
    assert get(app, "/api/me", token).json["username"] == "dave"  # type: ignore[index]
    with app.app_context():
        act(app, browser)
    answer = get(app, "/api/me", token)
    assert (answer.status_code, code_of(answer)) == (401, "invalid_token")


def test_only_marked_views_take_one(app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone) -> None:
    token = access_token(wiki, browser, phone)
    for path in ("/", "/payroll", "/browsers-only"):
        assert get(app, path, token).status_code in {302, 401}, path


def test_scopes_limit_what_a_client_may_do(app: Flask, browser: SecureBrowser, phone: Phone) -> None:
    browser.sign_in_with_code("dave", phone)
    wide, narrow = RelyingParty(app), RelyingParty(app, scope="openid email")
    assert get(app, "/mail", wide.tokens(browser)["access_token"]).status_code == 200
    answer = get(app, "/mail", narrow.tokens(browser)["access_token"])
    assert (answer.status_code, code_of(answer)) == (403, "insufficient_scope")
    assert challenge_of(answer).parameters == {"error": "insufficient_scope", "scope": "email profile"}


def test_a_session_makes_no_token_stronger(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    token = access_token(wiki, browser, phone)
    clock.forward(minutes=6)
    assert browser.get("/pay", headers={"Accept": "application/json"}).status_code == 401
    assert walk(browser, browser.get("/pay", headers=PAGE)).headers["Location"] == "/mfa/challenge"
    prove(browser, phone, clock)
    assert browser.get("/pay").status_code == 200
    answer = browser.get("/pay", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, code_of(answer)) == (401, "mfa_step_up_required")
    assert browser.get("/pay").status_code == 200, "and the session is as it was"


def test_of_two_users_the_one_of_the_token_counts_and_the_session_stays(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    token, other = access_token(wiki, browser, phone), SecureBrowser(app)
    other.sign_in("frank")
    for method in ("GET", "POST"):
        answer = other.client.open("/pay", method=method, headers={"Authorization": f"Bearer {token}"})
        assert (answer.json or {})["user"] == "dave"
    assert (other.get("/api/me").json or {})["username"] == "frank"


def test_a_pending_sign_in_beside_it_stays_pending(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    token, other = access_token(wiki, browser, phone), SecureBrowser(app)
    other.sign_in("dave")
    assert other.get("/pay", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert not other.is_in()


def test_tokens_in_general_being_exempt_makes_no_token_stronger(
    make_provider: Any, phone: Phone, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from example_app import load_user

    app = with_views(make_provider(MFA_GATE_TOKENS="exempt"))
    # An app that looks such tokens up by itself too, and would name their user.
    by_header = lambda asked: load_user("4") if "Authorization" in asked.headers else None  # noqa: E731
    monkeypatch.setattr(app.login_manager, "_request_callback", by_header)
    token = access_token(RelyingParty(app), SecureBrowser(app), phone)
    clock.forward(minutes=6)
    assert code_of(get(app, "/pay", token)) == "mfa_step_up_required"


def test_a_sign_in_without_a_factor_opens_no_view_that_asks_for_one(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser
) -> None:
    browser.sign_in("frank")
    token = wiki.tokens(browser)["access_token"]
    assert get(app, "/api/me", token).json["username"] == "frank"  # type: ignore[index]
    assert (code_of(get(app, "/pay", token)), get(app, "/pay", token).status_code) == ("mfa_enrollment_required", 403)


@pytest.mark.parametrize("resource", ["app", "client:wiki"])
def test_policies_are_asked_with_each_use(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock, resource: str
) -> None:
    token = access_token(wiki, browser, phone)
    policy = {
        "name": "fresh", "state": "on", "users": {"include": ["user:4"]}, "resources": [resource],
        "effect": {"action": "require", "max_age": 120},
    }  # fmt: skip
    with app.app_context():
        state_of(app).access.policies.save(Policy.from_document(policy), actor="cli")
    assert get(app, "/api/me", token).status_code == 200
    clock.forward(minutes=3)
    answer = get(app, "/api/me", token)
    assert challenge_of(answer).parameters == {"error": INSUFFICIENT, "acr_values": MFA, "max_age": "120"}


def test_a_client_that_was_stopped_opens_nothing_more(app: Flask, browser: SecureBrowser, phone: Phone) -> None:
    clients = state_of(app).oidc.clients  # type: ignore[union-attr]
    with app.app_context():
        clients.add({**SPA, "client_id": "notes"}, actor="cli")
    spa = RelyingParty(app, client_id="notes", redirect_uri=SPA["redirect_uris"][0], secret=None)
    token = access_token(spa, browser, phone)
    assert get(app, "/api/me", token).status_code == 200
    with app.app_context():
        clients.set_enabled("notes", enabled=False, actor="cli")
    assert challenge_of(get(app, "/api/me", token)).parameters == {"error": "invalid_token"}


def test_the_strength_is_asked_for_in_the_words_of_the_provider(
    make_provider: Any, phone: Phone, clock: StillClock
) -> None:
    app, gate = make_provider(MFA_GATE_ACR={"mfa": "urn:two"}, MFA_GATE_FACTORS=["totp", "webauthn"]), MFAGate()
    demands = {"/any": (), "/key": {"webauthn"}, "/both": {"webauthn", "totp"}}
    for path, factors in demands.items():
        view = gate.require_mfa(FIVE_MINUTES, factors)(lambda: "inside")
        app.add_url_rule(path, path, gate.accept_access_tokens({"openid"})(view))
    from tests.web.kit import hold_security_key

    hold_security_key(app, "dave")
    token = access_token(RelyingParty(app), SecureBrowser(app), phone)
    clock.forward(minutes=6)
    told = {path: challenge_of(get(app, path, token)).parameters["acr_values"] for path in demands}
    assert told == {"/any": "urn:two", "/key": PHR, "/both": "urn:two"}


def test_the_decision_may_come_last(make_provider: Any, phone: Phone) -> None:
    app = with_views(make_provider(MFA_GATE_DECIDE="last"))
    token = access_token(RelyingParty(app), SecureBrowser(app), phone)
    assert get(app, "/pay", token).json["user"] == "dave"  # type: ignore[index]
    assert get(app, "/pay", "unknown").status_code == 401
    assert get(app, "/browsers-only", token).status_code == 401


def test_a_view_writes_into_nobodys_session(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    answer = get(app, "/pay", access_token(wiki, browser, phone), method="POST")
    assert (answer.status_code, (answer.json or {})["user"]) == (200, "dave")
    assert "mfa_gate" not in answer.headers.get("Set-Cookie", "")


@pytest.mark.parametrize("scopes", [(), None, "profile", {"profil"}, {"payroll"}])
def test_a_mark_names_scopes_of_the_provider(scopes: Any) -> None:
    with pytest.raises(ConfigError, match="accept_access_tokens"):
        MFAGate().accept_access_tokens(scopes)


def test_without_a_provider_the_mark_only_wants_somebody(make_app: Callable[..., Flask]) -> None:
    app = with_views(make_app())
    assert get(app, "/mail", "x").headers["WWW-Authenticate"] == "Bearer"
    browser = Browser(app)
    browser.sign_in("frank")
    assert browser.get("/mail").status_code == 200


@pytest.mark.parametrize("decide", ["first", "last"])
@pytest.mark.parametrize("where", ["hook", "decorator", "view"])
def test_it_proves_nothing_of_a_user_whom_the_app_shows_beside_it(
    make_provider: Any, phone: Phone, decide: str, where: str
) -> None:
    from example_app import load_user

    app, gate, done = make_provider(MFA_GATE_DECIDE=decide, MFA_GATE_FACTORS=["totp", "webauthn"]), MFAGate(), []

    def show(at: str) -> None:
        if request.headers.get("X-Show") == at:
            app.login_manager._update_request_context_with_user(load_user(key_of(app, "erin")))

    def act() -> Any:
        show("decorator")
        if (answer := gate.ensure()) is not None:
            return answer
        done.append(current_user.username)
        show("view")
        return "done"

    app.before_request(lambda: show("hook"))
    app.add_url_rule("/act", "act", gate.accept_access_tokens({"openid"})(act), methods=["POST"])
    hold_security_key(app, "erin")
    token = access_token(RelyingParty(app), SecureBrowser(app), phone)
    assert get(app, "/act", token, method="POST").text == "done"
    answer = app.test_client().post("/act", headers={"Authorization": f"Bearer {token}", "X-Show": where})
    if (where, decide) == ("hook", "last"):
        assert done == ["dave", "dave"], "the token is looked at after the hook, and has the last word"
    else:
        assert (answer.status_code, code_of(answer)) == (401, "mfa_challenge_required")


def test_a_method_of_a_class_asks_for_more_scopes(app: Flask, browser: SecureBrowser, phone: Phone) -> None:
    gate = MFAGate()

    @gate.accept_access_tokens({"openid"})
    class Notes(MethodView):
        def get(self) -> str:
            return "notes"

        @gate.accept_access_tokens({"groups"})
        def post(self) -> str:
            return "kept"

    app.add_url_rule("/notes", view_func=Notes.as_view("notes"))
    browser.sign_in_with_code("dave", phone)
    wide, narrow = (RelyingParty(app, scope=scope).tokens(browser) for scope in ("openid groups", "openid email"))
    assert get(app, "/notes", wide["access_token"], method="POST").text == "kept"
    assert get(app, "/notes", narrow["access_token"]).text == "notes"
    answer = get(app, "/notes", narrow["access_token"], method="POST")
    assert (answer.status_code, challenge_of(answer).parameters["scope"]) == (403, "groups openid")


def test_one_method_of_a_class_that_takes_none_otherwise(make_provider: Any, phone: Phone) -> None:
    app, gate = make_provider(), MFAGate()

    class Notes(MethodView):
        @gate.accept_access_tokens({"groups"})
        def get(self) -> str:
            return f"notes of {current_user.username}"

        def post(self) -> str:
            return str(current_user.is_authenticated)

    app.add_url_rule("/notes", view_func=Notes.as_view("notes"))
    browser = SecureBrowser(app)
    browser.sign_in_with_code("dave", phone)
    wide, narrow = (
        RelyingParty(app, scope=scope).tokens(browser)["access_token"] for scope in ("openid groups", "openid email")
    )
    assert get(app, "/notes", wide).text == "notes of dave"
    assert get(app, "/notes", wide, method="HEAD").status_code == 200
    assert challenge_of(get(app, "/notes", narrow)).parameters["scope"] == "groups"
    assert get(app, "/notes", wide, method="POST").text == "False"
    bare = app.test_client().get("/notes", headers={"Accept": "application/json"})
    assert (bare.status_code, bare.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(("path", "status"), [("/mail", 403), ("/browsers-only", 403), ("/api/me", 200)])
def test_a_hook_that_leads_elsewhere_takes_no_token_along(
    make_provider: Any, phone: Phone, path: str, status: int
) -> None:
    app = with_views(make_provider())

    @app.before_request
    def forward() -> None:
        if "X-Forward" in request.headers:
            adapter = app.create_url_adapter(request)
            assert adapter is not None
            request.url_rule, found = adapter.match(path, return_rule=True)
            request.view_args = dict(found)

    token = access_token(RelyingParty(app, scope="openid profile"), SecureBrowser(app), phone)
    headers = {"Authorization": f"Bearer {token}", "X-Forward": "yes"}
    assert app.test_client().get("/pay", headers=headers).status_code == status


def test_a_context_within_its_request_knows_nobody_by_a_cookie_beside_it(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    token, client = access_token(wiki, browser, phone), app.test_client()
    with app.app_context():
        client.set_cookie("remember_token", encode_cookie(key_of(app, "frank")))
    answer = client.get("/within", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json) == (200, {"user": None})
