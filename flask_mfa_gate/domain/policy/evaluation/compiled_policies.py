"""All policies of one version made ready, and found by user and resource."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ....errors import PolicyError
from ....sentences import Sentence
from ...access import APP
from ..conditions.condition_type import facts_of
from ..conditions.registry import Registry
from ..document.policy import Policy, PolicySet, PolicyState
from ..document.users import EVERYBODY, group_names, user_keys
from ..facts import Environment, MatchResult, Subject
from ..logic import Matcher
from .address_index import POSITION, AddressIndex, Rows, index_addresses
from .compiled_policy import CompiledPolicy, Compiler, Match, OnError, Traces

HIT, MISS = MatchResult.HIT, MatchResult.MISS
MOST_PAIRS = 500_000


@dataclass(frozen=True, slots=True)
class UserIndex:
    """The policies of one resource by whom they include.

    :param grouped: those that include a group and not everybody, for a subject whose groups are unknown.
    """

    everybody: AddressIndex
    by_group: Mapping[str, AddressIndex]
    by_user: Mapping[str, AddressIndex]
    grouped: AddressIndex

    def find(self, subject: Subject, address: str | None) -> Rows:
        """Every policy that may apply to the subject at the address, each once, in the document's order."""
        if not self.by_group and not self.by_user:
            return self.everybody.find(address)
        buckets = [self.everybody.find(address)]
        if subject.key in self.by_user:
            buckets.append(self.by_user[subject.key].find(address))
        if subject.groups is None:
            buckets.append(self.grouped.find(address))
        else:
            buckets += [self.by_group[name].find(address) for name in subject.groups if name in self.by_group]
        filled = [bucket for bucket in buckets if bucket]
        if len(filled) < 2:
            return filled[0] if filled else ()
        return sorted({row for bucket in filled for row in bucket}, key=POSITION)


Index = Mapping[str, UserIndex]


@dataclass(frozen=True, slots=True)
class CompiledPolicies:
    """One version of all policies. Immutable, so a worker changes to the next one by a single assignment.

    :param policies: all of them, in the document's order.
    :param live: those that are on, by resource.
    :param reported: those that are report-only, by resource.
    :param words: the condition words of those that are on.
    :param reported_words: the condition words of those that are report-only.
    :param grouped_resources: the resources of which one that is on names a group.
    :param facts: what those that are on look at, by resource: names of fields of :class:`Environment`.
    :param reported_facts: what those that are report-only look at.
    """

    version: int
    policies: tuple[CompiledPolicy, ...]
    live: Index = field(repr=False)
    reported: Index = field(repr=False)
    grouped_resources: frozenset[str] = field(repr=False)
    words: frozenset[str] = field(repr=False)
    reported_words: frozenset[str] = field(repr=False)
    facts: Mapping[str, frozenset[str]] = field(repr=False)
    reported_facts: Mapping[str, frozenset[str]] = field(repr=False)

    def candidates(self, subject: Subject, resource: str, address: str | None) -> Rows:
        """Policies that are on, speak of the resource, and may include subject and address."""
        return _candidates(self.live, subject, resource, address)

    def matches(
        self, subject: Subject, resource: str, environment: Environment, on_error: OnError
    ) -> tuple[Match, ...]:
        """Policies that are on and apply, for certain or because a fact is missing.

        :param on_error: told the policy's name, the word and the error of each condition that raises.
        """
        return _matches(self.candidates(subject, resource, environment.address), subject, environment, on_error)

    def reported_matches(
        self, subject: Subject, resource: str, environment: Environment, on_error: OnError
    ) -> tuple[Match, ...]:
        """Policies that would apply, were they not report-only."""
        rows = _candidates(self.reported, subject, resource, environment.address)
        return _matches(rows, subject, environment, on_error)

    def explain(self, subject: Subject, opened: Collection[str], environment: Environment, on_error: OnError) -> Traces:
        """Every policy, also those that are off or report-only, with each of its criteria.

        :param opened: names of what is opened; a view opens the app and what it is marked with.
        """
        return Traces(self.policies, subject, opened, environment, on_error)


_NOTHING: Mapping[str, Any] = MappingProxyType({})
NO_POLICIES = CompiledPolicies(
    0, (), live=_NOTHING, reported=_NOTHING, grouped_resources=frozenset(), words=frozenset(),
    reported_words=frozenset(), facts=_NOTHING, reported_facts=_NOTHING,
)  # fmt: skip


def compile_policies(policy_set: PolicySet, registry: Registry, *, version: int) -> CompiledPolicies:
    """All policies made ready. A name that nobody knows raises :class:`PolicyError`, also in one that is off."""
    _require_small_index(policy_set.policies)
    compiler = Compiler(registry, {network.name: network for network in policy_set.networks})
    rows = tuple(compiler.policy(policy, position) for position, policy in enumerate(policy_set.policies))
    return CompiledPolicies(
        version=version,
        policies=rows,
        live=_index(row for row in rows if row.policy.state is PolicyState.ON),
        reported=_index(row for row in rows if row.policy.state is PolicyState.REPORT_ONLY),
        grouped_resources=frozenset(
            resource
            for row in rows
            if row.policy.state is PolicyState.ON and group_names(row.policy.users.include + row.policy.users.exclude)
            for resource in row.resources
        ),
        words=_words(rows, PolicyState.ON),
        reported_words=_words(rows, PolicyState.REPORT_ONLY),
        facts=_facts(rows, PolicyState.ON),
        reported_facts=_facts(rows, PolicyState.REPORT_ONLY),
    )


def _require_small_index(policies: Iterable[Policy]) -> None:
    pairs = sum(len(policy.resources or (APP,)) * len(policy.users.include) for policy in policies)
    # SECURITY: the index has each user at each resource, so a short document could take the memory of every worker.
    if pairs > MOST_PAIRS:
        raise PolicyError(
            Sentence("name more than %(most_pairs)s pairs of a user or group and a resource", most_pairs=MOST_PAIRS),
            path="policies",
        )


def _words(rows: Iterable[CompiledPolicy], state: PolicyState) -> frozenset[str]:
    return frozenset(one.criterion.word for row in rows if row.policy.state is state for one in row.criteria)


def _facts(rows: Iterable[CompiledPolicy], state: PolicyState) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for row in rows:
        if row.policy.state is state:
            asked = frozenset().union(*(facts_of(one.word) for one in row.criteria))
            found |= {resource: found.get(resource, frozenset()) | asked for resource in row.resources}
    return found


def _candidates(index: Index, subject: Subject, resource: str, address: str | None) -> Rows:
    found = index.get(resource)
    return found.find(subject, address) if found else ()


def _matches(rows: Rows, subject: Subject, environment: Environment, on_error: OnError) -> tuple[Match, ...]:
    found: list[Match] = []
    asked: dict[Matcher, MatchResult] = {}
    for row in rows:
        try:
            mark = row.mark(subject, environment, asked)
        except Exception:  # noqa: BLE001 - judged again, slowly, to learn which condition raises
            mark = row.mark_safely(subject, environment, on_error)
        if mark is not MISS:
            found.append(row.hit if mark is HIT else row.unknown)
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
    return UserIndex(index_addresses(everybody), _indexed(by_group), _indexed(by_user), index_addresses(grouped))


def _indexed(buckets: Mapping[str, Rows]) -> dict[str, AddressIndex]:
    return {name: index_addresses(rows) for name, rows in buckets.items()}
