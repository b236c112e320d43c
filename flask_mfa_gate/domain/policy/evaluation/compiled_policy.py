"""One policy made ready: judged quickly, and explained by the same tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import FunctionType
from typing import TypeAlias, overload

from ...access import APP
from ..addresses import Span
from ..condition_tree import And, Condition, Expression, Not, Or, places_in
from ..conditions.condition_type import ConditionType, Networks, Wanted
from ..conditions.registry import Registry
from ..conditions.words.network import NETWORK, within
from ..document.effect import Action
from ..document.policy import Policy
from ..document.users import users_text
from ..facts import Environment, MatchResult, Subject
from ..logic import Matcher, certain, every_of, not_of, some_of
from .trace import ConditionTrace, PolicyTrace, condition_trace
from .users import looked_at_user, users_matcher

HIT, MISS, UNKNOWN = MatchResult.HIT, MatchResult.MISS, MatchResult.UNKNOWN
OnError: TypeAlias = Callable[[str, str, Exception], None]
Tests: TypeAlias = tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A policy, and whether it holds.

    :param mark: ``hit`` for certain, ``unknown`` because a fact is missing.
    """

    policy: Policy
    mark: MatchResult

    @property
    def counts(self) -> bool:
        """Whether its effect is taken: what is unknown tightens, and loosens nothing."""
        return self.mark is HIT or (self.mark is UNKNOWN and self.policy.effect.action is not Action.ALLOW)


@dataclass(frozen=True, slots=True, eq=False)
class CompiledCondition:
    """One test with all that explains it.

    :param spans: of a network, the addresses in it.
    """

    criterion: Condition
    word: ConditionType
    matcher: Matcher
    spans: Sequence[Span] | None

    def find(
        self, subject: Subject, environment: Environment, on_error: Callable[[str, Exception], None]
    ) -> ConditionTrace:
        """The test's result; one that raises is told to ``on_error`` and counts as unknown."""
        looked_at = ""
        try:
            looked_at = self.word.looked_at(subject, environment, self.criterion.wanted)
            mark = certain(self.matcher(subject, environment))
        except Exception as error:  # noqa: BLE001 - a condition may be the host's code and raise anything
            on_error(self.criterion.word, error)
            mark = MatchResult.UNKNOWN
        return condition_trace(self.criterion, mark, looked_at)


@dataclass(frozen=True, slots=True, eq=False)
class CompiledPolicy:
    """One policy with its tests. Equal to itself only, so that sets of them are cheap.

    :param position: its place in the document.
    :param hit: what it is where it applies for certain; ``unknown`` where a fact is missing.
    :param tests: all have to hold, those of users and conditions. What is equal in several policies is one test.
    :param spans: addresses outside of which the conditions fail, whatever else is known; None for no such bound.
    """

    policy: Policy
    position: int
    hit: Match
    unknown: Match
    resources: tuple[str, ...]
    users: Matcher
    criteria: tuple[CompiledCondition, ...]
    tests: Tests
    spans: Sequence[Span] | None

    def mark(self, subject: Subject, environment: Environment, asked: dict[Matcher, MatchResult]) -> MatchResult:
        """Whether users and conditions hold; raises what a condition raises.

        :param asked: what tests have answered in this decision, so that policies that share one ask it once.
        """
        mark = HIT
        for test in self.tests:
            found = asked.get(test)
            if found is None:
                found = asked[test] = test(subject, environment)
            if found is MISS:
                return found
            # SECURITY: a host's word may answer None or False by mistake; that must not pass for a certain answer.
            if found is not HIT:
                mark = UNKNOWN
        return mark

    def mark_safely(self, subject: Subject, environment: Environment, on_error: OnError) -> MatchResult:
        """Like ``mark``, with each condition that raises told to ``on_error`` and taken as unknown."""
        findings = self._findings(subject, environment, on_error)
        return every_of((self.users, self._fold(findings)))(subject, environment)

    def trace(
        self, subject: Subject, opened: Collection[str], environment: Environment, on_error: OnError
    ) -> PolicyTrace:
        """Each criterion, users and resources among them, and what they come to together.

        :param opened: names of what is opened; a view opens the app and what it is marked with.
        """
        policy = self.policy
        at_resource = MatchResult.MISS if set(opened).isdisjoint(self.resources) else MatchResult.HIT
        whom = self.users(subject, environment)
        findings = self._findings(subject, environment, on_error)
        conditions = self._fold(findings)(subject, environment)
        mark = every_of([_always(mark) for mark in (at_resource, whom, conditions)])(subject, environment)
        covered = Condition("resources", tuple(sorted(self.resources)))
        meant = Condition("users", (users_text(policy.users),))
        criteria = (
            condition_trace(covered, at_resource, " with ".join(opened)),
            condition_trace(meant, whom, looked_at_user(subject)),
            *map(_placed, findings, places_in(policy.conditions)),
        )
        return PolicyTrace(policy.name, policy.state, Match(policy, mark).counts, mark, criteria)

    def _findings(self, subject: Subject, environment: Environment, on_error: OnError) -> list[ConditionTrace]:
        report = partial(on_error, self.policy.name)
        return [criterion.find(subject, environment, report) for criterion in self.criteria]

    def _fold(self, findings: list[ConditionTrace]) -> Matcher:
        """The policy's own logic over marks that are there already."""
        marks = iter([found.mark for found in findings])
        return assemble(self.policy.conditions, lambda _: _always(next(marks)))


