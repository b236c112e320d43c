"""One policy made ready: judged quickly, and explained by the same tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from .conditions.protocol import ConditionWord, Networks
from .conditions.registry import Registry
from .facts import Environment, Mark, Subject
from .logic import Matcher, every_of, not_of, some_of
from .model import Condition, Criterion, Every, Not, Policy, Some
from .trace import Finding, PolicyTrace, finding, wanted_text
from .users import looked_at_user, users_matcher, users_text

APP = "app"
OnError: TypeAlias = Callable[[str, str, Exception], None]


@dataclass(frozen=True, slots=True)
class Match:
    """A policy that applies.

    :param mark: ``hit`` for certain, ``unknown`` because a fact is missing; never ``miss``.
    """

    policy: Policy
    mark: Mark


@dataclass(frozen=True, slots=True, eq=False)
class CompiledCriterion:
    """One test with all that explains it."""

    criterion: Criterion
    word: ConditionWord
    matcher: Matcher

    def find(self, subject: Subject, environment: Environment, on_error: Callable[[str, Exception], None]) -> Finding:
        """The test's result; one that raises is told to ``on_error`` and counts as unknown."""
        wanted, looked_at = self.criterion.wanted, ""
        try:
            looked_at = self.word.looked_at(subject, environment, wanted)
            mark = self.matcher(subject, environment)
        except Exception as error:  # noqa: BLE001 - a condition may be the host's code and raise anything
            on_error(self.criterion.word, error)
            mark = Mark.UNKNOWN
        return finding(self.criterion.word, mark, looked_at, wanted_text(wanted))


@dataclass(frozen=True, slots=True, eq=False)
class CompiledPolicy:
    """One policy with its tests. Equal to itself only, so that sets of them are cheap.

    :param position: its place in the document.
    :param matcher: whether users and conditions hold; raises what a condition raises.
    """

    policy: Policy
    position: int
    resources: frozenset[str]
    users: Matcher
    criteria: tuple[CompiledCriterion, ...]
    matcher: Matcher
    hit: Match
    unknown: Match

    def mark_safely(self, subject: Subject, environment: Environment, on_error: OnError) -> Mark:
        """Like ``matcher``, with each condition that raises told to ``on_error`` and taken as unknown."""
        findings = self._findings(subject, environment, on_error)
        return every_of((self.users, self._fold(findings)))(subject, environment)

    def trace(self, subject: Subject, resource: str, environment: Environment, on_error: OnError) -> PolicyTrace:
        """Each criterion, users and resources among them, and what they come to together."""
        policy = self.policy
        at_resource = Mark.HIT if resource in self.resources else Mark.MISS
        whom = self.users(subject, environment)
        findings = self._findings(subject, environment, on_error)
        conditions = self._fold(findings)(subject, environment)
        applies = every_of([_always(mark) for mark in (at_resource, whom, conditions)])(subject, environment)
        criteria = (
            finding("resources", at_resource, resource, " or ".join(sorted(self.resources))),
            finding("users", whom, looked_at_user(subject), users_text(policy.users)),
            *findings,
        )
        return PolicyTrace(policy.name, policy.state, applies, criteria)

    def _findings(self, subject: Subject, environment: Environment, on_error: OnError) -> list[Finding]:
        report = partial(on_error, self.policy.name)
        return [criterion.find(subject, environment, report) for criterion in self.criteria]

    def _fold(self, findings: list[Finding]) -> Matcher:
        """The policy's own logic over marks that are there already."""
        marks = iter([found.mark for found in findings])
        return assemble(self.policy.conditions, lambda _: _always(next(marks)))


def compile_policy(policy: Policy, position: int, registry: Registry, networks: Networks) -> CompiledPolicy:
    """The policy with its tests. What a condition names and nobody knows raises :class:`PolicyError`."""
    where = f"policies[{position}].conditions"
    criteria: list[CompiledCriterion] = []

    def leaf(criterion: Criterion) -> Matcher:
        path = f"{where}.{criterion.word}"
        word = registry.find(criterion.word, path)
        criteria.append(CompiledCriterion(criterion, word, word.compile(criterion.wanted, networks, path)))
        return criteria[-1].matcher

    conditions = assemble(policy.conditions, leaf)
    users = users_matcher(policy.users)
    return CompiledPolicy(
        policy=policy,
        position=position,
        resources=frozenset(policy.resources or (APP,)),
        users=users or _always(Mark.HIT),
        criteria=tuple(criteria),
        matcher=every_of((users, conditions)) if users else conditions,
        hit=Match(policy, Mark.HIT),
        unknown=Match(policy, Mark.UNKNOWN),
    )


def assemble(condition: Condition, leaf: Callable[[Criterion], Matcher]) -> Matcher:
    """One test out of the tests of its criteria, which are asked for from left to right."""
    match condition:
        case Criterion():
            return leaf(condition)
        case Every(parts):
            return every_of([assemble(part, leaf) for part in parts])
        case Some(parts):
            return some_of([assemble(part, leaf) for part in parts])
        case Not(part):
            return not_of(assemble(part, leaf))


def _always(mark: Mark) -> Matcher:
    return lambda subject, environment: mark
