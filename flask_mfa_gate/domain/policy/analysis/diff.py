"""What differs between two sets of policies, by meaning: order, repeats and spelling do not count."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ....sentences import Sentence
from ...access import APP
from ..addresses import Network
from ..document.policy import Policy, PolicySet
from .implication import form_of
from .loosening import loosened

Named = TypeVar("Named", Policy, Network)


@dataclass(frozen=True, slots=True)
class Changes:
    """Names, sorted."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyDiff(Changes):
    """Names of policies, sorted, and what their change means.

    :param networks: the same of the named networks.
    :param loosens: a sentence for each change that may weaken protection.
    """

    networks: Changes = Changes()
    loosens: tuple[str, ...] = ()


def difference(old: PolicySet, new: PolicySet) -> PolicyDiff:
    """What putting ``new`` in the place of ``old`` changes."""
    policies = _changes(old.policies, new.policies, _meaning_of_policy)
    return PolicyDiff(
        policies.added,
        policies.removed,
        policies.changed,
        networks=_changes(old.networks, new.networks, lambda network: frozenset(network.entries)),
        loosens=loosened(old, new),
    )


def _changes(old: Sequence[Named], new: Sequence[Named], meaning: Callable[[Named], object]) -> Changes:
    before, after = {value.name: value for value in old}, {value.name: value for value in new}
    changed = [
        name for name in before.keys() & after.keys()
        if before[name] != after[name] and meaning(before[name]) != meaning(after[name])
    ]  # fmt: skip
    return Changes(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(changed)),
    )


def _meaning_of_policy(policy: Policy) -> tuple[object, ...]:
    """Everything of a policy in a form that is equal where the meaning is."""
    users = frozenset(policy.users.include), frozenset(policy.users.exclude)
    resources = frozenset(policy.resources or (APP,))
    texts = policy.description, policy.message, policy.help_link
    return policy.state, users, resources, form_of(policy.conditions), policy.effect, texts


def changed_fields(old: PolicySet, new: PolicySet) -> tuple[str, ...]:
    """What putting ``new`` in the place of ``old`` changes, field by field in the words of the document."""
    found = difference(old, new)
    before, after = ({one.name: one.to_document() for one in policies.policies} for policies in (old, new))
    entries = [{one.name: " ".join(one.entries) for one in policies.networks} for policies in (old, new)]
    return (
        *(Sentence("%(name)s: added, %(state)s", name=name, state=after[name]["state"]) for name in found.added),
        *(Sentence("%(name)s: removed", name=name) for name in found.removed),
        *(line for name in found.changed for line in _fields(name, before[name], after[name])),
        *(
            Sentence(
                "network %(name)s: %(before)s → %(after)s",
                name=name,
                before=entries[0].get(name, "none"),
                after=entries[1].get(name, "none"),
            )
            for changed in (found.networks.added, found.networks.removed, found.networks.changed)
            for name in changed
        ),
    )


def _fields(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    for field in dict.fromkeys((*before, *after)):
        if before.get(field) != after.get(field):
            yield Sentence(
                "%(name)s: %(field)s %(before)s → %(after)s",
                name=name,
                field=field,
                before=_text(before.get(field)),
                after=_text(after.get(field)),
            )


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