@dataclass(frozen=True, slots=True, eq=False)
class Traces(Sequence[PolicyTrace]):
    """The trace of each policy, made when it is read: of thousands, most readers look at a few."""

    rows: Sequence[CompiledPolicy] = field(repr=False)
    subject: Subject
    opened: Collection[str]
    environment: Environment
    on_error: OnError = field(repr=False)

    @overload
    def __getitem__(self, index: int) -> PolicyTrace: ...
    @overload
    def __getitem__(self, index: slice) -> Traces: ...
    def __getitem__(self, index: int | slice) -> PolicyTrace | Traces:
        if isinstance(index, slice):
            return replace(self, rows=self.rows[index])
        return self.rows[index].trace(self.subject, self.opened, self.environment, self.on_error)

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Compiler:
    """Makes policies of one set ready. What is equal shares one test, which keeps large sets small and quick.

    :param made: each criterion, by what it wants.
    :param tests: those of criteria that all have to hold.
    """

    registry: Registry
    networks: Networks
    made: dict[tuple[str, Hashable], CompiledCondition] = field(default_factory=dict)
    tests: dict[tuple[CompiledCondition, ...], Tests] = field(default_factory=dict)

    def policy(self, policy: Policy, position: int) -> CompiledPolicy:
        """The policy with its tests. What a condition names and nobody knows raises :class:`PolicyError`."""
        where = f"policies[{position}].conditions"
        criteria, tests = self._conditions(policy.conditions, where)
        users = users_matcher(policy.users)
        return CompiledPolicy(
            policy=policy,
            position=position,
            hit=Match(policy, MatchResult.HIT),
            unknown=Match(policy, MatchResult.UNKNOWN),
            resources=policy.resources or _WHOLE_APP,
            users=users or _EVERYBODY,
            criteria=criteria,
            tests=(users, *tests) if users else tests,
            spans=self._bound(policy.conditions, where),
        )

    def _conditions(self, condition: Expression, where: str) -> tuple[tuple[CompiledCondition, ...], Tests]:
        """Its criteria from left to right, and the tests that all have to hold."""
        if isinstance(condition, And) and all(isinstance(part, Condition) for part in condition.parts):
            criteria = tuple(self._criterion(part, where) for part in condition.parts if isinstance(part, Condition))
            return criteria, self._ordered(criteria)
        found: list[CompiledCondition] = []

        def leaf(criterion: Condition) -> Matcher:
            found.append(self._criterion(criterion, where))
            return found[-1].matcher

        matcher = assemble(condition, leaf)
        return tuple(found), (matcher,)

    def _ordered(self, criteria: tuple[CompiledCondition, ...]) -> Tests:
        """The network last: a request found by its address is in it already, so it is the least likely to fail."""
        if criteria not in self.tests:
            ordered = sorted(criteria, key=lambda one: one.word is NETWORK)
            self.tests[criteria] = tuple([one.matcher for one in ordered])
        return self.tests[criteria]

    def _bound(self, conditions: Expression, where: str) -> Sequence[Span] | None:
        """The first network that has to hold. A network under ``any`` or ``not`` bounds nothing."""
        parts = conditions.parts if isinstance(conditions, And) else (conditions,)
        networks = [part for part in parts if isinstance(part, Condition) and part.word == NETWORK.word]
        return self._criterion(networks[0], where).spans if networks else None

    def _criterion(self, criterion: Condition, where: str) -> CompiledCondition:
        key = (criterion.word, _hashable(criterion.wanted))
        if key not in self.made:
            path = f"{where}.{criterion.word}"
            word = self.registry.find(criterion.word, path)
            spans = NETWORK.spans(criterion.wanted, self.networks, path) if word is NETWORK else None
            matcher = word.compile(criterion.wanted, self.networks, path) if spans is None else within(spans)
            self.made[key] = CompiledCondition(criterion, word, _as_key(matcher), spans)
        return self.made[key]


def _as_key(matcher: Matcher) -> Matcher:
    """A host's test may be an object that cannot be a key, or that equals another."""
    return matcher if isinstance(matcher, FunctionType) else partial(matcher)


def _hashable(wanted: Wanted) -> Hashable:
    if isinstance(wanted, tuple):
        return wanted
    return tuple((key, _frozen(value)) for key, value in wanted.items())


def _frozen(value: object) -> Hashable:
    return tuple(value) if isinstance(value, list | tuple) else str(value)


def assemble(condition: Expression, leaf: Callable[[Condition], Matcher]) -> Matcher:
    """One test out of the tests of its criteria, which are asked for from left to right."""
    match condition:
        case Condition():
            return leaf(condition)
        case And(parts):
            return every_of([assemble(part, leaf) for part in parts])
        case Or(parts):
            return some_of([assemble(part, leaf) for part in parts])
        case Not(part):
            return not_of(assemble(part, leaf))


def _placed(found: ConditionTrace, under: str) -> ConditionTrace:
    return replace(found, under=under)


def _always(mark: MatchResult) -> Matcher:
    return lambda subject, environment: mark


_WHOLE_APP = (APP,)
_EVERYBODY = _always(MatchResult.HIT)
