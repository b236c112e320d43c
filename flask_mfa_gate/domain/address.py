"""Addresses of clients: how they are read, and when two of them count as one."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_SITE_BITS = 64
# Some proxies write the client's port behind its address.
_WITH_PORT = re.compile(r"\[(?P<six>[^\]]*)\](:\d{1,5})?|(?P<four>\d+\.\d+\.\d+\.\d+):\d{1,5}")
# An IPv4 client that a translator brings to an IPv6 server (RFC 6052 section 2.1).
_TRANSLATED = IPv6Network("64:ff9b::/96")
_LONGEST = 100


def canonical_address(text: str | None) -> str | None:
    """The address in one spelling, without port and zone, a mapped one unmapped; None when it can't be read."""
    found = _WITH_PORT.fullmatch((text or "")[:_LONGEST])
    try:
        address = ip_address((found["six"] or found["four"] or "") if found else text or "")
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return str(address)
    # SECURITY: behind "%" stands any text of any length, which would go into mails, records and too short a column.
    return str(address.ipv4_mapped or IPv6Address(int(address)))


UNREADABLE_PLACE = "unknown"


@lru_cache(maxsize=1024)
def place_of(address: str | None) -> str | None:
    """What stands for an address wherever addresses are compared or counted; None when it can't be read.

    :param address: as :func:`canonical_address` gives it.
    """
    canonical = canonical_address(address)
    if canonical is None:
        return None
    parsed = ip_address(canonical)
    if isinstance(parsed, IPv4Address):
        return canonical
    if parsed in _TRANSLATED:
        return str(IPv4Address(int(parsed) & 0xFFFFFFFF))
    # SECURITY: one who has an IPv6 address has the 2^64 of its network (RFC 6177); one by one they would be a crowd.
    return str(IPv6Network((int(parsed), _SITE_BITS), strict=False))


def counted_place(address: str | None) -> str:
    """The place where something is counted: all addresses that can't be read are one."""
    return place_of(address) or UNREADABLE_PLACE
