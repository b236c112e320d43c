"""Whether what was granted may still be used: the sign-in, the account, the lapse and the policies are asked again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto

from ...clock import Clock
from ...domain.authorization.decide import decide
from ...domain.authorization.decision import Ask
from ...domain.authorization.request import AccessRequest
from ...domain.authorization.rules import Rules
from ...domain.oidc.client import RESOURCE_PREFIX
from ...domain.policy.evaluation.compiled_policies import CompiledPolicies
from ...domain.sign_in.session import Lifetimes
from ...store.oidc.grants import GrantState
from ..policies.environment_input import recorded_environment
from .subjects import Subject, SubjectReader

_REFUSALS = frozenset({Ask.DENY, Ask.LOCKED})


class Use(Enum):
    """What a grant is about to be used for."""

    CODE = auto()
    REFRESH = auto()
    ACCESS = auto()


class GrantPermission:
    """Judges a grant by the facts that its browser had, and by everything else as it is now.

    :param policies_at: gives the policies of a version.
    """

    def __init__(
        self, policies_at: Callable[[str | None], CompiledPolicies], subjects: SubjectReader, rules: Rules, *,
        clock: Clock, lifetimes: Lifetimes,
    ) -> None:  # fmt: skip
        self._policies_at, self._subjects, self._rules = policies_at, subjects, rules
        self._clock, self._lifetimes = clock, lifetimes

    def subject(self, state: GrantState, use: Use) -> Subject | None:
        """The user who may go on with this grant; None where nobody may.

        :raises HostCallbackFailed: where the host fails to tell of them.
        """
        # SECURITY: sign-out, reset and revocation count at once, and not when a token ends.
        if state.grant.is_over(self._clock()) or not self._is_signed_in(state, use):
            return None
        subject = self._subjects.read(state)
        return subject if subject is not None and self._is_let_in(state, subject, use) else None

    def _is_signed_in(self, state: GrantState, use: Use) -> bool:
        """A grant goes with its sign-in, unless the user agreed that it stays; then any revocation ends it."""
        if state.grant.is_offline and use is not Use.CODE:
            return state.grant.revocations == state.enrollment.revocations
        session = state.session
        return session is not None and not session.is_pending and session.is_alive(self._lifetimes, now=self._clock())

    def _is_let_in(self, state: GrantState, subject: Subject, use: Use) -> bool:
        grant, now = state.grant, self._clock()
        policies = self._policies_at(state.enrollment.policy_version)
        request = AccessRequest(
            state.enrollment,
            grant.assurance,
            is_active=subject.person.is_active,
            resources=(f"{RESOURCE_PREFIX}{grant.client_id}",),
            groups=subject.person.groups,
            environment=replace(recorded_environment(grant.facts), at=now),
            # A prompt protects nothing that its own "later" does not open, and here nobody could be shown one.
            promptable=False,
            # A proof for this one act was for this code, and for nothing that comes of it later.
            granted=use is Use.CODE,
        )
        ask = decide(request, policies, self._rules, now=now).ask
        # SECURITY: a policy that was saved since counts, or a code or refresh token would be a way round it.
        return ask not in _REFUSALS if use is Use.ACCESS else ask is Ask.PASS
