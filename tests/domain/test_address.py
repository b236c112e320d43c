"""Addresses are read in many spellings, and compared by what one client has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.address import canonical_address, place_of


@pytest.mark.parametrize(
    ("text", "canonical", "place"),
    [
        ("198.51.100.7", "198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:443", "198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7", "198.51.100.7"),
        ("[::ffff:198.51.100.7]:443", "198.51.100.7", "198.51.100.7"),
        ("2001:DB8::1", "2001:db8::1", "2001:db8::/64"),
        ("[2001:db8::1]:443", "2001:db8::1", "2001:db8::/64"),
        ("[2001:db8::1]", "2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::9%eth0", "2001:db8::ffff:0:0:9", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%" + "x" * 500, "fe80::1", "fe80::/64"),
        ("::1", "::1", "::/64"),
        ("64:ff9b::198.51.100.7", "64:ff9b::c633:6407", "198.51.100.7"),
    ],
)
def test_an_address_and_its_place(text: str, canonical: str, place: str) -> None:
    assert (canonical_address(text), place_of(canonical_address(text))) == (canonical, place)


@pytest.mark.parametrize(
    "text",
    ["", None, "unknown", "unix:", "198.51.100.7:", "198.51.100.7:123456", "198.51.100.256", "[198.51.100.7", "[]:80",
     "2001:db8::1:99999", "198.51.100.7, 203.0.113.9", "010.0.0.1", "9" * 100_000, "[" * 100_000],
)  # fmt: skip
def test_what_can_t_be_read_has_no_place(text: str | None) -> None:
    assert canonical_address(text) is None
    assert place_of(text) is None


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_all_addresses_of_a_network_have_one_place(address: object, suffix: int) -> None:
    other = int(address) >> 64 << 64 | suffix  # type: ignore[call-overload]
    from ipaddress import IPv6Address

    if (
        address.ipv4_mapped is None
        and IPv6Address(other).ipv4_mapped is None
        and not str(address).startswith("64:ff9b:")
    ):  # type: ignore[attr-defined]
        assert place_of(str(address)) == place_of(str(IPv6Address(other)))


@given(st.ip_addresses())
def test_a_canonical_address_stays(address: object) -> None:
    canonical = canonical_address(str(address))
    assert canonical_address(canonical) == canonical
    assert len(place_of(canonical) or "") in range(1, 64)
