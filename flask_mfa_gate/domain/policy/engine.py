"""All policies of one version made ready, and found by user and resource."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .compiled import CompiledPolicy, Compiler, Match, OnError
from .conditions.registry import Registry
from .facts import Environment, Mark, Subject
from .model import EVERYBODY, PolicySet, PolicyState
from .trace import PolicyTrace
from .users import group_names, user_keys

MISS = Mark.MISS
Rows = Sequence[CompiledPolicy]


@dataclass(frozen=True, slots=True)
class UserIndex:
    """The policies of one resource by whom they include.

    :param grouped: those that include a group and not everybody, for a subject whose groups are unknown.
    """

    everybody: Rows
    by_group: Mapping[str, Rows]
    by_user: Mapping[str, Rows]
    grouped: Rows

    def find(self, subject: Subject) -> Rows:
        """Every policy that may include the subject, each once, in the document's order."""
        buckets = [self.everybody, self.by_user.get(subject.key, ())]
        if subject.groups is None:
            buckets.append(self.grouped)
        else:
            buckets += [self.by_group[name] for name in subject.groups if name in self.by_group]
        buckets = [bucket for bucket in buckets if bucket]
        if len(buckets) < 2:
            return buckets[0] if buckets else ()
        return sorted({row for bucket in buckets for row in bucket}, key=_position)


Index = Mapping[str, UserIndex]


@dataclass(frozen=True, slots=True)
class CompiledPolicies:
    """One version of all policies. Immutable, so a worker changes to the next one by a single assignment."""

    version: int
    policies: tuple[CompiledPolicy, ...]
    live: Index = field(repr=False)
    reported: Index = field(repr=False)

    def candidates(self, subject: Subject, resource: str) -> Rows:
        """Policies that are on, speak of the resource and may include the subject."""
        return _candidates(self.live, subject, resource)

    def matches(
        self, subject: Subject, resource: str, environment: Environment, on_error: OnError
    ) -> tuple[Match, ...]:
        """Policies that are on and apply, for certain or because a fact is missing.

        :param on_error: told the policy's name, the word and the error of each condition that raises.
        """
        return _matches(self.candidates(subject, resource), subject, environment, on_error)

    def reported_matches(
        self, subject: Subject, resource: str, environment: Environment, on_error: OnError
    ) -> tuple[Match, ...]:
        """Policies that would apply, were they not report-only."""
        return _matches(_candidates(self.reported, subject, resource), subject, environment, on_error)

    def explain(
        self, subject: Subject, resource: str, environment: Environment, on_error: OnError
    ) -> tuple[PolicyTrace, ...]:
        """Every policy, also those that are off or report-only, with each of its criteria."""
        return tuple(row.trace(subject, resource, environment, on_error) for row in self.policies)

    def ask_groups(self, resources: Iterable[str]) -> bool:
        """Whether a policy on one of these resources, live or report-only, names a group."""
        wanted = frozenset(resources)
        return any(
            group_names(row.policy.users.include) or group_names(row.policy.users.exclude)
            for row in self.policies
            if row.policy.state is not PolicyState.OFF and not wanted.isdisjoint(row.resources)
        )


def compile_policies(policy_set: PolicySet, registry: Registry, *, version: int) -> CompiledPolicies:
    """All policies made ready. A name that nobody knows raises :class:`PolicyError`, also in one that is off."""
    compiler = Compiler(registry, {network.name: network for network in policy_set.networks})
    rows = tuple(compiler.policy(policy, position) for position, policy in enumerate(policy_set.policies))
    return CompiledPolicies(
        version=version,
        policies=rows,
        live=_index(row for row in rows if row.policy.state is PolicyState.ON),
        reported=_index(row for row in rows if row.policy.state is PolicyState.REPORT_ONLY),
    )


def _position(row: CompiledPolicy) -> int:
    return row.position


def _candidates(index: Index, subject: Subject, resource: str) -> Rows:
    found = index.get(resource)
    return found.find(subject) if found else ()


def _matches(rows: Rows, subject: Subject, environment: Environment, on_error: OnError) -> tuple[Match, ...]:
    found: list[Match] = []
    for row in rows:
        try:
            mark = row.matcher(subject, environment)
        except Exception:  # noqa: BLE001 - judged again, slowly, to learn which condition raises
            mark = row.mark_safely(subject, environment, on_error)
        if mark is not MISS:
            found.append(Match(row.policy, mark))
    return tuple(found)


def _index(rows: Iterable[CompiledPolicy]) -> Index:
    by_resource: dict[str, list[CompiledPolicy]] = defaultdict(list)
    for row in rows:
        for resource in row.resources:
            by_resource[resource].append(row)
    return {resource: _user_index(found) for resource, found in by_resource.items()}


def _user_index(rows: Collection[CompiledPolicy]) -> UserIndex:
    everybody, grouped = [], []
    by_group: dict[str, list[CompiledPolicy]] = defaultdict(list)
    by_user: dict[str, list[CompiledPolicy]] = defaultdict(list)
    for row in rows:
        include = row.policy.users.include
        if EVERYBODY in include:
            everybody.append(row)
            continue
        groups = group_names(include)
        if groups:
            grouped.append(row)
        for name in groups:
            by_group[name].append(row)
        for key in user_keys(include):
            by_user[key].append(row)
    return UserIndex(everybody, dict(by_group), dict(by_user), grouped)
