"""Pages behind an Apache that signs people in at the portal."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from tests.conftest import key_of
from tests.oidc_clients.conftest import Visitor
from tests.oidc_clients.kit import MFA, SFA, deliver, deny
from tests.web.admin.kit import enroll


def shown(visitor: Visitor, name: str) -> str:
    found = re.search(rf"{name}=([^;]*);", visitor.text)
    assert found, visitor.text
    return found[1]


def error_after(visitor: Visitor, url: str) -> str:
    """What came back in the address: this version takes an error with ``iss`` for something else, and says so."""
    visitor.visit(url)
    visitor.expect("Invalid Request")
    return parse_qs(urlsplit(visitor.chrome.current_url).query)["error"][0]


@pytest.fixture
def apache(apache_url: str) -> str:
    return apache_url


def test_a_sign_in_states_who_and_how_strongly(portal: Flask, visitor: Visitor, apache: str) -> None:
    visitor.visit(f"{apache}/plain/")
    visitor.enter("dave")
    visitor.prove()
    visitor.expect("Room plain")
    assert (shown(visitor, "acr"), shown(visitor, "name")) == (MFA, "Dave Dean")
    assert shown(visitor, "user").partition("@")[0] == key_of(portal, "dave")
    visitor.visit(f"{apache}/strong/")
    visitor.expect("Room strong")


def test_whoever_has_only_a_password_gets_a_weaker_word(portal: Flask, visitor: Visitor, apache: str) -> None:
    visitor.visit(f"{apache}/plain/")
    visitor.enter("frank")
    visitor.expect("Room plain")
    assert shown(visitor, "acr") == SFA


def test_a_live_session_steps_up(make_portal: Callable[..., Flask], visitor: Visitor, apache: str) -> None:
    enroll(make_portal(MFA_GATE_CHALLENGE_UNREQUIRED=False), "frank")
    visitor.visit(f"{apache}/plain/")
    visitor.enter("frank")
    visitor.expect("Room plain")
    assert shown(visitor, "acr") == SFA
    visitor.visit(f"{apache}/strong/")
    visitor.prove()
    visitor.expect("Room strong")
    assert shown(visitor, "acr") == MFA


def test_max_age_0_asks_again(portal: Flask, visitor: Visitor, apache: str) -> None:
    visitor.visit(f"{apache}/plain/")
    visitor.enter("dave")
    visitor.prove()
    visitor.expect("Room plain")
    before = int(shown(visitor, "auth_time"))
    visitor.chrome.delete_cookie("apache_session")
    time.sleep(1)
    visitor.visit(f"{apache}/fresh/")
    visitor.prove(steps=1)
    visitor.expect("Room fresh")
    assert int(shown(visitor, "auth_time")) > before


def test_without_asking(portal: Flask, visitor: Visitor, apache: str) -> None:
    assert error_after(visitor, f"{apache}/quiet/") == "login_required"
    visitor.open("/login")
    visitor.enter("dave")
    assert error_after(visitor, f"{apache}/quiet/") == "interaction_required"
    visitor.open("/")
    visitor.prove()
    visitor.expect("Hello Dave Dean")
    visitor.visit(f"{apache}/quiet/")
    visitor.expect("Room quiet")


def test_a_denied_client_says_why_and_gives_no_code(portal: Flask, visitor: Visitor, apache: str) -> None:
    deny(portal, "wiki")
    visitor.visit(f"{apache}/plain/")
    visitor.enter("frank")
    visitor.expect("doesn't allow")
    assert error_after(visitor, f"{apache}/quiet/") == "access_denied"


def test_setup_can_be_put_off_on_the_way(portal: Flask, visitor: Visitor, apache: str) -> None:
    visitor.visit(f"{apache}/plain/")
    visitor.enter("bob")
    visitor.press("Set up later")
    visitor.expect("Room plain")
    assert shown(visitor, "acr") == SFA


def test_a_lapsed_user_stays_at_the_portal(portal: Flask, visitor: Visitor, apache: str) -> None:
    visitor.visit(f"{apache}/plain/")
    visitor.enter("carol")
    visitor.expect("enrollment period")
    assert visitor.chrome.current_url.startswith(visitor.stage.portal)


def test_signing_out_there_signs_out_here(portal: Flask, visitor: Visitor, apache: str) -> None:
    visitor.visit(f"{apache}/plain/")
    visitor.enter("frank")
    visitor.expect("Room plain")
    visitor.visit(f"{apache}/signed-in?logout={apache}/goodbye/")
    visitor.expect("Room goodbye")
    visitor.open("/")
    visitor.expect("Keep me signed in")


def test_signing_out_here_signs_out_there(portal: Flask, visitor: Visitor, apache: str) -> None:
    visitor.visit(f"{apache}/plain/")
    visitor.enter("frank")
    visitor.expect("Room plain")
    visitor.open("/")
    visitor.press("Sign out", within="header")
    visitor.expect("Keep me signed in")
    deliver(portal)
    visitor.visit(f"{apache}/plain/")
    visitor.expect("Keep me signed in")
