"""What stands between an authorization request and its code: judged here, for the gate answers no code by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from flask import request

from ...domain.authorization.decision import Ask, AuthnRequirement, Decision, Reason
from ...domain.oidc.authn_request import Prompt
from ...domain.oidc.grant import Authorization
from ...domain.oidc.strength import Level, best_level, level_of
from ...domain.sign_in.assurance import UPSTREAM, Assurance, Method, methods_of
from ...domain.sign_in.session import GateSession
from ...domain.view_protection import ViewProtection
from ...errors import MFAGateError
from ...services.people.persons import login_names
from ..account.accounts import Account, account_of
from ..authorization.authorizer import RequestAuthorizer
from ..client import origin_of
from ..fail_closed import UNAVAILABLE
from ..sessions.revoked import turn_away
from ..sessions.shown_user import is_shown
from .asking import Asking
from .pages import Call

_REFUSED = frozenset({Ask.DENY, Ask.LOCKED})


class Need(Enum):
    """What is still needed, and its error where nothing may be shown (OpenID Connect Core 1.0 section 3.1.2.6)."""

    SIGN_IN = auto()
    OTHER_USER = auto()
    NEWER_SIGN_IN = auto()
    NEWER_PROOF = auto()
    GATE = auto()
    STRONGER_PROOF = auto()
    FACTOR = auto()
    ACCOUNT = auto()
    CONSENT = auto()
    REFUSED = auto()
    STRENGTH = auto()

    @property
    def error(self) -> str:
        """As clients know it."""
        return _ERRORS.get(self, "login_required")


_ERRORS = {
    Need.GATE: "interaction_required", Need.STRONGER_PROOF: "interaction_required", Need.FACTOR: "interaction_required",
    Need.ACCOUNT: "account_selection_required", Need.CONSENT: "consent_required", Need.REFUSED: "access_denied",
    Need.STRENGTH: "unmet_authentication_requirements",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: a code may be made, or something is needed first.

    :param decision: of the gate, where that asks or refuses.
    :param methods: what would prove enough.
    :param is_optional: whether the user may go on without.
    """

    authorization: Authorization | None = None
    need: Need | None = None
    decision: Decision | None = None
    methods: frozenset[Method] = field(default=frozenset())
    is_optional: bool = False


def judge(call: Call, asking: Asking) -> Outcome:
    """What is needed for this request, in the order in which a user would meet it."""
    context, live = call.context, call.context.session
    # SECURITY: nobody signs in to another app as the user whom they act as here, nor as themself by mistake.
    if context.impersonation is not None:
        return Outcome(need=Need.REFUSED, decision=Decision(Ask.DENY, Reason.IMPERSONATION))
    if live is None or context.enrollment is None:
        return Outcome(need=Need.SIGN_IN)
    # SECURITY: whom the host takes for nobody, or for another user, gets no code by the gate's cookie alone. Of a
    # pending sign-in the host shows nobody, and it gets no code either.
    if not live.is_pending and not is_shown(context, live):
        return Outcome(need=Need.SIGN_IN)
    account, user = account_of(call.state, live, shown=context.shown)
    if account is Account.UNKNOWN:
        # SECURITY: whether they are still who they were can't be told, so there is no code.
        raise MFAGateError(UNAVAILABLE)
    if account is Account.CHANGED:
        _end_stale(call, user, live)
    if account in {Account.CHANGED, Account.GONE}:
        return Outcome(need=Need.SIGN_IN)
    authorizer = RequestAuthorizer(context, user, is_on=account is not Account.OFF)
    return _Judge(call, asking, live, authorizer, user).outcome()


def _end_stale(call: Call, user: Any, live: GateSession) -> None:
    """The password was changed: what rests on the old one ends, as on any page."""
    stamps = call.state.host.stamper.stamps(user, live.user_key)
    call.state.sign_in.revocations.note_changed_password(live.user_key, stamps, origin=origin_of(request))
    turn_away(call.context, live.user_key)


