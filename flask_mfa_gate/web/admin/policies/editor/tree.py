"""The conditions of a draft as rows and groups of a form, also where they are not complete yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

from .....domain.policy.condition_tree import And, Condition, Expression, Not, Or
from .....errors import BadRequest
from .....sentences import Sentence

DEEPEST = 4
MOST_ROWS = 200
_NAME = re.compile(r"c((?:\.\d{1,3}){0,4})\.([a-z]+)", re.ASCII)
_PATH = re.compile(r"c((?:\.\d{1,3}){0,4})", re.ASCII)
Values: TypeAlias = Mapping[str, tuple[str, ...]]
Place: TypeAlias = tuple[int, ...]


class Join(StrEnum):
    """How the parts of a group are joined."""

    ALL = "all"
    ANY = "any"
    NOT_ALL = "not-all"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Row:
    """One condition.

    :param fields: what was typed, by the name of the field within the row.
    """

    word: str
    negated: bool = False
    fields: Values = field(default_factory=dict, repr=False)

    def text(self, name: str) -> str:
        """What was typed into a field."""
        return "\n".join(self.fields.get(name, ()))

    def has(self, name: str, value: str) -> bool:
        """Whether a box is ticked."""
        return value in self.fields.get(name, ())


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions that are joined."""

    join: Join = Join.ALL
    parts: tuple[Part, ...] = ()


Part: TypeAlias = "Row | Group"


def path_of(place: Place) -> str:
    """As it stands in the names of fields: ``c.0.1``."""
    return ".".join(("c", *map(str, place)))


def place_of(path: str) -> Place:
    """The same read again.

    :raises BadRequest: for what is no place of the form.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise BadRequest("There is no such place in the conditions.")
    return _numbers(found[1])


def read_tree(values: Values) -> Group:
    """The tree that a form describes.

    :raises BadRequest: for more rows than anybody would write by hand, and for a join that there is not.
    """
    nodes: dict[Place, dict[str, tuple[str, ...]]] = {}
    for name, texts in values.items():
        if (found := _NAME.fullmatch(name)) is not None:
            nodes.setdefault(_numbers(found[1]), {})[found[2]] = texts
    if len(nodes) > MOST_ROWS:
        raise BadRequest(
            Sentence("The form takes %(most_rows)s conditions. Use the document for more.", most_rows=MOST_ROWS)
        )
    below: dict[Place, list[Place]] = {}
    for place in sorted(nodes):
        if place:
            below.setdefault(place[:-1], []).append(place)
    return _read_group(nodes, below, ())


def _read_group(nodes: Mapping[Place, Values], below: Mapping[Place, list[Place]], place: Place) -> Group:
    word = "".join(nodes.get(place, {}).get("join", ())) or Join.ALL
    if word not in set(Join):
        raise BadRequest("A group is all, any, not-all or none.")
    return Group(Join(word), tuple(_read_part(nodes, below, child) for child in below.get(place, ())))


def _read_part(nodes: Mapping[Place, Values], below: Mapping[Place, list[Place]], place: Place) -> Part:
    node = nodes[place]
    if "word" not in node:
        return _read_group(nodes, below, place)
    return Row("".join(node["word"]), node.get("is") == ("not",), node)


def _numbers(text: str) -> Place:
    return tuple(int(part) for part in text.split(".") if part)


def edited(group: Group, place: Place, change: Callable[[Group], Group]) -> Group:
    """The tree with one of its groups changed.

    :raises BadRequest: for a place that is no group.
    """
    if not place:
        return change(group)
    first, *rest = place
    part = group.parts[first] if first < len(group.parts) else None
    if not isinstance(part, Group):
        raise BadRequest("There is no such place in the conditions.")
    parts = [*group.parts]
    parts[first] = edited(part, tuple(rest), change)
    return replace(group, parts=tuple(parts))


def without(group: Group, place: Place) -> Group:
    """The tree without one of its parts."""
    if not place:
        return Group()
    *around, last = place
    return edited(
        group, tuple(around), lambda one: replace(one, parts=(*one.parts[:last], *one.parts[last + 1 :]))
    )  # fmt: skip


def rows_in(group: Group, place: Place = ()) -> Iterator[tuple[Place, Row]]:
    """Each row with its place."""
    for number, part in enumerate(group.parts):
        if isinstance(part, Row):
            yield (*place, number), part
        else:
            yield from rows_in(part, (*place, number))


def empty_groups_in(group: Group, place: Place = ()) -> Iterator[Place]:
    """Groups below the top that hold nothing."""
    for number, part in enumerate(group.parts):
        if isinstance(part, Group):
            if not part.parts:
                yield (*place, number)
            yield from empty_groups_in(part, (*place, number))


def written(group: Group, wanted: Callable[[Row], object]) -> dict[str, object]:
    """The table of a document; without parts it is empty, which holds always.

    :param wanted: the document's value of a row.
    """
    if not group.parts:
        return {}
    parts = [_written_part(part, wanted) for part in group.parts]
    inner: dict[str, object] = {"any" if group.join in {Join.ANY, Join.NONE} else "all": parts}
    return {"not": inner} if group.join in {Join.NOT_ALL, Join.NONE} else inner


def _written_part(part: Part, wanted: Callable[[Row], object]) -> dict[str, object]:
    if isinstance(part, Group):
        return written(part, wanted)
    inner: dict[str, object] = {part.word: wanted(part)}
    return {"not": inner} if part.negated else inner


def tree_of(expression: Expression, fields_of: Callable[[Condition], Values | None]) -> Group | None:
    """The conditions of a policy for the form; None where it can't show them.

    :param fields_of: what a row would hold; None for a condition that the form has no fields for.
    """
    try:
        part = _part(expression, fields_of, negated=False, level=1)
    except _Unfit:
        return None
    return part if isinstance(part, Group) else Group(Join.ALL, (part,))


class _Unfit(Exception):
    """Deeper than the form goes, or with a word that it has no fields for."""


_JOINS = {(And, False): Join.ALL, (And, True): Join.NOT_ALL, (Or, False): Join.ANY, (Or, True): Join.NONE}


def _part(
    expression: Expression, fields_of: Callable[[Condition], Values | None], *, negated: bool, level: int
) -> Part:
    match expression:
        case Condition():
            fields = fields_of(expression)
            if fields is None:
                raise _Unfit
            return Row(expression.word, negated, fields)
        case Not(part):
            return _part(part, fields_of, negated=not negated, level=level)
        case And(parts) | Or(parts):
            if level > DEEPEST:
                raise _Unfit
            found = tuple(_part(one, fields_of, negated=False, level=level + 1) for one in parts)
            return Group(_JOINS[type(expression), negated], found)
