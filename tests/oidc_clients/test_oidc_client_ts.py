"""A static page in Chromium: a public client with PKCE."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from flask import Flask

from tests.oidc_clients.conftest import Visitor
from tests.oidc_clients.kit import MFA, SFA, deny, recipe
from tests.web.admin.kit import enroll


@pytest.fixture
def board(visitor: Visitor, portal: Flask) -> Visitor:
    visitor.visit(visitor.stage.board)
    return visitor


def sign_in(board: Visitor, username: str = "dave") -> None:
    board.press("Sign in")
    board.enter(username)
    if username == "dave":
        board.prove()
    board.press("Allow")
    board.expect("Signed in as")


def test_a_sign_in_states_how_strong_it_is(board: Visitor) -> None:
    board.expect("Nobody is signed in")
    sign_in(board)
    assert (board.claim("acr"), board.claim("amr"), board.claim("name")) == (MFA, "pwd otp mfa", "Dave Dean")
    assert "code=" not in board.chrome.current_url
    assert board.complaints() == []


def test_step_up(make_portal: Callable[..., Flask], board: Visitor) -> None:
    enroll(make_portal(MFA_GATE_CHALLENGE_UNREQUIRED=False), "frank")
    sign_in(board, "frank")
    assert board.claim("acr") == SFA
    board.press("Ask for a second factor")
    board.prove()
    board.expect("otp")
    assert board.claim("acr") == MFA


def test_without_a_factor_the_weaker_sign_in_is_said_to_be_so(board: Visitor) -> None:
    sign_in(board, "frank")
    board.press("Ask for a second factor")
    board.press("without")
    board.expect("Signed in as")
    assert board.claim("acr") == SFA


def test_max_age_0_asks_again(board: Visitor) -> None:
    sign_in(board)
    before = int(board.claim("auth_time"))
    time.sleep(1)
    board.press("Ask who I am again")
    board.prove(steps=1)
    board.expect("Signed in as")
    assert int(board.claim("auth_time")) > before


def test_without_asking(board: Visitor) -> None:
    board.press("Sign in without asking")
    board.expect("login_required")
    board.open("/login")
    board.enter("dave")
    board.prove()
    board.expect("Hello Dave Dean")
    board.visit(board.stage.board)
    board.press("Sign in without asking")
    board.expect("consent_required")
    board.press("Sign in")
    board.press("Allow")
    board.expect("Signed in as Dave Dean")
    board.chrome.execute_script("sessionStorage.clear()")
    board.visit(board.stage.board)
    board.press("Sign in without asking")
    board.expect("Signed in as Dave Dean")


def test_refresh_keeps_the_strength_and_the_time(board: Visitor) -> None:
    sign_in(board)
    before = board.claim("auth_time")
    board.press("Refresh the tokens")
    board.expect("The tokens are new")
    assert (board.claim("acr"), board.claim("auth_time")) == (MFA, before)


def test_a_deny_saved_meanwhile_stops_the_refresh(board: Visitor, portal: Flask) -> None:
    sign_in(board)
    deny(portal, "board")
    board.press("Refresh the tokens")
    board.expect("invalid_grant")
    assert board.complaints_but("400") == []


def test_signing_out_here_ends_the_tokens_there(board: Visitor) -> None:
    sign_in(board)
    board.open("/")
    board.press("Sign out", within="header")
    board.expect("Keep me signed in")
    board.visit(board.stage.board)
    board.press("Refresh the tokens")
    board.expect("invalid_grant")


def test_the_settings_of_the_documentation(board: Visitor) -> None:
    code = recipe("js", {"https://portal.example.org": board.stage.portal}).partition("\n\n")[0]
    board.chrome.execute_script(f"{code}; users.signinRedirect()")
    board.enter("frank")
    board.press("Allow")
    board.expect("Signed in as Frank Ford")


def test_signing_out_there_signs_out_here(board: Visitor) -> None:
    sign_in(board)
    board.press("Sign out")
    board.expect("Nobody is signed in")
    board.open("/")
    board.expect("Keep me signed in")