@dataclass(slots=True)
class _Judge:
    """One user before one request.

    :param user: the host's user object; None where it has none to give.
    """

    call: Call
    asking: Asking
    live: GateSession
    authorizer: RequestAuthorizer
    user: Any

    def outcome(self) -> Outcome:
        """The first need, or leave for a code."""
        # SECURITY: the gate decides first, also while a sign-in is pending: nothing that is asked for by the client
        # comes before what the app and this resource ask of its user.
        steps = [self._gate, self._subject, self._age, self._strength, self._account, self._consent]
        if self.asking.asked.is_silent:
            # SECURITY: last, or an app that may see nothing of its user yet would find out by guessing who is here.
            steps = [self._gate, self._age, self._strength, self._consent, self._subject, self._account]
        found = next((outcome for step in steps if (outcome := step()) is not None), None)
        return found if found is not None else Outcome(authorization=self._authorization())

    def _gate(self) -> Outcome | None:
        if self.live.is_pending:
            decision = self.authorizer.now()
        else:
            decision = self.authorizer.here(ViewProtection(resources=(self.asking.client.resource,)))
            if decision.ask is Ask.PASS:
                return None
        return Outcome(need=Need.REFUSED if decision.ask in _REFUSED else Need.GATE, decision=decision)

    def _subject(self) -> Outcome | None:
        wanted = self.asking.asked.subject
        return None if wanted in {None, self.live.user_key} else Outcome(need=Need.OTHER_USER)

    def _age(self) -> Outcome | None:
        # SECURITY: what a remember-me cookie brings back is a new sign-in without any proof, and never a young one.
        asked, proved_at = self.asking.asked, self._assurance.witnessed_at
        # A proof that came after the request satisfies it, or it would be asked for again and again.
        if proved_at is not None and proved_at >= self.asking.asked_at:
            return None
        is_old = asked.max_age is not None and not self._is_within(proved_at, timedelta(seconds=asked.max_age))
        # SECURITY: what may be of any age is passed off as of no time (OpenID Connect Core 1.0 section 2).
        is_unknown = asked.needs_auth_time and proved_at is None
        if not asked.wants_new_proof and not is_old and not is_unknown:
            return None
        return Outcome(need=Need.NEWER_PROOF, methods=self._held) if self._held else Outcome(need=Need.NEWER_SIGN_IN)

    def _is_within(self, proved_at: datetime | None, age: timedelta) -> bool:
        return proved_at is not None and timedelta(0) <= self.call.state.clock() - proved_at <= age

    def _strength(self) -> Outcome | None:
        asked, words = self.asking.asked, self.call.oidc.acr
        if asked.essential_acr:
            levels = words.levels(asked.essential_acr)
            return self._reach(min(levels), is_optional=False) if levels else Outcome(need=Need.STRENGTH)
        levels = words.levels(asked.acr_values)
        has_chosen = asked.is_silent or self.asking.answer("without") == self.live.lineage
        return self._reach(min(levels), is_optional=True) if levels and not has_chosen else None

    def _reach(self, level: Level, *, is_optional: bool) -> Outcome | None:
        """What would raise this sign-in to a level that it has not reached."""
        if self._level >= level:
            return None
        stronger = frozenset(method for method in self._provable if best_level({method}) >= level)
        if stronger:
            return Outcome(need=Need.STRONGER_PROOF, methods=stronger, is_optional=is_optional)
        addable = frozenset(
            method for method in methods_of(self.call.state.rules.enabled) if best_level({method}) >= level
        )
        if addable and not self._held:
            return Outcome(need=Need.FACTOR, methods=addable, is_optional=is_optional)
        return None if is_optional else Outcome(need=Need.STRENGTH)

    def _account(self) -> Outcome | None:
        """Whether the user chooses; a hint may be outdated, so they may go on as who they are (Core 3.1.2.1)."""
        asked, has_chosen = self.asking.asked, self.asking.answer("account") == self.live.lineage
        is_asked = Prompt.SELECT_ACCOUNT in asked.prompts or asked.hints_at_another(self._names())
        if has_chosen or not is_asked:
            return None
        return Outcome(need=Need.OTHER_USER if asked.is_silent else Need.ACCOUNT)

    def _names(self) -> frozenset[str]:
        if not self.asking.asked.login_hint:
            return frozenset()
        user = self.user if self.user is not None else self.call.state.host.directory.get(self.live.user_key)
        names = login_names(user)
        return names | {self.live.user_key} if names else names

    def _consent(self) -> Outcome | None:
        asking, prompts = self.asking, self.asking.asked.prompts
        wanted = asking.provider.wanted_scopes(asking.scopes)
        has_agreed = asking.answer("consent") == self.live.lineage
        # SECURITY: what was agreed to and taken back since, as under connected apps, is agreed to no more.
        is_known = not asking.client.needs_consent(wanted) or set(wanted) <= asking.consent
        is_enough = is_known and (has_agreed or Prompt.CONSENT not in prompts)
        return None if is_enough else Outcome(need=Need.CONSENT)

    @property
    def _held(self) -> frozenset[Method]:
        enrollment = self.call.context.enrollment
        return methods_of(enrollment.factors & self.call.state.rules.enabled) if enrollment is not None else frozenset()

    @property
    def _provable(self) -> frozenset[Method]:
        """What this user could prove now, here or at the provider that signed them in."""
        can_ask = self.call.state.rules.trust.can_ask(self.live.assurance.upstream)
        return self._held | {UPSTREAM} if can_ask else self._held

    @property
    def _level(self) -> Level:
        return level_of(self._assurance)

    @property
    def _assurance(self) -> Assurance:
        state = self.call.state
        return state.rules.counted(self.live.assurance, self.live.user_key, now=state.clock())

    def _authorization(self) -> Authorization:
        live, words = self.live, self.call.oidc.acr
        enrollment = self.call.context.enrollment
        assert enrollment is not None  # noqa: S101 - seen before
        # Of what a client insists on, the strongest that holds: a higher level stands for a lower one too.
        levels = [level for level in words.levels(self.asking.asked.essential_acr) if level <= self._level]
        latest = live.assurance.authenticated_at + self.call.state.settings.session_max_age
        return Authorization(
            user_key=live.user_key,
            lineage=live.lineage,
            assurance=self._assurance,
            acr=words.value(max(levels, default=self._level)),
            facts=self.authorizer.recorded_facts(),
            revocations=enrollment.revocations,
            ends_at=latest if live.ends_at is None else min(latest, live.ends_at),
            stamp=live.stamp,
        )


def requirement_of(outcome: Outcome) -> AuthnRequirement:
    """What a challenge has to ask for."""
    return outcome.decision.requirement if outcome.decision is not None else AuthnRequirement(outcome.methods)
