"""What another provider said of the user whom it signed in, and how much of it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""When a user authenticated of whom a provider tells something that can't be."""


class Trust(StrEnum):
    """What is believed of one provider: nothing, what it says it proved, or that it always proves enough."""

    NEVER = "never"
    WHEN_PROVED = "when-proved"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Upstream:
    """What the provider said by which a session was signed in. Nothing of it counts unless it is believed.

    :param issuer: as the provider is configured; None where the claims name none.
    :param amr: the authentication methods it names (RFC 8176).
    :param is_multi_factor: whether its ``acr`` or ``amr`` says that more than one factor was proved.
    :param at: its ``auth_time``; None where it told of none.
    :param is_exhausted: whether it was asked for a stronger proof in this session, and had none.
    :param spent_at: its ``auth_time`` that was last taken as a proof for one act.
    """

    issuer: str | None
    amr: tuple[str, ...] = ()
    is_multi_factor: bool = False
    at: datetime | None = None
    is_exhausted: bool = False
    spent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FederatedSignIn:
    """Whom a provider vouched for, and with what words.

    :param act: what it was asked to prove something for, see :func:`act_of`.
    """

    user_key: str
    upstream: Upstream
    act: str | None = None


@dataclass(frozen=True, slots=True)
class UpstreamTrust:
    """What is believed of whom. A provider that is not named is never believed.

    :param asked: issuers that can be asked for a stronger proof.
    :param max_age: how old a proof may get at all.
    """

    by_issuer: Mapping[str, Trust] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    max_age: timedelta = timedelta.max

    def believes(self, upstream: Upstream | None) -> bool:
        """Whether anything this provider says counts."""
        return upstream is not None and self._of(upstream) is not Trust.NEVER

    def counts(self, upstream: Upstream, *, now: datetime) -> bool:
        """Whether what it says stands for a second factor."""
        trust = self._of(upstream)
        if trust is Trust.NEVER or not (trust is Trust.ALWAYS or upstream.is_multi_factor):
            return False
        # SECURITY: a session of the provider may be months old; what it proved then proves nothing today.
        return upstream.at is None or now - upstream.at <= self.max_age

    def can_ask(self, upstream: Upstream | None) -> bool:
        """Whether the user can be sent back there for a proof that would count."""
        if upstream is None or upstream.is_exhausted or upstream.issuer not in self.asked:
            return False
        return self.believes(upstream)

    def _of(self, upstream: Upstream) -> Trust:
        return self.by_issuer.get(upstream.issuer or "", Trust.NEVER)
