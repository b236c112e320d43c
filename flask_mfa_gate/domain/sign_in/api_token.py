"""A token of the host: made by a user in a session that had proved a factor, and worth that proof from then on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .assurance import Assurance, Method, Proof, SignIn

MOST_TOKENS = 100
USE_MARK_INTERVAL = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What is known of one token. The token itself is nowhere on the server.

    :param digest: SHA-256 of it.
    :param lineage: of the sign-in that registered it.
    :param name: by which its owner knows it.
    :param proofs: what that sign-in had proved.
    :param stamp: what stood for the owner's password then; None where the host has no such thing.
    :param ends_at: when the host lets it expire; None where it told of no end.
    :param last_used_at: to the day.
    """

    id: str
    digest: str = field(repr=False)
    user_key: str
    lineage: str
    name: str
    proofs: tuple[Proof, ...]
    created_at: datetime
    stamp: str | None = field(default=None, repr=False)
    ends_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def assurance(self) -> Assurance:
        """What a request proves by it."""
        return Assurance(SignIn.TOKEN, self.created_at, self.proofs)

    def is_good(self, user_key: str, stamps: Collection[str], *, now: datetime) -> bool:
        """Whether it still stands for this user.

        :param stamps: what stands for the user's password now.
        """
        # SECURITY: a token that the host lets somebody else use proves nothing of them.
        if self.user_key != user_key:
            return False
        # SECURITY: what was made before the password was changed ends with it, though no browser came by since.
        is_stale = self.stamp is not None and self.stamp not in stamps
        return not is_stale and (self.ends_at is None or now < self.ends_at)

    def is_use_noted(self, *, now: datetime) -> bool:
        """Whether it is on record that it is in use."""
        return self.last_used_at is not None and now - self.last_used_at < USE_MARK_INTERVAL


def may_register(assurance: Assurance, *, now: datetime) -> bool:
    """Whether a session with this proof may make tokens; a way back in signs in, and does nothing that lasts."""
    return assurance.proved(Method.of_factors, now=now)
