"""A Flask app with Authlib's client, as a developer would write it."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.oidc_clients.conftest import Visitor
from tests.oidc_clients.kit import MFA, SFA, deliver, deny


@pytest.fixture
def notes(visitor: Visitor, portal: Flask) -> Visitor:
    visitor.visit(visitor.stage.notes)
    return visitor


def sign_in(notes: Visitor, username: str) -> None:
    notes.press("Sign in")
    notes.enter(username)
    if username == "dave":
        notes.prove()
    notes.expect("Signed in as")


def test_a_sign_in_states_how_strong_it_is(notes: Visitor) -> None:
    sign_in(notes, "dave")
    assert (notes.claim("acr"), notes.claim("amr"), notes.claim("name")) == (MFA, "pwd otp mfa", "Dave Dean")
    notes.press("Confidential notes")
    notes.expect("suggestion box")


def test_what_is_confidential_asks_for_a_factor_and_a_deny_stops_it(notes: Visitor, portal: Flask) -> None:
    notes.press("Confidential notes")
    notes.enter("dave")
    notes.prove()
    notes.expect("suggestion box")
    deny(portal, "notes")
    notes.visit(notes.stage.notes)
    notes.press("Refresh the tokens")
    notes.expect("invalid_grant")


def test_an_answer_of_another_issuer_is_none(notes: Visitor) -> None:
    notes.visit(f"{notes.stage.notes}/callback?code=x&state=y&iss=https://other.example.org")
    notes.expect("issuer_mismatch")


def test_the_app_of_the_documentation(visitor: Visitor, portal: Flask) -> None:
    visitor.visit(f"{visitor.stage.wiki}/secret")
    visitor.enter("dave")
    visitor.prove()
    visitor.expect(f"Hello Dave Dean, signed in with {MFA}")
    visitor.visit(f"{visitor.stage.wiki}/secret")
    visitor.expect("The secret page")


def test_signing_out_at_the_portal_reaches_the_app(notes: Visitor, portal: Flask) -> None:
    sign_in(notes, "frank")
    assert notes.claim("acr") == SFA
    notes.press("Refresh the tokens")
    notes.expect("The tokens are new")
    notes.open("/")
    notes.press("Sign out", within="header")
    notes.expect("Keep me signed in")
    deliver(portal)
    notes.visit(notes.stage.notes)
    notes.expect("Nobody is signed in")


def test_signing_out_of_the_app_signs_out_at_the_portal(notes: Visitor) -> None:
    sign_in(notes, "frank")
    notes.press("Sign out")
    notes.expect("Nobody is signed in")
    notes.open("/")
    notes.expect("Keep me signed in")
