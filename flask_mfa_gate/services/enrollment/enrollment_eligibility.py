"""Who may set a factor up now, and what has to be proved first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ...clock import Clock
from ...domain.authorization.rules import Rules
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.people.roles import Role
from ...domain.sign_in.assurance import FactorKind, Method
from ...domain.sign_in.session import GateSession
from ...settings import Settings
from ..people.directory import UserDirectory

FRESH = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class FirstEnrollment:
    """Who needs an access pass to set up a first factor.

    :param role_of: the console role that the host gives a user now.
    """

    everybody_by_pass: bool
    admins_by_pass: bool
    role_of: Callable[[str], Role | None]

    @classmethod
    def of(cls, settings: Settings, directory: UserDirectory) -> FirstEnrollment:
        """As the app is set up."""

        def role_of(key: str) -> Role | None:
            person = directory.get(key)
            return person.role if person is not None else None

        return cls(settings.first_enrollment == "pass", settings.admin_enrollment == "pass", role_of)


class EnrollmentEligibility:
    """The same for every kind of factor."""

    def __init__(self, rules: Rules, terms: FirstEnrollment, *, clock: Clock) -> None:
        self._rules, self._terms, self._clock = rules, terms, clock

    def is_offered(self, kind: FactorKind) -> bool:
        """Whether this kind is enabled."""
        return kind in self._rules.enabled

    def ends_period(self, kind: FactorKind) -> bool:
        """Whether a factor of this kind is what the requirement asks for."""
        return kind in self._rules.satisfying

    def needs_proof(self, session: GateSession, enrollment: EnrollmentState) -> bool:
        """Whether an existing factor has to be proved first: a password alone never replaces a key."""
        fresh = session.assurance.proved(Method.at_setup, now=self._clock(), max_age=FRESH)
        return bool(enrollment.factors) and not fresh

    def needs_sign_in(self, session: GateSession, enrollment: EnrollmentState) -> bool:
        """Whether the password has to be given again: a first factor wants a sign-in or a pass of the last minutes."""
        is_fresh = session.assurance.is_fresh_sign_in(now=self._clock(), within=FRESH)
        return not enrollment.factors and not is_fresh and not self._has_fresh_pass(session)

    def needs_pass(self, session: GateSession, enrollment: EnrollmentState) -> bool:
        """Whether a first factor takes an access pass: of everybody, or of those with a role in the console."""
        return self._lacks_pass(session, enrollment) and self.is_by_pass(session.user_key)

    def is_by_pass(self, user_key: str) -> bool:
        """Asks the host's directory, or the gate's own, and so never within a transaction."""
        terms = self._terms
        return terms.everybody_by_pass or (terms.admins_by_pass and terms.role_of(user_key) is not None)

    def is_possible(self, session: GateSession, enrollment: EnrollmentState, *, is_by_pass: bool) -> bool:
        """Whether nothing of all that is in the way.

        :param is_by_pass: what :meth:`is_by_pass` said.
        """
        lacks_pass = is_by_pass and self._lacks_pass(session, enrollment)
        return not (self.needs_proof(session, enrollment) or self.needs_sign_in(session, enrollment) or lacks_pass)

    def has_fresh_factor(self, session: GateSession) -> bool:
        """Whether a factor itself was proved lately: what changing recovery codes and factors asks for."""
        return session.assurance.proved(Method.of_factors, now=self._clock(), max_age=FRESH)

    def _lacks_pass(self, session: GateSession, enrollment: EnrollmentState) -> bool:
        return not (enrollment.factors or self._has_fresh_pass(session))

    def _has_fresh_pass(self, session: GateSession) -> bool:
        return session.assurance.proved(Method.passes, now=self._clock(), max_age=FRESH)
