"""Demand 7: addresses and cookies of the gate that the host uses itself are told at the start."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate import ConfigError, MFAGate
from tests.hosts_small.kit import Host


def taken_before() -> Flask:
    host = Host(MFA_GATE_URL_PREFIX="/second-factor")
    host.app.add_url_rule("/second-factor/<path:rest>", "spa", lambda rest: rest)
    host.app.add_url_rule("/second-factor/enroll/", "spa.enroll", lambda: "")
    host.app.add_url_rule("/second-factor/enroll", "spa.enroll2", lambda: "")
    return host.app


def test_a_taken_address_is_told_by_init_app() -> None:
    with pytest.raises(ConfigError, match=r"MFA_GATE_URL_PREFIX is taken by spa\.enroll2.*Allowed: a path that no"):
        MFAGate(taken_before())


def test_a_route_that_comes_later_is_told_by_check_and_at_the_first_request() -> None:
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)
    host.app.add_url_rule("/mfa/challenge", "mine", lambda: "")
    with pytest.raises(ConfigError, match="is taken by mine"):
        host.gate.check(host.app)
    with pytest.raises(ConfigError, match="is taken by mine"):
        host.client().get("/")


@pytest.mark.parametrize(
    ("name", "config", "key"),
    [
        ("session", {}, "SESSION_COOKIE_NAME"),
        ("remember_token", {}, "REMEMBER_COOKIE_NAME"),
        ("sid", {"SESSION_COOKIE_NAME": "sid"}, "SESSION_COOKIE_NAME"),
        ("sid", {"SESSION_COOKIE_NAME": "__Host-sid"}, "SESSION_COOKIE_NAME"),
        ("mfa_gate", {"REMEMBER_COOKIE_NAME": "mfa_gate_remember"}, "REMEMBER_COOKIE_NAME"),
        ("access_token", {"JWT_ACCESS_COOKIE_NAME": "access_token"}, "JWT_ACCESS_COOKIE_NAME"),
    ],
)
def test_the_name_of_another_cookie_is_refused(name: str, config: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=f"MFA_GATE_COOKIE_NAME is also the name of a cookie of the app, by {key}"):
        MFAGate(Host(MFA_GATE_COOKIE_NAME=name, **config).app)


def test_a_cookie_that_gets_its_name_later_is_refused_too() -> None:
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)
    host.app.config["SESSION_COOKIE_NAME"] = "mfa_gate"
    with pytest.raises(ConfigError, match="MFA_GATE_COOKIE_NAME"):
        host.gate.check(host.app)


def test_names_of_their_own_are_fine() -> None:
    host = Host(SESSION_COOKIE_NAME="mfa_gate_host", JWT_ACCESS_COOKIE_NAME=None)
    host.with_login_manager()
    host.gate.init_app(host.app)
    host.gate.check(host.app)
    assert host.client().get("/").status_code == 404
