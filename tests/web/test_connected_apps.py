"""Apps that a user signs in with: seen and disconnected by the user, and by those who help them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from flask_mfa_gate.domain.people.person import NOWHERE
from flask_mfa_gate.errors import Conflict, NotAllowed
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.oidc_kit import PROVIDER, records, refresh, tokens_of, userinfo
from tests.policy_kit import signed_in
from tests.web.admin.kit import ADMIN, AUDITOR, HELPDESK, at_console, send


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**PROVIDER)


@pytest.fixture
def frank(app: Flask) -> Browser:
    return signed_in(app, "frank")


def apps_of(browser: Browser) -> list[str]:
    listed = browser.get("/mfa/apps", headers=JSON).json
    assert listed is not None
    return [one["client_id"] for one in listed["apps"]]


def test_a_user_sees_what_is_connected_and_disconnects_it(app: Flask, frank: Browser) -> None:
    assert "No apps are connected" in frank.get("/mfa/apps").text
    tokens = tokens_of(app, frank)
    page = frank.get("/mfa/apps").text
    assert "Board" in page
    assert "your email address" in page
    assert "/mfa/apps" in frank.get("/mfa/").text
    assert frank.send("/mfa/apps/board/disconnect").location == "/mfa/apps"
    assert userinfo(app, tokens["access_token"]) == 401
    assert refresh(app, tokens["refresh_token"])[1]["error"] == "invalid_grant"
    assert apps_of(frank) == []
    (record,) = records(app, "consent_withdrawn")
    assert (record["subject"], record["actor"]) == (key_of(app, "frank"), f"user:{key_of(app, 'frank')}")
    assert "App disconnected: Board" in frank.get("/mfa/").text


def test_nobody_disconnects_the_apps_of_others(app: Flask, frank: Browser, clock: StillClock) -> None:
    tokens = tokens_of(app, frank)
    assert signed_in(app, "erin").send("/mfa/apps/board/disconnect").status_code == 404
    assert frank.client.post("/mfa/apps/board/disconnect").status_code == 400, "no token"
    assert signed_in(app, "dave").get("/mfa/apps").location == "/mfa/challenge", "the password is not enough"
    assert userinfo(app, tokens["access_token"]) == 200
    assert frank.send("/mfa/apps/wiki/disconnect").status_code == 404


def test_a_session_that_was_revoked_meanwhile_disconnects_nothing(app: Flask, frank: Browser) -> None:
    tokens_of(app, frank)
    with app.app_context():
        (live,) = state_of(app).sign_in.sessions.living(key_of(app, "frank"))
        state_of(app).people.enrollments.revoke_sessions(key_of(app, "frank"), actor="cli")
        oidc = state_of(app).oidc
        assert oidc is not None
        with pytest.raises(Conflict):
            oidc.connections.disconnect(live, "board", origin=NOWHERE)


def test_the_service_desk_disconnects_an_app_from_a_user(app: Flask, frank: Browser, phone: Phone) -> None:
    tokens, key = tokens_of(app, frank), key_of(app, "frank")
    desk = at_console(app, HELPDESK, phone)
    page = desk.get(f"/admin/mfa/users/{key}").text
    assert "Connected apps" in page
    assert "Board" in page
    assert send(desk, "/connected-apps/revoke", key=key, client_id="board", reason="asked").status_code == 303
    assert userinfo(app, tokens["access_token"]) == 401
    (record,) = records(app, "consent_withdrawn")
    assert (record["actor"], record["reason"], record["client"]) == (f"user:{key_of(app, HELPDESK)}", "asked", "board")


@pytest.mark.parametrize(("username", "subject"), [(AUDITOR, "frank"), (HELPDESK, ADMIN), (HELPDESK, HELPDESK)])
def test_who_may_not_help_disconnects_nothing(
    app: Flask, phone: Phone, clock: StillClock, username: str, subject: str
) -> None:
    desk = at_console(app, username, phone)
    clock.forward(seconds=30)
    assert send(desk, "/connected-apps/revoke", key=key_of(app, subject)).status_code == 403
    assert records(app, "consent_withdrawn") == []


def test_all_apps_of_a_user_at_once(app: Flask, frank: Browser, phone: Phone) -> None:
    tokens_of(app, frank)
    desk = at_console(app, ADMIN, phone)
    done = desk.send_json("/admin/mfa/connected-apps/revoke", {"key": key_of(app, "frank")})
    assert done.json == {"revoked": 1}
    assert desk.send_json("/admin/mfa/connected-apps/revoke", {"key": "nobody"}).status_code == 404


def test_only_an_admin_signs_everybody_out_of_an_app(app: Flask, frank: Browser) -> None:
    tokens, oidc = tokens_of(app, frank), state_of(app).oidc
    assert oidc is not None
    with app.app_context():
        for username in (HELPDESK, AUDITOR, "frank"):
            with pytest.raises(NotAllowed):
                oidc.connections.revoke_client("board", actor=f"user:{key_of(app, username)}")
        assert userinfo(app, tokens["access_token"]) == 200
        assert oidc.connections.revoke_client("board", actor=f"user:{key_of(app, ADMIN)}") == 1
    assert userinfo(app, tokens["access_token"]) == 401
