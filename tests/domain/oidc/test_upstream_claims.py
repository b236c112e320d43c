"""The claims of an ID token: what is not as it has to be counts as left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.oidc.strength import STRONG_ACR
from flask_mfa_gate.domain.oidc.upstream_claims import by_our_clock, is_since, read_upstream
from flask_mfa_gate.domain.sign_in.assurance import ACR_MULTI, ACR_SINGLE
from flask_mfa_gate.domain.sign_in.upstream import LONG_AGO, Upstream

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
NESTED: Any = []
for _ in range(20_000):
    NESTED = [NESTED]


def read(**claims: Any) -> Upstream:
    return read_upstream({"iss": "https://id.example", "sub": "7", **claims}, STRONG_ACR, now=NOW)


@pytest.mark.parametrize(
    ("claims", "is_multi_factor"),
    [
        ({}, False),
        ({"amr": ["pwd"]}, False),
        ({"amr": ["mfa"]}, True),
        ({"amr": ["pwd", "otp"]}, True),
        ({"amr": ["hwk", "fpt"]}, True),
        ({"amr": ("pwd", "hwk")}, True),
        ({"amr": ["pwd", "pin"]}, False),
        ({"amr": ["otp", "hwk"]}, False),
        ({"amr": ["otp"]}, False),
        ({"amr": ["hwk", "user"]}, False),
        ({"amr": ["pwd", "sms"]}, False),
        ({"amr": ["pwd", "geo", "rba", "tel", "mca", "kba"]}, False),
        ({"amr": "mfa"}, False),
        ({"amr": {"mfa": True}}, False),
        ({"amr": {"mfa"}}, False),
        ({"amr": ["mfa", 1]}, False),
        ({"amr": ["mfa", None]}, False),
        ({"amr": ["MFA"]}, False),
        ({"amr": ["mfa"] * 21}, False),
        ({"amr": ["mfa", "x" * 65]}, False),
        ({"amr": ["mfa", "\ud800"]}, False),
        ({"amr": ["mfa", "a\x00"]}, False),
        ({"amr": ["mfa", 10**5000]}, False),
        ({"amr": ["mfa", NESTED]}, False),
        ({"amr": ["mfa", "mfa"]}, True),
        ({"amr": None}, False),
        ({"acr": ACR_MULTI}, True),
        ({"acr": ACR_SINGLE}, False),
        ({"acr": "phr"}, True),
        ({"acr": "phrh"}, True),
        ({"acr": [ACR_MULTI]}, False),
        ({"acr": None}, False),
        ({"acr": "mfa"}, False),
    ],
)
def test_what_says_that_more_than_one_factor_was_proved(claims: dict[str, Any], is_multi_factor: bool) -> None:
    assert read(**claims).is_multi_factor is is_multi_factor


@pytest.mark.parametrize(
    ("said", "at"),
    [
        (None, None),
        (SECONDS, NOW),
        (SECONDS - 3600, NOW - timedelta(hours=1)),
        (SECONDS + 60, NOW),
        (SECONDS + 61, LONG_AGO),
        (10**30, LONG_AGO),
        (-1, LONG_AGO),
        (0, LONG_AGO),
        (True, LONG_AGO),
        (float(SECONDS), LONG_AGO),
        (str(SECONDS), LONG_AGO),
        ([SECONDS], LONG_AGO),
    ],
)
def test_when_the_user_authenticated(said: Any, at: datetime | None) -> None:
    assert read(auth_time=said).at == at


@pytest.mark.parametrize(
    "broken",
    [
        {"iss": None},
        {"iss": 7},
        {"iss": ""},
        {"sub": None},
        {"sub": 7},
        {"sub": ""},
        {"iss": "x" * 513},
        {"iss": "\ud800"},
        {"iss": "a\x00"},
        {"sub": "a\n"},
    ],
)
def test_claims_of_nobody_or_about_nobody_say_nothing(broken: dict[str, Any]) -> None:
    assert read(amr=["mfa"], auth_time=SECONDS, **broken) == Upstream(None)


@given(st.dictionaries(st.sampled_from(["iss", "sub", "acr", "amr", "auth_time"]), st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)
)))  # fmt: skip
def test_nothing_that_a_provider_sends_is_an_error(claims: dict[str, Any]) -> None:
    assert read_upstream(claims, STRONG_ACR, now=NOW).at in {None, LONG_AGO} or claims["auth_time"] > 0


@pytest.mark.parametrize(
    ("told", "known", "counts_as"),
    [(0, 1200, 0), (30, 1200, 0), (60, 1200, 0), (61, 1200, 61), (600, 1200, 600), (600, None, 600), (30, 30, 30)],
)
def test_a_clock_may_be_a_minute_behind_and_no_more(told: int, known: int | None, counts_as: int) -> None:
    """In seconds before the provider was asked."""
    before = None if known is None else read(auth_time=SECONDS - known)
    found = by_our_clock(read(auth_time=SECONDS - told), began_at=NOW, known=before)
    assert found.at == NOW - timedelta(seconds=counts_as)


@pytest.mark.parametrize(
    ("told", "issued", "ago"), [(-40, -40, 0), (-40, -60, 20), (-10, None, 0), (30, 10, 30), (30, 0, 30)]
)
def test_by_a_clock_that_is_ahead_it_is_as_long_ago_as_that_clock_says(told: int, issued: int | None, ago: int) -> None:
    """In seconds before now."""
    claims = {"auth_time": SECONDS - told} | ({} if issued is None else {"iat": SECONDS - issued})
    assert read(**claims).at == NOW - timedelta(seconds=ago)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"iat": SECONDS, "auth_time": SECONDS - 6}, True),
        ({"iat": SECONDS, "auth_time": SECONDS - 7}, False),
        ({"iat": SECONDS - 40, "auth_time": SECONDS - 46}, True),
        ({"iat": SECONDS + 40, "auth_time": SECONDS + 33}, False),
        ({"iat": SECONDS - 300, "auth_time": SECONDS}, True),
        ({"iat": SECONDS + 0.5, "auth_time": SECONDS - 7}, False),
        *(({"iat": odd, "auth_time": SECONDS - 60}, True) for odd in (None, "now", True, -1, float("nan"), 10**400)),
        *(({"iat": SECONDS, "auth_time": odd}, True) for odd in (None, "now", True, 10**400)),
    ],
)
def test_a_clock_tells_how_long_ago_it_was_however_wrong_it_is(claims: dict[str, Any], *, expected: bool) -> None:
    """Of a user who was sent there five seconds ago."""
    assert is_since(claims, NOW - timedelta(seconds=5), now=NOW) is expected
