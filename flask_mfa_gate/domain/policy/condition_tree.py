"""Conditions of a policy as a tree: single ones, and how they are joined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Expected: TypeAlias = "tuple[str, ...] | Mapping[str, object]"


@dataclass(frozen=True, slots=True)
class Condition:
    """One test on the context: a condition word and what the document says of it.

    :param wanted: the document's own value, checked: a tuple of strings, or for tables a mapping.
    """

    word: str
    wanted: Expected


@dataclass(frozen=True, slots=True)
class And:
    """Holds when each part holds. Without parts it holds."""

    parts: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Or:
    """Holds when one part holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when its part does not; of an unknown part it is unknown."""

    part: Expression


Expression: TypeAlias = "Condition | And | Or | Not"


def conditions_in(expression: Expression) -> Iterator[Condition]:
    """Each single condition, from left to right."""
    match expression:
        case Condition():
            yield expression
        case Not(part):
            yield from conditions_in(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from conditions_in(part)


def places_in(expression: Expression) -> Iterator[str]:
    """What each of :func:`conditions_in` stands under, the outermost first: ``not any``; empty at the top."""
    # That all keys of a document's own table have to hold goes without saying.
    for part in expression.parts if isinstance(expression, And) else (expression,):
        yield from _places(part, ())


def _places(expression: Expression, around: tuple[str, ...]) -> Iterator[str]:
    match expression:
        case Condition():
            yield " ".join(around)
        case Not(part):
            yield from _places(part, (*around, "not"))
        case And(parts) | Or(parts):
            word = "all" if isinstance(expression, And) else "any"
            for part in parts:
                yield from _places(part, (*around, word))
