"""Whether policies would shut out those who could mend them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from ...access import APP
from ..condition_tree import Expression, Or
from ..document.effect import Action
from ..document.policy import Policy, PolicyState
from ..evaluation.users import users_matcher
from ..facts import Environment, MatchResult, Subject
from .finding import AppFacts, Level, LintFinding
from .worlds import SatisfiabilityChecker

CONSOLE = "mfa-admin"


def lockouts(policies: Sequence[Policy], *, facts: AppFacts, worlds: SatisfiabilityChecker) -> Iterator[LintFinding]:
    """A remark for the acting admin, or for all admins, whom policies that are on keep from the console.

    An error where they are denied whatever the facts are, a warning where they are while facts are unknown.
    """
    denials = [policy for policy in policies if _may_close_console(policy)]
    certain = _Denials(denials, frozenset({MatchResult.HIT}), worlds.is_always)
    blind = _Denials(denials, frozenset({MatchResult.HIT, MatchResult.UNKNOWN}), worlds.is_match_when_unknown)
    acting = [admin for admin in facts.admins if admin.key == facts.acting_admin]
    for admins, code, whom in ((acting, "acting-admin", "you"), (facts.admins, "every-admin", "every admin")):
        # An account of break-glass is outside policies, so its holder can still mend them.
        if not admins or any(admin.key in facts.break_glass for admin in admins):
            continue
        if causes := certain.of_all(admins):
            yield _remark(Level.ERROR, f"denies-{code}", causes, whom, "whatever the facts are")
        elif causes := blind.of_all(admins):
            yield _remark(Level.WARNING, f"may-deny-{code}", causes, whom, "while facts are unknown")


def _may_close_console(policy: Policy) -> bool:
    is_on = policy.state is PolicyState.ON and policy.effect.action is Action.DENY
    return is_on and not {APP, CONSOLE}.isdisjoint(policy.resources or (APP,))


class _Denials:
    """Policies that may close the console, under one reading of what is unknown.

    :param covering: the marks of a policy's users that count as being meant.
    :param test: whether conditions surely match.
    """

    def __init__(
        self, policies: Sequence[Policy], covering: Collection[MatchResult], test: Callable[[Expression], bool]
    ):
        self._policies, self._covering, self._test = policies, covering, test
        self._users = [users_matcher(policy.users) for policy in policies]
        self._match_alone = {place for place, policy in enumerate(policies) if test(policy.conditions)}

    def of_all(self, admins: Sequence[Subject]) -> frozenset[str]:
        """Names of the policies that deny each of the admins; none when one of them gets through."""
        causes: set[str] = set()
        for places in {self._meaning(admin) for admin in admins}:
            found = self._denying(places)
            if not found:
                return frozenset()
            causes.update(found)
        return frozenset(causes)

    def _meaning(self, admin: Subject) -> tuple[int, ...]:
        return tuple(
            place
            for place, match in enumerate(self._users)
            if match is None or match(admin, Environment()) in self._covering
        )

    def _denying(self, places: Sequence[int]) -> list[str]:
        """One policy that denies by itself, else all of them where they do together."""
        for place in places:
            if place in self._match_alone:
                return [self._policies[place].name]
        together = Or(tuple(self._policies[place].conditions for place in places))
        return [self._policies[place].name for place in places] if self._test(together) else []


def _remark(level: Level, code: str, causes: Collection[str], whom: str, when: str) -> LintFinding:
    first, *others = sorted(causes)
    together = f" together with {', '.join(others)}" if others else ""
    sentence = f"Denies {whom} the console{together}, {when}. Exclude one account that can still mend it."
    return LintFinding(level, code, first, sentence)
