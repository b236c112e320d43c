"""Which servers this one may talk to: those of the internet, and those of networks that the operator names."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from .policy.addresses import Span, span_of, spot_of

# What leads to IPv4 by a translator (RFC 6052 section 2.1).
_TRANSLATED = IPv6Network("64:ff9b::/96")
_LOW = 0xFFFFFFFF
_INTERNET = tuple(span_of(block) for block in ("0.0.0.0/0", "2000::/3"))
# IANA's registries of special-purpose addresses (RFC 6890), with multicast, and the one public address that a cloud
# (Azure) gives to the host under the machine.
# SECURITY: nobody may reach the app's own network by naming an address: loopback, private, link-local
# (there are the credentials of a cloud), shared, multicast and reserved addresses.
_NEAR = tuple(
    span_of(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "168.63.129.16/32", "224.0.0.0/4", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip


def may_reach(address: str, allowed: Collection[Span]) -> bool:
    """Whether a connection may go to this address.

    :param address: as a look-up of a name gives it, maybe with a zone.
    :param allowed: networks that count beside the internet.
    """
    spot = spot_of(_as_routed(ip_address(address.partition("%")[0])))
    return spot is not None and (_is_in(spot, allowed) or (_is_in(spot, _INTERNET) and not _is_in(spot, _NEAR)))


def _is_in(spot: int, spans: Collection[Span]) -> bool:
    return any(first <= spot <= last for first, last in spans)


def _as_routed(address: IPv4Address | IPv6Address) -> str:
    """An IPv6 address that leads to an IPv4 one is as near as that one."""
    if isinstance(address, IPv4Address):
        return str(address)
    # SECURITY: 64:ff9b::7f00:1 and 2002:7f00:1:: are ways of writing 127.0.0.1, as ::ffff:127.0.0.1 is.
    embedded = address.ipv4_mapped or address.sixtofour
    if embedded is None and address in _TRANSLATED:
        embedded = IPv4Address(int(address) & _LOW)
    return str(embedded or address)
