"""Keys that sign ID tokens: published first, then in use, then retired."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from .client import SigningAlgorithm

# How long clients may keep the key set, and so how long a new key is shown before it signs.
PUBLISHED_FOR = timedelta(hours=1)


class KeyState(StrEnum):
    """Where a key is in its life."""

    PUBLISHED = "published"
    SIGNING = "signing"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One key.

    :param kid: its thumbprint (RFC 7638).
    :param generation: counts the keys of one algorithm.
    :param public: the public half as a JWK.
    :param sealed: the private half.
    :param signs_from: when clients have had time to fetch it.
    :param retired_at: since when it signs nothing; what it signed is still known.
    """

    kid: str
    algorithm: SigningAlgorithm
    generation: int
    public: Mapping[str, Any]
    sealed: bytes = field(repr=False)
    created_at: datetime
    signs_from: datetime
    retired_at: datetime | None = None

    def state(self, now: datetime, *, among: Collection[SigningKey]) -> KeyState:
        """Where it is."""
        if self.retired_at is not None:
            return KeyState.RETIRED
        in_use = signing_key(among, self.algorithm, now)
        if in_use is not None and in_use.kid == self.kid:
            return KeyState.SIGNING
        return KeyState.PUBLISHED if self.signs_from > now else KeyState.RETIRED


def signing_key(keys: Collection[SigningKey], algorithm: SigningAlgorithm, now: datetime) -> SigningKey | None:
    """The one that signs: the newest whose time has come."""
    ready = [key for key in keys if key.algorithm is algorithm and key.retired_at is None and key.signs_from <= now]
    return max(ready, key=lambda key: key.generation, default=None)


def superseded_keys(
    keys: Collection[SigningKey], now: datetime, *, longest_life: timedelta
) -> list[SigningKey]:  # fmt: skip
    """Those whose successor has signed for longer than anything lives that they signed, and that nobody retired."""
    found = []
    for key in keys:
        successor = signing_key(keys, key.algorithm, now)
        if successor is None or key.retired_at is not None or key.generation >= successor.generation:
            continue
        if successor.signs_from + longest_life + PUBLISHED_FOR <= now:
            found.append(key)
    return found
