"""Which changes of policies may weaken protection, each as a sentence that an admin can act on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from ....sentences import Sentence
from ...access import APP
from ..addresses import Network
from ..document.effect import Action, Effect
from ..document.policy import Policy, PolicySet, PolicyState
from ..document.users import EVERYBODY, Users
from .implication import Form, form_of, implies

_TIGHT = {Action.REQUIRE: 1, Action.DENY: 2}
_STATES = {PolicyState.OFF: Sentence("is turned off"), PolicyState.REPORT_ONLY: Sentence("only reports now")}


@dataclass(frozen=True, slots=True)
class _Rule:
    """A policy that is on.

    :param networks: by name, to see its conditions through their names.
    """

    policy: Policy
    networks: Mapping[str, Network]

    @property
    def conditions(self) -> Form:
        """Made when it is asked for: of thousands of policies, a change is about a few."""
        return form_of(self.policy.conditions, self.networks)

    @property
    def action(self) -> Action:
        return self.policy.effect.action

    @property
    def resources(self) -> frozenset[str]:
        return frozenset(self.policy.resources or (APP,))

    @property
    def reach(self) -> tuple[object, ...]:
        """Whom it is about, where, and with what effect, whatever it is called."""
        users = self.policy.users
        return frozenset(users.include), frozenset(users.exclude), self.resources, self.policy.effect


class _Meanings:
    """What rules do, whatever they are called."""

    def __init__(self, rules: Mapping[str, _Rule]) -> None:
        self._rules: dict[tuple[object, ...], list[_Rule]] = {}
        self._forms: dict[tuple[object, ...], frozenset[Form]] = {}
        for rule in rules.values():
            self._rules.setdefault(rule.reach, []).append(rule)

    def __contains__(self, rule: _Rule) -> bool:
        reach = rule.reach
        if reach not in self._rules:
            return False
        if reach not in self._forms:
            self._forms[reach] = frozenset(one.conditions for one in self._rules[reach])
        return rule.conditions in self._forms[reach]


def loosened(old: PolicySet, new: PolicySet) -> tuple[str, ...]:
    """A sentence for each change that may weaken protection, in the order of the policies' names.

    Where the form of conditions does not tell whether they are wider or narrower, they are taken for the worse.
    Default access is not looked at: on a resource that is denied by default, a ``require`` opens what was closed.
    """
    before, after = _rules(old), _rules(new)
    kept, known = _Meanings(after), _Meanings(before)
    has_same_networks = {*old.networks} == {*new.networks}
    states = {policy.name: policy.state for policy in new.policies}
    sentences: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if has_same_networks and was is not None and now is not None and was.policy == now.policy:
            continue
        if was is not None and was.action in _TIGHT and was not in kept:
            sentences += [_ended(was, states.get(name))] if now is None else _weakened(was, now)
        if now is not None and now.action is Action.ALLOW and now not in known:
            sentences += _opened(was, now)
    return tuple(sentences)


def _rules(policy_set: PolicySet) -> Mapping[str, _Rule]:
    networks = {network.name: network for network in policy_set.networks}
    return {policy.name: _Rule(policy, networks) for policy in policy_set.policies if policy.state is PolicyState.ON}


def _ended(rule: _Rule, state: PolicyState | None) -> str:
    what = Sentence("is removed") if state is None else _STATES[state]
    effect = Sentence("denies") if rule.action is Action.DENY else Sentence("asks for MFA at")
    return Sentence(
        "%(title)s %(what)s, so it no longer %(effect)s %(listed)s.",
        title=_title(rule),
        what=what,
        effect=effect,
        listed=_listed(rule.resources),
    )


def _weakened(was: _Rule, now: _Rule) -> Iterator[str]:
    """A policy that denies or requires covers less, or asks for less."""
    title = _title(now)
    if _TIGHT.get(now.action, 0) < _TIGHT[was.action]:
        yield Sentence(
            "%(title)s has %(action)s no longer, but %(other)s.", title=title, action=was.action, other=now.action
        )
    if now.action not in _TIGHT:
        return
    yield from (
        Sentence("%(title)s %(what)s.", title=title, what=what)
        for what in _fewer_users(was.policy.users, now.policy.users)
    )
    if gone := was.resources - now.resources:
        yield Sentence("%(title)s no longer covers %(listed)s.", title=title, listed=_listed(gone))
    if not implies(was.conditions, now.conditions):
        yield Sentence("%(title)s no longer applies everywhere it did: %(cause)s.", title=title, cause=_cause(was, now))
    if was.action is now.action is Action.REQUIRE:
        yield from (
            Sentence("%(title)s %(what)s.", title=title, what=what)
            for what in _easier(was.policy.effect, now.policy.effect)
        )


def _fewer_users(was: Users, now: Users) -> Iterator[str]:
    if EVERYBODY not in now.include and (gone := set(was.include) - set(now.include)):
        yield Sentence("no longer includes %(listed)s", listed=_listed(gone))
    if spared := set(now.exclude) - set(was.exclude):
        yield Sentence("now excludes %(listed)s", listed=_listed(spared))


def _easier(was: Effect, now: Effect) -> Iterator[str]:
    if was.factors and not now.factors:
        yield Sentence("accepts any factor now")
    elif was.factors and (more := now.factors - was.factors):
        yield Sentence("accepts %(listed)s now", listed=_listed(more))
    if _longest(now) > _longest(was):
        yield (
            Sentence("limits the age of a proof no longer")
            if now.max_age is None
            else Sentence("accepts a proof of %(age)s now", age=now.max_age)
        )
    if now.grace_days > was.grace_days:
        yield Sentence("gives %(days)s days of grace instead of %(before)s", days=now.grace_days, before=was.grace_days)


def _longest(effect: Effect) -> timedelta:
    return timedelta.max if effect.max_age is None else effect.max_age


def _opened(was: _Rule | None, now: _Rule) -> Iterator[str]:
    """A policy that allows covers more."""
    title = _title(now)
    if was is None:
        yield Sentence(
            "%(title)s is on now and drops the challenge at %(listed)s.", title=title, listed=_listed(now.resources)
        )
        return
    if was.action is not Action.ALLOW:
        return
    yield from (
        Sentence("%(title)s %(what)s.", title=title, what=what)
        for what in _more_users(was.policy.users, now.policy.users)
    )
    if more := now.resources - was.resources:
        yield Sentence("%(title)s now drops the challenge at %(listed)s too.", title=title, listed=_listed(more))
    if not implies(now.conditions, was.conditions):
        yield Sentence("%(title)s now applies where it did not: %(cause)s.", title=title, cause=_cause(was, now))


def _more_users(was: Users, now: Users) -> Iterator[str]:
    if EVERYBODY not in was.include and (more := set(now.include) - set(was.include)):
        yield Sentence("now includes %(listed)s", listed=_listed(more))
    if gone := set(was.exclude) - set(now.exclude):
        yield Sentence("no longer excludes %(listed)s", listed=_listed(gone))


def _cause(was: _Rule, now: _Rule) -> str:
    if form_of(was.policy.conditions) == form_of(now.policy.conditions):
        return Sentence("a network that it names has changed")
    return Sentence("its conditions have changed")


def _title(rule: _Rule) -> str:
    return f'"{rule.policy.name}"'


def _listed(words: Collection[str]) -> str:
    return ", ".join(sorted(words))
