"""What differs between two sets of policies, as an admin reads it: what loosens first, then sentences, then lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from ....domain.access import APP
from ....domain.policy.addresses import Network
from ....domain.policy.analysis.diff import PolicyDiff, difference
from ....domain.policy.document.codec import write_document
from ....domain.policy.document.policy import Policy, PolicySet
from ...translation import gettext, marked
from ..console import Console
from .kit import names_in
from .sentences import Names, conditions_text, effect_text, policy_sentence, users_text
from .words import ACTIONS, both, resource_name, state_name

_MOST_LINES = 400


@dataclass(frozen=True, slots=True)
class DiffView:
    """A difference in three forms.

    :param loosens: a sentence for each change that may weaken protection.
    :param lines: of the documents, as ``diff -u`` writes them.
    """

    loosens: tuple[str, ...]
    sentences: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not self.sentences


@dataclass(frozen=True, slots=True)
class _Field:
    """One part of a policy: what is said of it, and how."""

    sentence: str
    text: Callable[[Policy, Names], str]


_FIELDS = (
    _Field(marked("“%(name)s” is now %(now)s. It was %(before)s."), lambda one, _: state_name(one.state).lower()),
    _Field(
        marked("“%(name)s” now applies to: %(now)s. Before: %(before)s."),
        lambda one, names: users_text(one.users, names),
    ),
    _Field(
        marked("“%(name)s” now covers %(now)s. Before: %(before)s."),
        lambda one, _: both(map(resource_name, one.resources or (APP,))),
    ),
    _Field(
        marked("“%(name)s” now applies when: %(now)s. Before: %(before)s."),
        lambda one, _: conditions_text(one.conditions) or gettext("always"),
    ),
    _Field(
        marked("“%(name)s” now does: %(now)s. Before: %(before)s."),
        lambda one, _: f"{gettext(ACTIONS[one.effect.action])}. {effect_text(one.effect)}".rstrip(". "),
    ),
    _Field(
        marked("The description of “%(name)s” was “%(before)s” and is now “%(now)s”."), lambda one, _: one.description
    ),
    _Field(marked("The message of “%(name)s” was “%(before)s” and is now “%(now)s”."), lambda one, _: one.message),
    _Field(marked("The help link of “%(name)s” was “%(before)s” and is now “%(now)s”."), lambda one, _: one.help_link),
)


def diff_view(console: Console, old: PolicySet, new: PolicySet) -> DiffView:
    """What putting ``new`` in the place of ``old`` changes."""
    found = difference(old, new)
    old, new = _touched(found, old), _touched(found, new)
    names = names_in(console, old, new)
    before, after = ({one.name: one for one in policies.policies} for policies in (old, new))
    sentences = (*_of_policies(found, before, after, names), *_of_networks(found, old, new))
    return DiffView(found.loosens, sentences, tuple(_lines(old, new)))


def _touched(found: PolicyDiff, policies: PolicySet) -> PolicySet:
    """As much of a set as differs: of thousands of policies, few people are named and few lines compared."""
    names, networks = ({*one.added, *one.removed, *one.changed} for one in (found, found.networks))
    return PolicySet(
        tuple(one for one in policies.policies if one.name in names),
        tuple(one for one in policies.networks if one.name in networks),
    )


def diff_json(found: PolicyDiff) -> dict[str, Any]:
    """For programs."""
    words = ("added", "removed", "changed")
    return {
        **{word: list(getattr(found, word)) for word in (*words, "loosens")},
        "networks": {word: list(getattr(found.networks, word)) for word in words},
    }


def _of_policies(
    found: PolicyDiff, before: Mapping[str, Policy], after: Mapping[str, Policy], names: Names
) -> Iterator[str]:
    for name in found.added:
        state, rule = state_name(after[name].state).lower(), policy_sentence(after[name], names)
        yield gettext("“%(name)s” is added (%(state)s): %(rule)s", name=name, state=state, rule=rule)
    for name in found.removed:
        state, rule = state_name(before[name].state).lower(), policy_sentence(before[name], names)
        yield gettext("“%(name)s” is removed. It was %(state)s: %(rule)s", name=name, state=state, rule=rule)
    for name in found.changed:
        yield from _fields(before[name], after[name], names)


def _fields(before: Policy, after: Policy, names: Names) -> Iterator[str]:
    for field in _FIELDS:
        was, now = field.text(before, names), field.text(after, names)
        if was != now:
            empty = gettext("empty")
            yield gettext(field.sentence, name=after.name, now=now or empty, before=was or empty)


def _of_networks(found: PolicyDiff, old: PolicySet, new: PolicySet) -> Iterator[str]:
    before, after = _entries(old.networks), _entries(new.networks)
    for name in found.networks.added:
        yield gettext("The network “%(name)s” is added: %(entries)s.", name=name, entries=after[name])
    for name in found.networks.removed:
        yield gettext("The network “%(name)s” is removed. It was: %(entries)s.", name=name, entries=before[name])
    for name in found.networks.changed:
        yield gettext(
            "The network “%(name)s” is now: %(now)s. Before: %(before)s.",
            name=name,
            now=after[name],
            before=before[name],
        )


def _entries(networks: Sequence[Network]) -> Mapping[str, str]:
    return {one.name: ", ".join(one.entries) or gettext("empty") for one in networks}


def _lines(old: PolicySet, new: PolicySet) -> Iterator[str]:
    before, after = (write_document(policies).splitlines() for policies in (old, new))
    for number, line in enumerate(unified_diff(before, after, lineterm="", n=2)):
        if number >= _MOST_LINES:
            yield "…"
            return
        if not line.startswith(("---", "+++")):
            yield line
