"""What the policies that apply to one resource come to, together with its default access."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from ..access import MFA_ADMIN, Access
from ..assurance import FactorKind
from .compiled import Match
from .facts import Mark
from .model import Action, Policy

HIT, DENY, REQUIRE = Mark.HIT, Action.DENY, Action.REQUIRE


@dataclass(frozen=True, slots=True)
class PolicyDemand:
    """One list of factors of which one has to be proved.

    :param factors: acceptable ones; empty means any that is enabled.
    :param max_age: how old the proof may be; zero asks for this one request; None for the session's life.
    """

    factors: frozenset[FactorKind] = frozenset()
    max_age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
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


_UNTOUCHED = Ruling()


def rule(matches: Collection[Match], *, resource: str, default: Access) -> Ruling:
    """Deny beats require beats allow; what is unknown counts for the first two. The order of matches never matters."""
    if not matches:
        return _UNTOUCHED
    applies = _default_applies(matches, resource, default)
    denies, requires, allows = _by_action(matches)
    if denies:
        refusing = _policies(denies)
        return Ruling(denied_by=refusing[0], default_applies=applies, names=_names(refusing))
    if requires:
        demanding = _policies(requires)
        beginning = tuple([policy for policy in demanding if policy.effect.grace_days])
        return Ruling(
            demands=_demands(demanding), graced=beginning if len(beginning) == len(demanding) else (),
            beginning=beginning, default_applies=applies, names=_names(demanding),
        )  # fmt: skip
    # SECURITY: leniency needs every fact; whoever hides one, or aims at the console, is not let off.
    letting = [match.policy for match in allows if match.mark is HIT and resource != MFA_ADMIN]
    return Ruling(allows=bool(letting), default_applies=applies, names=_names(letting))


def _by_action(matches: Collection[Match]) -> tuple[list[Match], list[Match], list[Match]]:
    """Those that deny, require, and allow."""
    denies: list[Match] = []
    requires: list[Match] = []
    allows: list[Match] = []
    for match in matches:
        action = match.policy.effect.action
        (denies if action is DENY else requires if action is REQUIRE else allows).append(match)
    return denies, requires, allows


def _policies(matches: list[Match]) -> list[Policy]:
    """Certain ones first."""
    return [match.policy for match in sorted(matches, key=_certain_first)]


def _certain_first(match: Match) -> tuple[bool, str]:
    return match.mark is not HIT, match.policy.name


def _names(policies: Collection[Policy]) -> tuple[str, ...]:
    return tuple(sorted([policy.name for policy in policies]))


def _demands(policies: Collection[Policy]) -> tuple[PolicyDemand, ...]:
    """Each different list once, all with the smallest age that one of them asks for."""
    ages = [policy.effect.max_age for policy in policies if policy.effect.max_age is not None]
    max_age = min(ages, default=None)
    lists = {policy.effect.factors for policy in policies}
    return tuple(PolicyDemand(factors, max_age) for factors in sorted(lists, key=sorted))


def _default_applies(matches: Collection[Match], resource: str, default: Access) -> bool:
    if resource == MFA_ADMIN:
        return True
    for match in matches:  # noqa: SIM110 - a generator costs as much as the rest
        if _displaces(match, default):
            return False
    return True


def _displaces(match: Match, default: Access) -> bool:
    """Whether this match alone is enough to leave the default access out."""
    # SECURITY: hiding a fact must not trade a strict default for the demand of a policy that may not even apply.
    if match.mark is not HIT:
        return False
    effect = match.policy.effect
    return not (default is Access.REQUIRE and effect.action is REQUIRE and effect.grace_days)
