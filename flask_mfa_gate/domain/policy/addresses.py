"""Addresses, blocks and ranges as numbers on one line: first all of IPv4, then all of IPv6."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

from ...errors import PolicyError
from ...sentences import Sentence
from .reading import LONGEST_SHOWN

Span: TypeAlias = tuple[int, int]
_SIX = 1 << 32
_HALF = 0.5
END = _SIX + (1 << 128)
# SECURITY: no two parts that take the same mark side by side, or a text of dots takes the square of its length.
_ADDRESS_LIKE = re.compile(r"[0-9a-fA-F]*[.:][0-9a-fA-F.:]*([-/%].*)?|\d+/\d+")


@dataclass(frozen=True, slots=True)
class Network:
    """A name for addresses: single ones, CIDR blocks and ranges, v4 and v6."""

    name: str
    entries: tuple[str, ...]


def looks_like_address(text: str) -> bool:
    """Whether this is meant as an address, block or range, and not as the name of a network."""
    return _ADDRESS_LIKE.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def spot_of(address: str | None) -> int | None:
    """The place of an address on the line; None when it is missing or unreadable."""
    try:
        return _spot(ip_address(address or ""))
    except ValueError:
        return None


def address_at(spot: int) -> str:
    """The address at a place of the line, before its end."""
    return str(IPv4Address(spot) if spot < _SIX else IPv6Address(spot - _SIX))


def read_entry(text: str, where: str) -> str:
    """An entry of a network, checked and in canonical spelling. A bad one raises :class:`PolicyError`."""
    # SECURITY: a zone is one interface of one machine; an entry with it would silently count on every interface.
    if "%" in text:
        raise PolicyError(
            Sentence("is %(value)r, and no network has a zone (%%)", value=text[:LONGEST_SHOWN]), path=where
        )
    try:
        return _range_text(text) if "-" in text else _block_text(text, where)
    except ValueError:
        raise PolicyError(
            Sentence("is %(value)r, which is no address, block or range", value=text[:LONGEST_SHOWN]), path=where
        ) from None


@lru_cache(maxsize=1024)
def span_of(entry: str) -> Span:
    """First and last place of an entry that :func:`read_entry` returned."""
    if "-" in entry:
        first, last = (_spot(ip_address(part)) for part in entry.split("-"))
        return first, last
    text, _, length = entry.partition("/")
    address = ip_address(text)
    spot, free_bits = _spot(address), address.max_prefixlen - int(length or address.max_prefixlen)
    return spot, spot + (1 << free_bits) - 1


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same addresses in sorted spans that do not touch."""
    result: list[Span] = []
    for first, last in sorted(spans):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return result


def is_half_the_internet(spans: Iterable[Span]) -> bool:
    """Whether so much of IPv4, or of the global IPv6, lies in them that anybody finds an address there.

    :param spans: apart from each other, as :func:`merged` makes them.
    """
    return share_of_internet(spans) >= _HALF


def share_of_internet(spans: Iterable[Span]) -> float:
    """How much of IPv4, or of the global IPv6, lies in them, whichever is more; 1 is all of it.

    :param spans: apart from each other, as :func:`merged` makes them.
    """
    covered = list(spans)
    return max(
        sum(max(0, min(last, high) - max(first, low) + 1) for first, last in covered) / (high - low + 1)
        for low, high in _INTERNET
    )


def _spot(address: IPv4Address | IPv6Address) -> int:
    # SECURITY: a v6 socket shows 10.0.0.1 as ::ffff:10.0.0.1; taken for another address it would evade a block.
    address = _unmapped(address)
    return int(address) + (_SIX if address.version == 6 else 0)


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def _range_text(text: str) -> str:
    first, last = (_unmapped(ip_address(part.strip())) for part in text.split("-"))
    if first.version != last.version or int(first) > int(last):
        raise ValueError(text)
    return f"{first}-{last}"


def _block_text(text: str, where: str) -> str:
    block = ip_network(text, strict=False)
    if "/" not in text:
        return str(_unmapped(block.network_address))
    if ip_address(text.partition("/")[0]) != block.network_address:
        raise PolicyError(
            Sentence("is %(text)r, which has bits set behind the prefix", text=text), path=where, nearest=str(block)
        )
    if block.version == 6 and block.prefixlen >= 96 and int(block.network_address) >> 32 == 0xFFFF:
        return f"{_unmapped(block.network_address)}/{block.prefixlen - 96}"
    return str(block)


# All of IPv6 that is given out is in one block (RFC 4291, section 2.4; IANA's registry of global unicast).
_INTERNET = tuple(span_of(block) for block in ("0.0.0.0/0", "2000::/3"))
