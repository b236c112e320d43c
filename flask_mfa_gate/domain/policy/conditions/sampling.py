"""Contexts that a condition word makes up: one for each stretch of facts between which its conditions can differ."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Protocol, TypeAlias, runtime_checkable

from ..addresses import Network
from ..condition_tree import Condition
from ..facts import Environment, Subject
from ..reading import table_of, texts_of

Sample: TypeAlias = tuple[Subject, Environment]
_SOMEBODY = Subject("")
_MOST_SUBSETS_OF = 10


@runtime_checkable
class Sampled(Protocol):
    """A condition word that can say what it would be told. A word whose facts only its host knows can't."""

    @property
    def is_always_known(self) -> bool:
        """Whether the gate knows this fact of every request; any other can be missing."""

    def samples(self, conditions: Sequence[Condition], networks: Mapping[str, Network]) -> Iterable[Sample] | None:
        """Contexts that bring about every combination of results that conditions of this word can have while the fact
        is known; None where they would be too many.
        """


def in_environments(environments: Iterable[Environment]) -> Iterator[Sample]:
    """The same with somebody in each."""
    return ((_SOMEBODY, environment) for environment in environments)


def texts_in(conditions: Iterable[Condition]) -> list[str]:
    """Every string that conditions with lists name, once, sorted."""
    return sorted({text for condition in conditions for text in texts_of(condition.wanted)})


def entries_in(conditions: Iterable[Condition], key: str) -> set[str]:
    """Every string that conditions with tables name under this key."""
    return {text for condition in conditions for text in _listed(table_of(condition.wanted).get(key, ()))}


def with_another(texts: Collection[str], known: Collection[str]) -> list[str]:
    """The strings and one that is not among them, if there is any."""
    return [*texts, *sorted(set(known).difference(texts))[:1]]


def subsets(texts: Sequence[str]) -> Iterator[frozenset[str]] | None:
    """Every part of a few strings; None for more than ten."""
    if len(texts) > _MOST_SUBSETS_OF:
        return None
    choices = product((False, True), repeat=len(texts))
    return (frozenset(text for text, chosen in zip(texts, choice, strict=True) if chosen) for choice in choices)


def _listed(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
