"""Each mistake in a mark stops the start, and says the right spelling."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Blueprint, Flask

from flask_mfa_gate import MFAGate
from flask_mfa_gate.errors import ConfigError

gate = MFAGate()


def view() -> str:
    return "view"


@pytest.mark.parametrize("max_age", [300, 0, 1.5])
def test_an_age_is_a_timedelta(max_age: Any) -> None:
    with pytest.raises(ConfigError, match=rf"max_age=timedelta\(seconds={max_age}\)"):
        gate.require_mfa(max_age=max_age)


@pytest.mark.parametrize("max_age", ["5m", True, timedelta(seconds=-1), [], b"x"])
def test_nothing_else_is_an_age(max_age: Any) -> None:
    with pytest.raises(ConfigError, match="max_age"):
        gate.require_mfa(max_age=max_age)


@pytest.mark.parametrize("bare", [view, type("Things", (), {}), Blueprint("pay", __name__)])
def test_marks_with_arguments_have_brackets(bare: Any) -> None:
    with pytest.raises(ConfigError, match=r"@gate.require_mfa\(\)"):
        gate.require_mfa(bare)
    with pytest.raises(ConfigError, match=r'@gate.resource\("payroll"\)'):
        gate.resource(bare)


def test_a_resource_has_a_name() -> None:
    for name in (None, "", " payroll", 7):
        with pytest.raises(ConfigError, match=r"@gate.resource has"):
            gate.resource(name)  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        gate.resource()


@pytest.mark.parametrize(
    ("factors", "said"),
    [
        ("totp", r"factors=\{'totp'\}"), ({"topt"}, "Did you mean totp"), (["totp", 7], "7"), ({"sms"}, "sms"),
        ({"recovery_code"}, "recovery_code"), (7, "7"), (None, "unknown factor"), (["totp", ["webauthn"]], "webauthn"),
    ],
)  # fmt: skip
def test_factors_are_a_set_of_names(factors: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        gate.require_mfa(factors=factors)


def test_what_is_right_is_taken() -> None:
    for mark in (gate.require_mfa(), gate.require_mfa(None, ()), gate.require_mfa(timedelta(0), ["totp", "webauthn"])):
        assert mark(view).__name__ == "view"


@pytest.mark.parametrize("mark", [gate.resource("payroll"), gate.require_mfa()])
@pytest.mark.parametrize("thing", ["portal.home", None, 7])
def test_only_views_are_marked(mark: Any, thing: Any) -> None:
    with pytest.raises(ConfigError, match="no view"):
        mark(thing)


def test_no_blueprint_is_exempt() -> None:
    with pytest.raises(ConfigError, match=r'MFA_GATE_EXEMPT_ENDPOINTS = \["health.health", ...\]'):
        gate.exempt(Blueprint("health", __name__))


@pytest.mark.parametrize("thing", ["healthz", None, Flask])
def test_only_views_are_exempt(thing: Any) -> None:
    if thing is Flask:
        thing = ["healthz"]
    with pytest.raises(ConfigError, match="without brackets"):
        gate.exempt(thing)


def test_what_can_keep_no_mark_is_told_so() -> None:
    class Views:
        def health(self) -> str:
            return "ok"

    with pytest.raises(ConfigError, match="can keep no mark"):
        gate.exempt(Views().health)


def test_exempt_has_no_brackets() -> None:
    with pytest.raises(ConfigError, match="without brackets"):
        gate.exempt()
