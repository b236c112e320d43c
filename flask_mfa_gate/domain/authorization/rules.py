"""The settings that the decision depends on, and what they make of one user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ..access import APP, MFA_ADMIN, Access
from ..enrollment.enrollment import EnrollmentState, Status
from ..sign_in.assurance import Assurance, FactorKind, Method, methods_of
from ..sign_in.upstream import UpstreamTrust

# Until Python 3.12 finding the member of an enum takes longer than judging by it.
ALLOW, REQUIRE, USER_SETTING = Access.ALLOW, Access.REQUIRE, Access.USER_SETTING
EXPIRED = Status.ENROLLMENT_EXPIRED


class Lapse(StrEnum):
    """What a period that ended without enrollment does."""

    LOCKED = "locked"
    CONFINED = "confined"


class LockoutScope(StrEnum):
    """How far a lapse locks: the whole account, or wherever a demand is met by no other factor of the user."""

    APP = "app"
    PROTECTED = "protected"


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that the decision depends on.

    :param enabled: enabled kinds.
    :param satisfying: kinds whose enrollment ends a period.
    :param break_glass: keys of accounts that are outside of policies and lapse.
    :param trust: what is believed of other providers.
    """

    default_access: Mapping[str, Access] = field(default_factory=dict)
    enabled: frozenset[FactorKind] = field(default_factory=lambda: FactorKind.of_status)
    satisfying: frozenset[FactorKind] = field(default_factory=lambda: FactorKind.of_status)
    lapse: Lapse = Lapse.LOCKED
    lockout_scope: LockoutScope = LockoutScope.APP
    challenge_unrequired: bool = True
    prompt_interval: timedelta = timedelta(0)
    break_glass: frozenset[str] = frozenset()
    trust: UpstreamTrust = field(default_factory=UpstreamTrust)

    def access(self, resource: str) -> Access:
        """The default access of a resource. The console always requires."""
        if resource == MFA_ADMIN:
            return REQUIRE
        access = self.default_access.get(resource)
        if access is None:
            return USER_SETTING if resource == APP else ALLOW
        return access

    def counted(self, assurance: Assurance, user_key: str, *, now: datetime) -> Assurance:
        """What counts of a session's facts: proofs of enabled factors, and what is believed of another provider."""
        # SECURITY: a disabled factor counts nowhere, not even where a session proved it before.
        off = Method.of_factors - methods_of(self.enabled)
        proofs = tuple([proof for proof in assurance.proofs if proof.method not in off])
        found = assurance if len(proofs) == len(assurance.proofs) else replace(assurance, proofs=proofs)
        # SECURITY: of a break-glass account its own factor is asked, whatever another provider says of it.
        if assurance.upstream is None or user_key in self.break_glass:
            return found
        return found.believing(self.trust, now=now)


def is_required(enrollment: EnrollmentState, rules: Rules) -> bool:
    """Whether this user must have MFA: by the stored flag, or because everybody must."""
    return enrollment.required or rules.access(APP) is REQUIRE


def locks(status: Status, enrollment: EnrollmentState, rules: Rules) -> bool:
    """Whether a user of this status is locked out."""
    if status is not EXPIRED or rules.lapse is not Lapse.LOCKED:
        return False
    return enrollment.user_key not in rules.break_glass and not has_satisfied(enrollment, rules)


def has_satisfied(enrollment: EnrollmentState, rules: Rules) -> bool:
    """Whether the user holds what ends a period, which one that began before the setting was changed does not know."""
    return bool(enrollment.factors & rules.enabled & rules.satisfying)
