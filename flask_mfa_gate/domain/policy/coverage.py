"""Policies that another one leaves nothing to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from ..access import APP
from .implication import form_of, implies
from .model import EVERYBODY, Action, Policy, PolicyState
from .remark import Level, Remark
from .worlds import Worlds


def covered_by_deny(policies: Sequence[Policy], worlds: Worlds) -> Iterator[Remark]:
    """A warning for each policy that is on and applies only where a ``deny`` does too."""
    are_on = [policy for policy in policies if policy.state is PolicyState.ON]
    denials = _by_reach(are_on)
    for policy in are_on:
        if (deny := _covering(policy, denials, worlds)) is not None:
            sentence = f'Never matters: wherever it applies, "{deny.name}" denies.'
            yield Remark(Level.WARNING, "covered-by-deny", policy.name, sentence)


def _by_reach(policies: Sequence[Policy]) -> Mapping[tuple[str, str], Sequence[Policy]]:
    """Denials by each pair of whom they include and what they cover, so that few have to be compared."""
    found: dict[tuple[str, str], list[Policy]] = defaultdict(list)
    for policy in policies:
        if policy.effect.action is Action.DENY:
            for who in policy.users.include:
                for resource in policy.resources or (APP,):
                    found[who, resource].append(policy)
    return found


def _covering(policy: Policy, denials: Mapping[tuple[str, str], Sequence[Policy]], worlds: Worlds) -> Policy | None:
    whom = {EVERYBODY, *policy.users.include[:1]}
    what = {APP, *policy.resources[:1]}
    candidates = (deny for who in whom for resource in what for deny in denials.get((who, resource), ()))
    return next((deny for deny in candidates if _covers(deny, policy, worlds)), None)


def _covers(deny: Policy, policy: Policy, worlds: Worlds) -> bool:
    return _reaches(deny, policy, worlds) and not (
        # Of two that say the same, the first stands.
        policy.effect.action is Action.DENY and deny.name >= policy.name and _reaches(policy, deny, worlds)
    )


def _reaches(wide: Policy, narrow: Policy, worlds: Worlds) -> bool:
    """Whether ``wide`` applies wherever ``narrow`` does. Whoever may not open the app reaches none of its resources."""
    resources = set(wide.resources or (APP,))
    users = set(wide.users.include)
    return (
        (EVERYBODY in users or users.issuperset(narrow.users.include))
        and set(wide.users.exclude) <= set(narrow.users.exclude)
        and (APP in resources or resources.issuperset(narrow.resources or (APP,)))
        and (
            implies(form_of(narrow.conditions, worlds.networks), form_of(wide.conditions, worlds.networks))
            or worlds.is_always(wide.conditions)
        )
    )
