"""An impersonation: an admin acts as another user for a while, in the admin's own session."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ImpersonationEnd(StrEnum):
    """What ended one."""

    LEFT = "left"
    SIGNED_OUT = "signed-out"
    NOT_ALLOWED = "not-allowed"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class DeclaredImpersonation:
    """Who signs in as whom, and why, as a view of the host says it."""

    actor_key: str
    subject_key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Impersonation:
    """Who acts as whom. It lives in one session of the actor's, and no longer.

    :param lineage: of the actor's session.
    :param user_key: of the actor.
    :param subject_key: of the user who is acted as.
    :param revocations: how often the subject's sessions had been revoked when it began.
    :param stamp: what stood for the subject's password then.
    :param sealed: what the actor's session of the host held.
    """

    id: str
    lineage: str
    user_key: str
    subject_key: str
    reason: str
    began_at: datetime
    revocations: int
    stamp: str | None = field(default=None, repr=False)
    sealed: bytes = field(default=b"", repr=False)

    def is_revoked(self, *, revocations: int, stamps: Collection[str]) -> bool:
        """Whether the subject's sessions were revoked since, or the subject's password is another.

        :param stamps: what stands for it now.
        """
        return revocations != self.revocations or (self.stamp is not None and self.stamp not in stamps)
