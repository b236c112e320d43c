"""What an admin takes from users without a reset: sessions, one factor, an access pass. Pure, as every action."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ..people.roles import Right
from ..records.event_name import EventName
from ..records.mail_kind import MailKind, Notice
from ..sign_in.assurance import FactorKind
from .enrollment import Status
from .state_changes import Outcome, Requirement, StateChange, UserState
from .voids import Voids


@dataclass(frozen=True, slots=True)
class RevokeSessions:
    """End every sign-in, also of browsers that only the app remembers."""

    right = Right.RESCUE
    must_tell = False

    def on(self, user: UserState, *, by: str) -> StateChange:
        """Of users without a session too: the gate may not have seen every one."""
        return StateChange(event=EventName.SESSIONS_REVOKED, voids=Voids(sessions=True))


@dataclass(frozen=True, slots=True)
class RevokePass:
    """Make the access pass worthless, and end what it opened."""

    right = Right.RESCUE
    must_tell = False

    def on(self, user: UserState, *, by: str) -> StateChange:
        """Also a pass that was used up, for the session that it opened."""
        if not user.has_pass:
            return StateChange(Outcome.SKIPPED, "no-pass")
        return StateChange(event=EventName.ACCESS_PASS_REVOKED, voids=Voids(access_passes=True))


@dataclass(frozen=True, slots=True)
class RevokeFactor:
    """Void the factors of one kind, or a single one, and end every session. With the last factor the codes go too.

    :param factor_id: the only one to void; None for all of ``kind``.
    """

    kind: FactorKind | None = None
    factor_id: str | None = None

    right = Right.RESCUE
    must_tell = True

    def on(self, user: UserState, *, by: str) -> StateChange:
        """Allowed for the last accepted factor too. Of whom MFA is required, a new one is then demanded at once."""
        kind, left = self._taken(user)
        if kind is None:
            return StateChange(Outcome.SKIPPED, "no-factor")
        return StateChange(
            requirement=_forced(user, by) if _is_bare(user, kind, left) else None,
            event=EventName.FACTOR_REMOVED, details={"factor": self.factor_id or kind.value, "method": kind.value},
            notice=Notice(MailKind.FACTOR_REMOVED, {"method": kind.value, "by_admin": True}),
            voids=Voids(sessions=True, kind=kind, factor_id=self.factor_id),
        )  # fmt: skip

    def _taken(self, user: UserState) -> tuple[FactorKind | None, AbstractSet[FactorKind]]:
        """The kind that is taken, None where the user holds no such factor; and the kinds that are left."""
        if self.factor_id is None:
            return (self.kind if self.kind in user.enrollment.factors else None), user.enrollment.factors - {self.kind}
        held = dict(user.held)
        kind = held.pop(self.factor_id, None)
        return kind, frozenset(held.values())


def _is_bare(user: UserState, kind: FactorKind, left: AbstractSet[FactorKind]) -> bool:
    """Whether what is left is no factor that counts, or none that a period asks for."""
    accepted = left & user.enabled
    return not accepted or (kind in user.satisfying and not accepted & user.satisfying)


def _forced(user: UserState, by: str) -> Requirement | None:
    """None leaves the requirement as it is."""
    enrollment = user.enrollment
    # SECURITY: a lapse stays one: losing a factor must not let anybody set up the next.
    if not enrollment.required or user.status is Status.ENROLLMENT_EXPIRED:
        return None
    # SECURITY: a period may run beside a security key; losing the key must not buy days of password alone.
    return Requirement(enrollment.required_by or by)
