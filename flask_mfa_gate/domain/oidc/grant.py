"""What a user granted to a client: one grant is the family of all tokens that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from ..sign_in.assurance import Assurance
from .client import OFFLINE, OidcClient


class TokenKind(StrEnum):
    """What a token is good for."""

    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class OidcLifetimes:
    """How long codes and tokens live.

    :param refresh: of a refresh token that nobody uses.
    :param offline: of a grant that outlives its sign-in, at most.
    """

    code: timedelta
    access: timedelta
    id_token: timedelta
    refresh: timedelta
    offline: timedelta

    @property
    def longest(self) -> timedelta:
        """Of any of them."""
        return max(self.code, self.access, self.id_token, self.refresh, self.offline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One grant. The strength in it is that of the sign-in when it was given, and never changes.

    :param lineage: of the sign-in, which stays the same while its id rotates.
    :param scope: what was granted, in words.
    :param assurance: what was proved by then; policies are asked by it again.
    :param facts: what was known of the browser, as JSON values, for the same purpose.
    :param code_digest: SHA-256 of the code in hex.
    :param code_challenge: of PKCE, always S256.
    :param is_offline: whether it outlives the sign-in.
    :param revocations: how often the user's sessions had been revoked.
    :param stamp: what stood for the password.
    :param ends_at: when it is over, whatever is refreshed.
    """

    id: str
    client_id: str
    user_key: str
    lineage: str
    scope: str
    nonce: str | None = field(repr=False)
    redirect_uri: str
    acr: str
    amr: tuple[str, ...]
    assurance: Assurance
    facts: Mapping[str, Any]
    code_digest: str = field(repr=False)
    code_challenge: str = field(repr=False)
    code_ends_at: datetime
    is_offline: bool
    revocations: int
    created_at: datetime
    ends_at: datetime
    stamp: str | None = field(default=None, repr=False)
    code_used_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def auth_time(self) -> int | None:
        """When the user last proved anything, in seconds since 1970; None where nobody knows."""
        proved_at = self.assurance.witnessed_at
        return None if proved_at is None else int(proved_at.timestamp())

    @property
    def sid(self) -> str:
        """Names the sign-in to clients."""
        return sid_of(self.lineage)

    def is_over(self, now: datetime) -> bool:
        """Whether nothing of it counts any more."""
        return self.revoked_at is not None or now >= self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token of a grant.

    :param digest: SHA-256 of it in hex.
    :param used_at: when a refresh token was traded for the next one.
    """

    digest: str = field(repr=False)
    grant_id: str
    kind: TokenKind
    scope: str
    created_at: datetime
    ends_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A sign-in that the gate let through to a client, with what is kept of it.

    :param acr: what is sent.
    :param facts: what is known of the browser, as JSON values.
    :param revocations: how often the user's sessions were revoked by now.
    :param ends_at: when the sign-in itself will be over, at the latest.
    """

    user_key: str
    lineage: str
    assurance: Assurance
    acr: str
    facts: Mapping[str, Any]
    revocations: int
    ends_at: datetime
    stamp: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a client asked for, as far as its tokens depend on it.

    :param scope: what is granted of it, in words.
    :param code_challenge: of PKCE, S256.
    """

    client: OidcClient
    scope: str
    redirect_uri: str
    code_challenge: str = field(repr=False)
    nonce: str | None = field(default=None, repr=False)

    @property
    def is_offline(self) -> bool:
        """Whether the grant outlives the sign-in."""
        return OFFLINE in self.scope.split()


def sid_of(lineage: str) -> str:
    """The ``sid`` of a sign-in: a digest, from which no id of a session can be told."""
    return sha256(b"flask_mfa_gate sid" + lineage.encode()).hexdigest()[:32]
