"""What an admin takes from users without a reset: sessions, one factor, an access pass. Pure, as every action."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ..people.roles import Right
from ..records.event_name import EventName
from ..records.mail_kind import MailKind, Notice
from ..sign_in.assurance import FactorKind
from .enrollment import Status
from .state_changes import Case, Move, Outcome, Requirement
from .voids import Voids


@dataclass(frozen=True, slots=True)
class RevokeSessions:
    """End every sign-in, also of browsers that only the app remembers."""

    right = Right.RESCUE
    must_tell = False

    def on(self, case: Case, *, by: str) -> Move:
        """Of users without a session too: the gate may not have seen every one."""
        return Move(event=EventName.SESSIONS_REVOKED, voids=Voids(sessions=True))


@dataclass(frozen=True, slots=True)
class RevokePass:
    """Make the access pass worthless, and end what it opened."""

    right = Right.RESCUE
    must_tell = False

    def on(self, case: Case, *, by: str) -> Move:
        """Also a pass that was used up, for the session that it opened."""
        if not case.has_pass:
            return Move(Outcome.SKIPPED, "no-pass")
        return Move(event=EventName.ACCESS_PASS_REVOKED, voids=Voids(access_passes=True))


@dataclass(frozen=True, slots=True)
class RevokeFactor:
    """Void the factors of one kind, or a single one, and end every session. With the last factor the codes go too.

    :param factor_id: the only one to void; None for all of ``kind``.
    """

    kind: FactorKind | None = None
    factor_id: str | None = None

    right = Right.RESCUE
    must_tell = True

    def on(self, case: Case, *, by: str) -> Move:
        """Allowed for the last accepted factor too. Of whom MFA is required, a new one is then demanded at once."""
        kind, left = self._taken(case)
        if kind is None:
            return Move(Outcome.SKIPPED, "no-factor")
        return Move(
            requirement=_forced(case, by) if _is_bare(case, kind, left) else None,
            event=EventName.FACTOR_REMOVED, details={"factor": self.factor_id or kind.value, "method": kind.value},
            notice=Notice(MailKind.FACTOR_REMOVED, {"method": kind.value, "by_admin": True}),
            voids=Voids(sessions=True, kind=kind, factor_id=self.factor_id),
        )  # fmt: skip

    def _taken(self, case: Case) -> tuple[FactorKind | None, AbstractSet[FactorKind]]:
        """The kind that is taken, None where the user holds no such factor; and the kinds that are left."""
        if self.factor_id is None:
            return (self.kind if self.kind in case.enrollment.factors else None), case.enrollment.factors - {self.kind}
        held = dict(case.held)
        kind = held.pop(self.factor_id, None)
        return kind, frozenset(held.values())


def _is_bare(case: Case, kind: FactorKind, left: AbstractSet[FactorKind]) -> bool:
    """Whether what is left is no factor that counts, or none that a period asks for."""
    accepted = left & case.enabled
    return not accepted or (kind in case.satisfying and not accepted & case.satisfying)


def _forced(case: Case, by: str) -> Requirement | None:
    """None leaves the requirement as it is."""
    enrollment = case.enrollment
    # SECURITY: a lapse stays one: losing a factor must not let anybody set up the next.
    if not enrollment.required or case.status is Status.ENROLLMENT_EXPIRED:
        return None
    # SECURITY: a period may run beside a security key; losing the key must not buy days of password alone.
    return Requirement(enrollment.required_by or by)
