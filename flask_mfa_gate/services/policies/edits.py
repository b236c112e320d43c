"""Sets of policies with one thing changed, and where in their history a policy changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from ...domain.policy.addresses import Network
from ...domain.policy.conditions.registry import Registry
from ...domain.policy.document.codec import read_document, read_policy, write_document
from ...domain.policy.document.policy import Policy, PolicySet
from ...domain.policy.document.users import USER, Users
from ...errors import BadRequest, Conflict, NotFound, PolicyError
from ...sentences import Sentence
from ...store.records.policies import PolicyVersion

_NO_FORM = (AttributeError, TypeError, ValueError)
_WRONG_TYPE = "holds a value of the wrong type; Policy.from_document() makes a policy out of plain values"


def named(policies: PolicySet, name: str) -> Policy:
    """The policy of this name.

    :raises NotFound: for a name that no policy has.
    """
    found = find(policies.policies, name)
    if found is None:
        raise NotFound(Sentence("There is no policy %(name)r.", name=name))
    return found


Named = TypeVar("Named", Policy, Network)


def find(entries: Sequence[Named], name: str) -> Named | None:
    """The policy or network of this name; None where there is none."""
    return next((one for one in entries if one.name == name), None)


def with_policy(now: PolicySet, policy: Policy) -> PolicySet:
    """The set with this policy in place of the one with its name."""
    return merged(now, PolicySet((policy,)))


def without(now: PolicySet, name: str) -> PolicySet:
    """The set without the policy of this name."""
    return replace(now, policies=tuple(policy for policy in now.policies if policy.name != name))


def read_again(draft: PolicySet, registry: Registry) -> PolicySet:
    """The set as its document says it, with each value in its canonical form.

    :raises PolicyError: for what can't be written as a document.
    """
    try:
        document = write_document(draft, "json")
    except _NO_FORM:
        raise PolicyError(_WRONG_TYPE) from None
    return read_document(document, registry=registry)


def checked_alone(policy: Policy, registry: Registry) -> Policy:
    """One policy as it will be read again, so that a fault is named by its place in this policy.

    :raises PolicyError, BadRequest: for what can't be written as a policy.
    """
    if not isinstance(policy, Policy):
        raise BadRequest("What is saved has to be a Policy: Policy.from_document() makes one.")
    try:
        table = policy.to_document()
    except _NO_FORM:
        raise PolicyError(_WRONG_TYPE, path="The policy") from None
    return read_policy(table, registry=registry)


def with_user_renamed(now: PolicySet, old: str, new: str) -> PolicySet:
    """The set with the user's new key wherever a policy names the old one."""
    former, present = USER + old, USER + new

    def renamed(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(present if text == former else text for text in texts))

    def follow(policy: Policy) -> Policy:
        return replace(policy, users=Users(renamed(policy.users.include), renamed(policy.users.exclude)))

    return replace(now, policies=tuple(follow(policy) for policy in now.policies))


def merged(now: PolicySet, new: PolicySet) -> PolicySet:
    """Both; of two with one name, the new one."""
    names, networks = {policy.name for policy in new.policies}, {network.name for network in new.networks}
    return PolicySet(
        (*(policy for policy in now.policies if policy.name not in names), *new.policies),
        (*(network for network in now.networks if network.name not in networks), *new.networks),
    )


def changed_in(versions: Sequence[PolicyVersion], name: str) -> Sequence[PolicyVersion]:
    """Of versions, newest first, those in which the policy differs from the one before."""
    tables = [_table_of(version, name) for version in versions]
    older = [*tables, None][1:]
    return [version for version, now, before in zip(versions, tables, older, strict=True) if now != before]


def undone(now: PolicySet, *, before: PolicySet, after: PolicySet) -> PolicySet:
    """The set of now without what one change made of another set.

    :raises Conflict: ``changed-since``, where something of it was changed again.
    """
    return PolicySet(
        _undone(now.policies, before.policies, after.policies), _undone(now.networks, before.networks, after.networks)
    )


def _undone(now: Sequence[Named], before: Sequence[Named], after: Sequence[Named]) -> tuple[Named, ...]:
    current, old, new = ({one.name: one for one in entries} for entries in (now, before, after))
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) == new.get(name):
            continue
        if current.get(name) != new.get(name):
            raise Conflict(
                "changed-since", Sentence("%(name)r was changed again later. Undo the later change first.", name=name)
            )
        current.pop(name, None)
        current |= {name: old[name]} if name in old else {}
    return tuple(current.values())


def has_policy(version: PolicyVersion, name: str) -> bool:
    """Whether the policy was there in a version."""
    return _table_of(version, name) is not None


def _table_of(version: PolicyVersion, name: str) -> object:
    """As it stands in the document, without being read: an old word must not hide the history."""
    try:
        found = json.loads(version.document).get("policies", ())
        return next((table for table in found if table.get("name") == name), None)
    except (ValueError, AttributeError):
        return None
