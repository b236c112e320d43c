"""Policies of which each allows little, and all together nearly everything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from ....sentences import Sentence
from ...access import APP
from ..condition_tree import Or
from ..document.policy import Policy
from ..document.users import EVERYBODY
from .finding import Level, LintFinding
from .reach import is_nearly_everywhere
from .worlds import SatisfiabilityChecker

MOST_TRIED = 100
_Group: TypeAlias = tuple[Policy, ...]


def open_together(allows: Sequence[Policy], worlds: SatisfiabilityChecker) -> Iterator[LintFinding]:
    """A warning for each of several ``allow`` policies that leave one user less than half of the world to prove in.

    Of very many users and resources that are named, some are looked at.

    :param allows: those that are on, and of which none is nearly everywhere by itself.
    """
    told: set[str] = set()
    # SECURITY: to add up thousands of networks for thousands of users would hold the lock of the tables for minutes.
    for group in islice(_groups(allows), MOST_TRIED):
        if not _is_open(group, worlds):
            continue
        names = [policy.name for policy in group]
        for name in names:
            if name not in told:
                others = ", ".join(f'"{other}"' for other in names if other != name)
                sentence = Sentence("Drops the challenge nearly everywhere, together with %(others)s.", others=others)
                yield LintFinding(Level.WARNING, "allow-together", name, sentence)
        told.update(names)


def _is_open(group: _Group, worlds: SatisfiabilityChecker) -> bool:
    either = Or(tuple(policy.conditions for policy in group))
    return is_nearly_everywhere(either, worlds) or worlds.is_always(either)


@dataclass(slots=True)
class _OfResource:
    """Policies on one resource, by whom they name."""

    by_user: dict[str, list[Policy]] = field(default_factory=lambda: defaultdict(list))

    def of(self, user: str) -> _Group:
        """Those that reach this user, or a member of this group, whatever else they are in."""
        found = [*self.by_user[EVERYBODY], *(self.by_user[user] if user != EVERYBODY else ())]
        return tuple(policy for policy in found if user not in policy.users.exclude)


def _groups(allows: Sequence[Policy]) -> Iterator[_Group]:
    """Each set of at least two policies that reach the same user on the same resource, once."""
    by_resource: dict[str, _OfResource] = defaultdict(_OfResource)
    for policy in allows:
        for resource in policy.resources or (APP,):
            for user in policy.users.include:
                by_resource[resource].by_user[user].append(policy)
    seen: set[tuple[str, ...]] = set()
    for found in by_resource.values():
        # Most are in the set of those that name everybody.
        for user in sorted(found.by_user.copy(), key=lambda name: name != EVERYBODY):
            group = found.of(user)
            names = tuple(policy.name for policy in group)
            if len(group) > 1 and names not in seen:
                seen.add(names)
                yield group
