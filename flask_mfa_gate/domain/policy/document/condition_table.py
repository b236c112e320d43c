"""The conditions of a policy as tables of a document, and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ....errors import PolicyError
from ....sentences import Sentence
from ..addresses import looks_like_address
from ..condition_tree import And, Condition, Expression, Not, Or
from ..conditions.condition_type import Wanted
from ..conditions.registry import COMBINING, Registry
from ..conditions.words.network import NETWORK
from ..reading import at_key, nearest, texts_of
from .fields import at_index, read_list, read_table, require_printable

DEEPEST = 10
_ALL, _ANY, _NOT = "all", "any", "not"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What conditions may name.

    :param networks: names of networks; None where nobody knows them yet, so that any may stand.
    """

    registry: Registry
    networks: Collection[str] | None = None


def read_conditions(value: object, where: str, vocabulary: Vocabulary) -> Expression:
    """The conditions of one policy. Only here a table may be empty: it holds always."""
    table = read_table(value, where)
    return _read_node(table, where, vocabulary, depth=0) if table else And()


def _read_node(value: object, where: str, vocabulary: Vocabulary, *, depth: int) -> Expression:
    """One table; several keys must all hold, which is one level more."""
    table = read_table(value, where)
    if not table:
        raise PolicyError("must not be empty", path=where)
    depth += len(table) > 1
    # SECURITY: without a bound, a few thousand brackets would exhaust the stack of each worker that judges them.
    if depth > DEEPEST:
        raise PolicyError(Sentence("is nested more than %(deepest)s deep", deepest=DEEPEST), path=where)
    parts = tuple(_read_key(key, wanted, at_key(where, key), vocabulary, depth) for key, wanted in table.items())
    return _unwrapped(And(parts))


def _unwrapped(condition: Expression) -> Expression:
    """The only part of a list is the list."""
    while isinstance(condition, And | Or) and len(condition.parts) == 1:
        condition = condition.parts[0]
    return condition


def _read_key(key: str, wanted: object, where: str, vocabulary: Vocabulary, depth: int) -> Expression:
    if key == _NOT:
        return Not(_read_node(wanted, where, vocabulary, depth=depth + 1))
    if key in COMBINING:
        parts = tuple(_read_node(part, at, vocabulary, depth=depth + 1) for at, part in read_list(wanted, where))
        if not parts:
            raise PolicyError("must not be empty", path=where)
        return _unwrapped(And(parts) if key == _ALL else Or(parts))
    return _read_criterion(key, wanted, where, vocabulary)


def _read_criterion(word: str, wanted: object, where: str, vocabulary: Vocabulary) -> Condition:
    words = vocabulary.registry.words
    if word not in words:
        raise PolicyError("is no condition", path=where, nearest=nearest(word[:100], {*words, *COMBINING}))
    criterion = vocabulary.registry.read(word, wanted, where)
    require_printable(criterion.wanted, where)
    if word == NETWORK.word and vocabulary.networks is not None:
        _require_networks(criterion.wanted, where, vocabulary.networks)
    return criterion


def _require_networks(wanted: Wanted, where: str, networks: Collection[str]) -> None:
    for index, name in enumerate(texts_of(wanted)):
        if not looks_like_address(name) and name not in networks:
            path = at_index(where, index)
            raise PolicyError(
                "is neither an address nor the name of a network", path=path, nearest=nearest(name, networks)
            )


def write_conditions(condition: Expression) -> dict[str, object]:
    """The same as a table. Words that must all hold stand side by side where no word comes twice."""
    match _unwrapped(condition):
        case Condition(word, wanted):
            return {word: _thaw(wanted)}
        case Not(part):
            return {_NOT: write_conditions(part)}
        case Or(parts):
            return {_ANY: [write_conditions(part) for part in parts]}
        case And(parts):
            return _write_every([_unwrapped(part) for part in parts])


def _write_every(parts: Sequence[Expression]) -> dict[str, object]:
    side_by_side = {part.word: _thaw(part.wanted) for part in parts if isinstance(part, Condition)}
    if len(side_by_side) == len(parts):
        return side_by_side
    return {_ALL: [write_conditions(part) for part in parts]}


def _thaw(value: object) -> object:
    """Mappings and tuples as plain tables and lists."""
    if isinstance(value, Mapping):
        return {key: _thaw(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_thaw(entry) for entry in value]
    return value
