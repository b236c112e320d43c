"""A request, before Authlib sees it."""

from __future__ import annotations

import pytest

from flask_mfa_gate.oidc.provider.request import LONGEST_PARAMETER, LONGEST_REQUEST, ProviderRequest, is_sound, repeated


def test_a_parameter_may_come_once() -> None:
    assert repeated(["a", "b"]) is None
    assert repeated(["a", "b", "a"]) == "a"


def test_many_names_are_read_once() -> None:
    looked_at = []

    class Name(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            looked_at.append(other)
            return super().__eq__(other)

        __hash__ = str.__hash__

    assert repeated([Name(number) for number in range(1000)]) is None
    assert len(looked_at) < 1000


@pytest.mark.parametrize(
    "parameters",
    [
        {"a": "\x00"},
        {"\x00": "a"},
        {"a": "\ud800"},
        {"a": "x" * (LONGEST_PARAMETER + 1)},
        {f"a{number}": "x" * 4000 for number in range(1 + LONGEST_REQUEST // 4000)},
    ],
)
def test_what_no_parameter_may_hold(parameters: dict[str, str]) -> None:
    assert not is_sound(parameters)
    assert is_sound({"a": "x" * 100, "ö": "ü\n"})


def test_it_is_at_the_address_of_the_issuer_and_has_no_query() -> None:
    request = ProviderRequest("POST", "https://portal.example.org/token", {"client_id": "wiki"}, {})
    assert request.payload.client_id == request.form["client_id"] == "wiki"
    assert request.args == {}
    with pytest.raises(Exception, match="insecure_transport"):
        ProviderRequest("POST", "http://portal.example.org/token", {}, {})
