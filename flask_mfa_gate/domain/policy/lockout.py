"""Whether policies would shut out those who could mend them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from ..access import APP
from .facts import Environment, Mark, Subject
from .logic import Matcher
from .model import Action, Condition, Policy, PolicyState, Some
from .remark import AppFacts, Level, Remark
from .users import users_matcher
from .worlds import Worlds

CONSOLE = "mfa-admin"

Test = Callable[[Condition], bool]


def lockouts(policies: Sequence[Policy], *, facts: AppFacts, worlds: Worlds) -> Iterator[Remark]:
    """A remark for the acting admin, or for all admins, whom policies that are on keep from the console.

    An error where they are denied whatever the facts are, a warning where they are while facts are unknown.
    """
    denials = [policy for policy in policies if _may_close_console(policy)]
    acting = [admin for admin in facts.admins if admin.key == facts.acting_admin]
    for admins, code, whom in ((acting, "acting-admin", "you"), (facts.admins, "every-admin", "every admin")):
        # An account of break-glass is outside policies, so its holder can still mend them.
        if not admins or any(admin.key in facts.break_glass for admin in admins):
            continue
        if causes := _causes(denials, admins, {Mark.HIT}, worlds.is_always):
            yield _remark(Level.ERROR, f"denies-{code}", causes, whom, "whatever the facts are")
        elif causes := _causes(denials, admins, {Mark.HIT, Mark.UNKNOWN}, worlds.is_match_when_unknown):
            yield _remark(Level.WARNING, f"may-deny-{code}", causes, whom, "while facts are unknown")


def _may_close_console(policy: Policy) -> bool:
    is_on = policy.state is PolicyState.ON and policy.effect.action is Action.DENY
    return is_on and not {APP, CONSOLE}.isdisjoint(policy.resources or (APP,))


def _causes(
    denials: Sequence[Policy], admins: Sequence[Subject], covering: Collection[Mark], test: Test
) -> frozenset[str]:
    """Names of the policies that deny each of the admins; none when one of them gets through."""
    marks = [users_matcher(policy.users) for policy in denials]
    causes: set[str] = set()
    for places in {_covering(marks, admin, covering) for admin in admins}:
        found = _denying([denials[place] for place in places], test)
        if not found:
            return frozenset()
        causes.update(found)
    return frozenset(causes)


def _covering(matchers: Sequence[Matcher | None], admin: Subject, covering: Collection[Mark]) -> tuple[int, ...]:
    return tuple(
        place for place, match in enumerate(matchers) if match is None or match(admin, Environment()) in covering
    )


def _denying(policies: Sequence[Policy], test: Test) -> list[str]:
    """One policy that denies by itself, else all of them where they do together."""
    for policy in policies:
        if test(policy.conditions):
            return [policy.name]
    return [policy.name for policy in policies] if test(Some(tuple(policy.conditions for policy in policies))) else []


def _remark(level: Level, code: str, causes: Collection[str], whom: str, when: str) -> Remark:
    first, *others = sorted(causes)
    together = f" together with {', '.join(others)}" if others else ""
    sentence = f"Denies {whom} the console{together}, {when}. Exclude one account that can still mend it."
    return Remark(level, code, first, sentence)
