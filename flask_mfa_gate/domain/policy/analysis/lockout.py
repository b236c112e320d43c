"""Whether policies would shut out those who could mend them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from ....sentences import Sentence
from ...access import APP
from ..condition_tree import And, Condition, Expression, Not, Or
from ..conditions.words.country import COUNTRY
from ..conditions.words.network import NETWORK
from ..document.effect import Action
from ..document.policy import Policy, PolicyState
from ..evaluation.users import users_matcher
from ..facts import Environment, MatchResult, Subject
from .finding import AppFacts, Level, LintFinding
from .worlds import SatisfiabilityChecker

CONSOLE = "mfa-admin"
_YOU, _EVERYBODY = Sentence("you"), Sentence("every admin")
_SURELY = frozenset({MatchResult.HIT})
_OF_PLACE = frozenset({NETWORK.word, COUNTRY.word})


def lockouts(policies: Sequence[Policy], *, facts: AppFacts, worlds: SatisfiabilityChecker) -> Iterator[LintFinding]:
    """A remark for the acting admin, or for all admins, whom policies that are on keep from the console.

    An error where they are denied whatever the facts are, a warning where they are while facts are unknown.
    """
    denials = [policy for policy in policies if _may_close_console(policy)]
    certain = _Denials(denials, _SURELY, worlds.is_always)
    blind = _Denials(denials, frozenset({MatchResult.HIT, MatchResult.UNKNOWN}), worlds.is_match_when_unknown)
    acting = [admin for admin in facts.admins if admin.key == facts.acting_admin]
    yield from _from_here(acting, denials, certain, facts=facts, worlds=worlds)
    for admins, code, whom in ((acting, "acting-admin", _YOU), (facts.admins, "every-admin", _EVERYBODY)):
        if not admins or _can_still_mend(admins, facts):
            continue
        if causes := certain.of_all(admins):
            yield _remark(Level.ERROR, f"denies-{code}", causes, whom, Sentence("whatever the facts are"))
        elif causes := blind.of_all(admins):
            yield _remark(Level.WARNING, f"may-deny-{code}", causes, whom, Sentence("while facts are unknown"))


def _from_here(
    acting: Sequence[Subject], denials: Sequence[Policy], certain: _Denials, *, facts: AppFacts,
    worlds: SatisfiabilityChecker,
) -> Iterator[LintFinding]:  # fmt: skip
    """The acting admin is not denied everywhere, but from where they are."""
    if facts.acting_from is None or not acting or _can_still_mend(acting, facts) or certain.of_all(acting):
        return
    placed = [replace(one, conditions=_placed(one.conditions, facts.acting_from, worlds)) for one in denials]
    if causes := _Denials(placed, _SURELY, worlds.is_always).of_all(acting):
        yield _remark(
            Level.ERROR, "denies-acting-admin-here", causes, _YOU, Sentence("from the address you are at now")
        )


def _placed(condition: Expression, here: Environment, worlds: SatisfiabilityChecker) -> Expression:
    """The condition with what the address decides decided."""
    match condition:
        case Condition(word, wanted) if word in _OF_PLACE:
            mark = worlds.registry.words[word].compile(wanted, worlds.networks, word)(Subject(""), here)
            if mark is MatchResult.HIT:
                return And()
            return Or(()) if mark is MatchResult.MISS else condition
        case Condition():
            return condition
        case Not(part):
            return Not(_placed(part, here, worlds))
        case And(parts):
            return And(tuple(_placed(part, here, worlds) for part in parts))
        case Or(parts):
            return Or(tuple(_placed(part, here, worlds) for part in parts))


def _can_still_mend(admins: Sequence[Subject], facts: AppFacts) -> bool:
    """An account of break-glass is outside policies, so its holder can still mend them."""
    return any(admin.key in facts.break_glass for admin in admins)


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
    together = Sentence(" together with %(known)s", known=", ".join(others)) if others else ""
    sentence = Sentence(
        "Denies %(whom)s the console%(together)s, %(when)s. Exclude one account that can still fix it.",
        whom=whom,
        together=together,
        when=when,
    )
    return LintFinding(level, code, first, sentence)
