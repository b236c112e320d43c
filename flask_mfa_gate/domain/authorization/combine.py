"""What the policies that apply to one resource come to, together with its default access."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import NamedTuple

from ..access import MFA_ADMIN, Access
from ..policy.document.effect import Action
from ..policy.document.policy import Policy
from ..policy.evaluation.compiled_policy import Match
from ..policy.facts import MatchResult
from ..sign_in.assurance import FactorKind

HIT, DENY, REQUIRE = MatchResult.HIT, Action.DENY, Action.REQUIRE


class PolicyDemand(NamedTuple):
    """One list of factors of which one has to be proved.

    :param factors: acceptable ones; empty means any that is enabled.
    :param max_age: how old the proof may be; zero asks for this one request; None for the session's life.
    """

    factors: frozenset[FactorKind] = frozenset()
    max_age: timedelta | None = None


class PolicyResult(NamedTuple):
    """The outcome of policies for one resource, before the user's own requirement, which is a floor under it.

    :param denied_by: the policy that refuses; then nothing else here matters.
    :param demands: every one has to be met; one proof may meet several.
    :param graced: the policies whose grace decides when the demands are hard: at the earliest of their ends. Empty when
        the demands are hard now.
    :param beginning: every policy with days of grace that applies; they begin also while another is hard.
    :param allows: whether the challenge is dropped for a user who holds a factor.
    :param default_applies: whether the resource's default access speaks too.
    :param names: the policies that decide, in alphabetical order.
    """

    denied_by: Policy | None = None
    demands: tuple[PolicyDemand, ...] = ()
    graced: tuple[Policy, ...] = ()
    beginning: tuple[Policy, ...] = ()
    allows: bool = False
    default_applies: bool = True
    names: tuple[str, ...] = ()


_UNTOUCHED = PolicyResult()


def combine(matches: Collection[Match], *, resource: str, default: Access) -> PolicyResult:
    """Deny beats require beats allow; what is unknown counts for the first two. The order of matches never matters."""
    if not matches:
        return _UNTOUCHED
    denies, requires, allows = _by_action(matches)
    applies = _default_applies(matches, resource, default, is_required=bool(requires))
    if denies:
        return PolicyResult(
            denied_by=min(denies, key=_certain_first).policy, default_applies=applies, names=_names(denies)
        )
    if requires:
        beginning = _beginning(requires)
        return PolicyResult(
            demands=_demands(requires), graced=beginning if len(beginning) == len(requires) else (),
            beginning=beginning, default_applies=applies, names=_names(requires),
        )  # fmt: skip
    # SECURITY: leniency needs every fact; hiding one, or asking for the console, is no way round.
    letting = [match for match in allows if match.counts and resource != MFA_ADMIN]
    return PolicyResult(allows=bool(letting), default_applies=applies, names=_names(letting))


def graced_for_the_first_time(results: Mapping[str, PolicyResult], known: Collection[str]) -> set[str]:
    """Names of policies whose days of grace begin now.

    :param known: those whose days have begun already.
    """
    return {policy.name for result in results.values() for policy in result.beginning if policy.name not in known}


def _by_action(matches: Collection[Match]) -> tuple[list[Match], list[Match], list[Match]]:
    """Those that deny, require, and allow."""
    denies: list[Match] = []
    requires: list[Match] = []
    allows: list[Match] = []
    for match in matches:
        action = match.policy.effect.action
        (denies if action is DENY else requires if action is REQUIRE else allows).append(match)
    return denies, requires, allows


def _certain_first(match: Match) -> tuple[bool, str]:
    return match.mark is not HIT, match.policy.name


def _names(matches: Collection[Match]) -> tuple[str, ...]:
    return tuple(sorted([match.policy.name for match in matches]))


def _beginning(matches: Collection[Match]) -> tuple[Policy, ...]:
    graced = [match for match in matches if match.policy.effect.grace_days]
    return tuple([match.policy for match in sorted(graced, key=_certain_first)]) if graced else ()


def _demands(matches: Collection[Match]) -> tuple[PolicyDemand, ...]:
    """Each different list once, all with the smallest age that one of them asks for."""
    effects = [match.policy.effect for match in matches]
    ages = [effect.max_age for effect in effects if effect.max_age is not None]
    max_age = min(ages) if ages else None
    lists = {effect.factors for effect in effects}
    ordered = sorted(lists, key=sorted) if len(lists) > 1 else lists
    return tuple([PolicyDemand(factors, max_age) for factors in ordered])


def _default_applies(matches: Collection[Match], resource: str, default: Access, *, is_required: bool) -> bool:
    if resource == MFA_ADMIN:
        return True
    for match in matches:  # noqa: SIM110 - a generator costs as much as the rest
        if _displaces(match, default, is_required=is_required):
            return False
    return True


def _displaces(match: Match, default: Access, *, is_required: bool) -> bool:
    """Whether this match is enough to leave the default access out.

    :param is_required: whether a policy requires, which beats every allow.
    """
    # SECURITY: hiding a fact must not trade a strict default for the demand of a policy that may not even apply.
    if match.mark is not HIT:
        return False
    if default is not Access.REQUIRE:
        return True
    # SECURITY: a default that requires at once must not give way to days of grace, nor to an allow that is beaten.
    action = match.policy.effect.action
    return action is DENY or (not match.policy.effect.grace_days if action is REQUIRE else not is_required)
