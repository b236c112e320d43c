"""What ends an app's access at once, and what it may still do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate import Policy
from flask_mfa_gate.errors import NotAllowed
from tests.conftest import Browser, Phone, StillClock
from tests.web.oidc.kit import CALLBACK, RelyingParty, SecureBrowser, rows

pytestmark = pytest.mark.pages


def gate_of(app: Flask) -> Any:
    return app.extensions["mfa_gate"].gate


def sign_out(app: Flask, browser: Browser) -> None:
    browser.send("/mfa/sign-out")


def sign_out_of_app(app: Flask, browser: Browser) -> None:
    browser.get("/logout")
    browser.client.post("/logout")


def reset(app: Flask, browser: Browser) -> None:
    gate_of(app).enrollments.reset("4", actor="cli")


def revoke(app: Flask, browser: Browser) -> None:
    from flask_mfa_gate.services.sign_in.endings import revoke_all
    from tests.conftest import state_of

    state_of(app).worker.run(lambda work: (work.lock_users("4"), revoke_all(work, ["4"])))


def disable(app: Flask, browser: Browser) -> None:
    change_user(enabled=False)


def change_password(app: Flask, browser: Browser) -> None:
    change_user(password_hash="another")


def change_user(**columns: Any) -> None:
    from example_app.models import User, db

    user = db.session.get(User, 4)
    for name, value in columns.items():
        setattr(user, name, value)
    db.session.commit()


def delete(app: Flask, browser: Browser) -> None:
    from example_app.models import User, db

    db.session.delete(db.session.get(User, 4))
    db.session.commit()


def deny(app: Flask, browser: Browser) -> None:
    close_wiki_to(app, "user:4")


def close_wiki_to(app: Flask, whom: str) -> None:
    gate_of(app).policies.save(Policy.from_document({
        "name": "no wiki", "state": "on", "users": {"include": [whom]}, "resources": ["client:wiki"], "effect": {"action": "deny"},
    }), actor="cli")  # fmt: skip


def join_a_denied_group(app: Flask, browser: Browser) -> None:
    close_wiki_to(app, "group:contractors")
    change_user(group="contractors")


def lose_factor(app: Flask, browser: Browser) -> None:
    gate_of(app).enrollments.revoke_factor("4", kind="totp", actor="cli")


def end_grants(app: Flask, browser: Browser) -> None:
    assert gate_of(app).oidc.connections.revoke(user_key="4", actor="cli") >= 1


def forget(app: Flask, browser: Browser) -> None:
    gate_of(app).users.forget("4", actor="cli")


@pytest.mark.parametrize("key", ["4", "7", "8"])
def test_only_an_admin_signs_everybody_out_of_an_app(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, key: str
) -> None:
    """Neither a user, nor the help desk, nor an auditor."""
    browser.sign_in_with_code("dave", phone)
    tokens = wiki.tokens(browser)
    with app.app_context(), pytest.raises(NotAllowed):
        gate_of(app).oidc.connections.revoke_client("wiki", actor=f"user:{key}")
    assert wiki.userinfo(tokens["access_token"]).status_code == 200


ENDS = [
    sign_out, reset, revoke, disable, change_password, delete, deny, end_grants, join_a_denied_group, lose_factor,
]  # fmt: skip
Act = Callable[[Flask, Browser], None]


@pytest.mark.parametrize("act", ENDS)
def test_an_apps_access_ends_at_once(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, act: Act
) -> None:
    browser.sign_in_with_code("dave", phone)
    tokens, code = wiki.tokens(browser), wiki.code(browser)
    with app.app_context():
        act(app, browser)
    assert wiki.userinfo(tokens["access_token"]).status_code == 401
    assert (wiki.refresh(tokens["refresh_token"]).json or {})["error"] == "invalid_grant"
    assert (wiki.trade(code).json or {})["error"] == "invalid_grant"


@pytest.mark.parametrize("act", [one for one in ENDS if one is not sign_out])
def test_so_does_offline_access_with_all_but_a_sign_out(
    app: Flask, browser: SecureBrowser, phone: Phone, act: Act
) -> None:
    wiki = RelyingParty(app, scope="openid offline_access")
    browser.sign_in_with_code("dave", phone)
    tokens = offline_tokens(wiki, browser)
    with app.app_context():
        act(app, browser)
    assert wiki.userinfo(tokens["access_token"]).status_code == 401
    assert (wiki.refresh(tokens["refresh_token"]).json or {})["error"] == "invalid_grant"


def offline_tokens(wiki: RelyingParty, browser: SecureBrowser) -> dict[str, Any]:
    kept = wiki.send(browser, prompt="consent").headers["Location"]
    assert "Keep this access while you" in browser.get(kept).text
    told = wiki.told(browser.get(browser.send(kept, act="consent").headers["Location"]))
    tokens = dict(wiki.trade(told["code"]).json or {})
    assert tokens["scope"] == "openid offline_access"
    return tokens


def test_offline_access_outlives_a_sign_out_and_has_an_end(
    app: Flask, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    wiki = RelyingParty(app, scope="openid offline_access")
    browser.sign_in_with_code("dave", phone)
    tokens = offline_tokens(wiki, browser)
    browser.send("/mfa/sign-out")
    token = tokens["refresh_token"]
    for _ in range(2):
        clock.forward(days=13)
        answer = wiki.refresh(token)
        assert answer.status_code == 200, answer.text
        token = (answer.json or {})["refresh_token"]
    clock.forward(days=4, hours=1)
    assert (wiki.refresh(token).json or {})["error"] == "invalid_grant"


def test_without_being_asked_for_it_nobody_gives_offline_access(
    app: Flask, browser: SecureBrowser, phone: Phone
) -> None:
    wiki = RelyingParty(app, scope="openid offline_access")
    browser.sign_in_with_code("dave", phone)
    tokens = wiki.tokens(browser)
    assert tokens["scope"] == "openid"
    browser.send("/mfa/sign-out")
    assert (wiki.refresh(tokens["refresh_token"]).json or {})["error"] == "invalid_grant"


def test_offline_access_that_is_taken_back_before_the_code_is_asked_for_again(
    app: Flask, browser: SecureBrowser, phone: Phone
) -> None:
    """Also by an app whose users agree to everything else unasked."""
    wiki = RelyingParty(app, scope="openid offline_access")
    browser.sign_in_with_code("dave", phone)
    kept = wiki.send(browser, prompt="consent").headers["Location"]
    browser.send(kept, act="consent")
    browser.send("/mfa/apps/wiki/disconnect")
    assert "Keep this access while you" in browser.get(kept).text
    assert rows(app, "oidc_grant") == 0


def test_a_lapse_ends_it(app: Flask, wiki: RelyingParty, browser: SecureBrowser, clock: StillClock) -> None:
    with app.app_context():
        gate_of(app).enrollments.require("6", days=1, actor="cli")
    browser.sign_in("frank")
    browser.send("/mfa/enroll/later")
    tokens = wiki.tokens(browser)
    assert wiki.userinfo(tokens["access_token"]).status_code == 200
    with app.app_context():
        gate_of(app).enrollments.require("6", days=1, actor="cli", renew=True)
    clock.forward(minutes=9)
    from tests.conftest import state_of

    with state_of(app).store.database.write() as tx:
        from sqlalchemy import update

        table = state_of(app).store.tables.enrollment
        tx.execute(update(table).where(table.c.user_key == "6").values(ends_at=clock()))
    assert wiki.userinfo(tokens["access_token"]).status_code == 401
    assert (wiki.refresh(tokens["refresh_token"]).json or {})["error"] == "invalid_grant"


def test_a_deny_that_is_saved_between_code_and_token_counts(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    browser.sign_in_with_code("dave", phone)
    code = wiki.code(browser)
    with app.app_context():
        deny(app, browser)
    assert (wiki.trade(code).json or {})["error"] == "invalid_grant"
    refused = wiki.send(browser)
    assert refused.status_code == 403
    assert "You can't sign in to Wiki" in refused.text
    assert "error=access_denied" in refused.text
    assert wiki.told(wiki.send(browser, prompt="none"))["error"] == "access_denied"


def test_a_scope_that_a_client_may_not_have_any_more_tells_nothing(
    app: Flask, browser: SecureBrowser, phone: Phone
) -> None:
    browser.sign_in_with_code("dave", phone)
    with app.app_context():
        words = {"client_id": "board", "redirect_uris": [CALLBACK], "skip_consent": True}
        secret = gate_of(app).oidc.clients.add(words, actor="cli").secret
    board = RelyingParty(app, client_id="board", secret=secret)
    access = board.tokens(browser)["access_token"]
    assert "email" in dict(board.userinfo(access).json or {})
    with app.app_context():
        gate_of(app).oidc.clients.change("board", {"scope": "openid"}, actor="cli")
    assert board.userinfo(access).json == {"sub": "4"}


def test_an_access_token_lives_ten_minutes(
    wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    browser.sign_in_with_code("dave", phone)
    tokens = wiki.tokens(browser)
    assert tokens["expires_in"] == 600
    clock.forward(minutes=10)
    assert wiki.userinfo(tokens["access_token"]).status_code == 401


def test_a_sign_in_that_is_used_by_an_app_is_in_use(
    wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    browser.sign_in_with_code("dave", phone)
    token = wiki.tokens(browser)["refresh_token"]
    for _ in range(3):
        clock.forward(minutes=45)
        token = dict(wiki.refresh(token).json or {})["refresh_token"]
    assert browser.is_in()
    clock.forward(hours=11)
    assert (wiki.refresh(token).json or {})["error"] == "invalid_grant", "the sign-in has its own end"


def test_a_client_ends_tokens_itself(wiki: RelyingParty, browser: SecureBrowser, phone: Phone) -> None:
    browser.sign_in_with_code("dave", phone)
    tokens = wiki.tokens(browser)
    access, refresh = tokens["access_token"], tokens["refresh_token"]

    def told(token: str) -> dict[str, Any]:
        return dict(wiki.post("introspect", {"token": token}, authorization=wiki.basic).json or {})

    assert told(access)["active"] is True
    assert (told(access)["acr"], told(access)["sub"]) == ("https://refeds.org/profile/mfa", "4")
    assert told("x") == {"active": False}
    assert (
        wiki.post("revoke", {"token": access, "token_type_hint": "whatever"}, authorization=wiki.basic).status_code
        == 200
    )
    assert told(access) == {"active": False}
    assert told(refresh)["active"] is True
    assert wiki.post("revoke", {"token": refresh}, authorization=wiki.basic).status_code == 200
    assert (wiki.refresh(refresh).json or {})["error"] == "invalid_grant"
    assert wiki.post("revoke", {"token": "x"}, authorization=wiki.basic).status_code == 200
    assert wiki.post("revoke", {"token": "x"}).status_code == 401


def test_of_another_clients_tokens_nobody_hears_anything(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    browser.sign_in_with_code("dave", phone)
    token = wiki.tokens(browser)["access_token"]
    other = RelyingParty(app, client_id="asking")
    assert other.post("introspect", {"token": token}, authorization=other.basic).json == {"active": False}
    other.post("revoke", {"token": token}, authorization=other.basic)
    assert wiki.userinfo(token).status_code == 200
