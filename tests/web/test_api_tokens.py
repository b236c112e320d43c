"""Registered tokens on a user's page in the console: those who help the user revoke them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from example_app.people import DAVES_KEY
from flask_mfa_gate.domain.sign_in.api_token import ApiToken
from tests.conftest import JSON, Phone, StillClock, key_of, state_of
from tests.web.admin.kit import ADMIN, AUDITOR, HELPDESK, at_console, send
from tests.web.kit import events


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app(MFA_GATE_TOKENS="owner-enrolled")
    for username in ("dave", ADMIN):
        for number in (1, 2):
            give(app, username, number)
    return app


def give(app: Flask, username: str, number: int) -> None:
    key, state = key_of(app, username), state_of(app)
    token = ApiToken(
        id=f"{key}-{number}", digest=f"{key}-{number}", user_key=key, lineage="l", name=f"CI {number}", proofs=(),
        created_at=state.clock(),
    )  # fmt: skip
    with state.store.database.write() as tx:
        state.store.api_tokens.put(tx, token)


def left(app: Flask, username: str) -> list[str]:
    return [one.name for one in state_of(app).delegation.api_tokens.of_user(key_of(app, username))]


def test_the_service_desk_revokes_one_or_all_with_a_reason(app: Flask, clock: StillClock) -> None:
    desk, key = at_console(app, HELPDESK, Phone(clock, DAVES_KEY)), key_of(app, "dave")
    page = desk.get(f"/admin/mfa/users/{key}").text
    assert "CI 1" in page
    assert "/admin/mfa/api-tokens/revoke" in page
    assert send(desk, "/api-tokens/revoke", key=key, token_id=f"{key}-1", reason="leaked").status_code == 303
    assert left(app, "dave") == ["CI 2"]
    (record,) = events(app, "dave", "api_token_revoked")
    assert (record.actor, record.reason) == (f"user:{key_of(app, HELPDESK)}", "leaked")
    assert desk.send_json("/admin/mfa/api-tokens/revoke", {"key": key}).json == {"revoked": 1}
    assert left(app, "dave") == []
    assert desk.send_json("/admin/mfa/api-tokens/revoke", {"key": "nobody"}).status_code == 404


@pytest.mark.parametrize(("who", "whose"), [(AUDITOR, "dave"), (HELPDESK, ADMIN), (ADMIN, ADMIN)])
def test_nobody_else_does(app: Flask, clock: StillClock, who: str, whose: str) -> None:
    browser = at_console(app, who, Phone(clock, DAVES_KEY))
    assert send(browser, "/api-tokens/revoke", key=key_of(app, whose)).status_code == 403
    assert left(app, whose) == ["CI 1", "CI 2"]


def test_where_tokens_count_for_nothing_the_page_is_silent(make_app: Callable[..., Flask], clock: StillClock) -> None:
    app = make_app()
    browser = at_console(app, HELPDESK, Phone(clock, DAVES_KEY))
    assert "API tokens" not in browser.get(f"/admin/mfa/users/{key_of(app, 'dave')}").text
    assert browser.get("/mfa/tokens", headers=JSON).json == {"tokens": []}
