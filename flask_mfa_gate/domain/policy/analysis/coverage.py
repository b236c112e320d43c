"""Policies that another one leaves nothing to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import TypeAlias

from ....sentences import Sentence
from ...access import APP
from ..document.effect import Action
from ..document.policy import Policy, PolicyState
from ..document.users import EVERYBODY
from .finding import Level, LintFinding
from .implication import ALWAYS, Form, form_of
from .worlds import SatisfiabilityChecker

MOST_COMPARED = 100


def covered_by_deny(
    policies: Sequence[Policy], worlds: SatisfiabilityChecker, *, about: str | None = None
) -> Iterator[LintFinding]:  # fmt: skip
    """A warning for each policy that is on and applies only where one ``deny`` does too.

    Such a deny has the same conditions, or conditions that always hold. Of very many that could cover a policy, some
    are looked at.

    :param about: name of the only policy that is asked about.
    """
    active = [policy for policy in policies if policy.state is PolicyState.ON]
    denials = _by_reach([_rule_of(policy, worlds) for policy in active if policy.effect.action is Action.DENY])
    if not denials:
        return
    for rule in (_rule_of(policy, worlds) for policy in active if about in (None, policy.name)):
        if (deny := _covering(rule, denials)) is not None:
            sentence = Sentence('Never matters: wherever it applies, "%(name)s" denies.', name=deny.policy.name)
            yield LintFinding(Level.WARNING, "covered-by-deny", rule.policy.name, sentence)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A policy with its reach."""

    policy: Policy
    include: frozenset[str]
    exclude: frozenset[str]
    resources: frozenset[str]
    conditions: Form

    def reaches(self, other: _Rule) -> bool:
        """Whether this applies wherever the other does. Users who may not open the app reach none of its resources."""
        return (
            self.conditions in (ALWAYS, other.conditions)
            and (EVERYBODY in self.include or self.include >= other.include)
            and self.exclude <= other.exclude
            and (APP in self.resources or self.resources >= other.resources)
        )


_Reach: TypeAlias = tuple[str, str, Form]


def _rule_of(policy: Policy, worlds: SatisfiabilityChecker) -> _Rule:
    return _Rule(
        policy,
        frozenset(policy.users.include),
        frozenset(policy.users.exclude),
        frozenset(policy.resources or (APP,)),
        ALWAYS if worlds.is_always(policy.conditions) else form_of(policy.conditions, worlds.networks),
    )


def _by_reach(denials: Sequence[_Rule]) -> Mapping[_Reach, Sequence[_Rule]]:
    """Denials by what another policy must share with them, so that few have to be compared."""
    found: dict[_Reach, list[_Rule]] = defaultdict(list)
    for rule in denials:
        for who, resource in product(rule.include, rule.resources):
            found[who, resource, rule.conditions].append(rule)
    return found


def _covering(rule: _Rule, denials: Mapping[_Reach, Sequence[_Rule]]) -> _Rule | None:
    whom = {EVERYBODY, *list(rule.include)[:1]}
    what = {APP, *list(rule.resources)[:1]}
    candidates = (deny for reach in product(whom, what, {ALWAYS, rule.conditions}) for deny in denials.get(reach, ()))
    # SECURITY: thousands of denials that differ in a user each would hold the lock of the tables for a minute.
    return next((deny for deny in islice(candidates, MOST_COMPARED) if _covers(deny, rule)), None)


def _covers(deny: _Rule, rule: _Rule) -> bool:
    if not deny.reaches(rule):
        return False
    # Of two that say the same, the first stands.
    is_twin = rule.policy.effect.action is Action.DENY and rule.reaches(deny)
    return not is_twin or deny.policy.name < rule.policy.name
