"""Addresses that may be connected to, in all the ways of writing one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.outbound import may_reach
from flask_mfa_gate.domain.policy.addresses import span_of


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "198.41.0.4", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1"],
)
def test_servers_of_the_internet(address: str) -> None:
    assert may_reach(address, ())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "::1",
        "0.0.0.0", "0.1.2.3", "::",
        "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "fc00::1", "fdff::1", "fec0::1",
        "169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00:ec2::254",
        "100.64.0.1", "192.0.0.8", "198.18.0.1",
        "224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1",
        "240.0.0.1", "255.255.255.255", "192.0.2.1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001::1",
        # Where clouds keep the credentials of a machine: Azure's two, Alibaba, Oracle, Google and Scaleway on IPv6.
        "168.63.129.16", "::ffff:168.63.129.16", "64:ff9b::a83f:8110", "2002:a83f:8110::1",
        "100.100.100.200", "192.0.0.192", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe",
    ],
)  # fmt: skip
def test_what_is_nearer(address: str) -> None:
    assert not may_reach(address, ())


@pytest.mark.parametrize(
    ("address", "allowed", "is_reached"),
    [
        ("10.20.0.7", "10.20.0.0/16", True),
        ("10.21.0.7", "10.20.0.0/16", False),
        ("::ffff:10.20.0.7", "10.20.0.0/16", True),
        ("169.254.169.254", "10.20.0.0/16", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.2", "127.0.0.1", False),
        ("fd00::5", "fd00::-fd00::9", True),
        ("fe80::1%eth0", "fe80::/10", True),
    ],
)
def test_networks_that_are_allowed(address: str, allowed: str, is_reached: bool) -> None:
    assert may_reach(address, [span_of(allowed)]) is is_reached


@given(st.ip_addresses(v=4) | st.ip_addresses(network="2000::/3"))
def test_never_one_that_python_calls_private(address: object) -> None:
    found = may_reach(str(address), ())
    assert not (found and (address.is_private or address.is_multicast or address.is_reserved))  # type: ignore[attr-defined]
