"""What can be said of conditions from their form alone, whatever the facts are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ..addresses import Network, Span, looks_like_address
from ..condition_tree import And, Condition, Expression, Not, Or
from ..conditions.words.network import NETWORK

Form: TypeAlias = "Fact | Among | Within | Both | Either | Opposite"


@dataclass(frozen=True, slots=True)
class Among:
    """A fact is one of some texts."""

    word: str
    texts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Within:
    """The address lies in one of the spans, or in a network of which nothing is known but its name."""

    spans: tuple[Span, ...]
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fact:
    """A criterion whose value is a table."""

    word: str
    table: frozenset[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Both:
    """Each part holds; without parts always."""

    parts: frozenset[Form]


@dataclass(frozen=True, slots=True)
class Either:
    """One part holds; without parts never."""

    parts: frozenset[Form]


@dataclass(frozen=True, slots=True)
class Opposite:
    """The part does not hold."""

    part: Form


ALWAYS = Both(frozenset())


def form_of(condition: Expression, networks: Mapping[str, Network] | None = None) -> Form:
    """The condition without what makes no difference: order, repeats, double negation, tables of one key.

    :param networks: by name, to look through the names; None to take each name for itself.
    """
    match condition:
        case Not(part):
            form = form_of(part, networks)
            return form.part if isinstance(form, Opposite) else Opposite(form)
        case And(parts):
            return _joined(Both, [form_of(part, networks) for part in parts])
        case Or(parts):
            return _joined(Either, [form_of(part, networks) for part in parts])
        case Condition(word, wanted):
            return _criterion_form(word, wanted, networks)


def _joined(kind: type[Both] | type[Either], forms: list[Form]) -> Form:
    parts = frozenset(inner for form in forms for inner in (form.parts if isinstance(form, kind) else (form,)))
    return next(iter(parts)) if len(parts) == 1 else kind(parts)


def _criterion_form(
    word: str, wanted: tuple[str, ...] | Mapping[str, object], networks: Mapping[str, Network] | None
) -> Form:
    if isinstance(wanted, Mapping):
        return Fact(word, frozenset((key, _loose(value)) for key, value in wanted.items()))
    if word != NETWORK.word or networks is None:
        return Among(word, frozenset(wanted))
    found = tuple(name for name in wanted if looks_like_address(name) or name in networks)
    return Within(tuple(NETWORK.spans(found, networks, "")), frozenset(wanted).difference(found))


def _loose(value: object) -> object:
    """Lists and tables as sets, since order does not count."""
    if isinstance(value, Mapping):
        return frozenset((key, _loose(entry)) for key, entry in value.items())
    return frozenset(_loose(entry) for entry in value) if isinstance(value, list | tuple) else value


def implies(narrow: Form, wide: Form) -> bool:
    """Whether ``wide`` surely holds wherever ``narrow`` does. False also where the form alone does not tell."""
    if narrow == wide or wide == ALWAYS:
        return True
    if isinstance(wide, Both):
        return all(implies(narrow, part) for part in wide.parts)
    if isinstance(narrow, Either):
        return all(implies(part, wide) for part in narrow.parts)
    if isinstance(wide, Either) and any(implies(narrow, part) for part in wide.parts):
        return True
    if isinstance(narrow, Both):
        return any(implies(part, wide) for part in narrow.parts)
    return _leaf_implies(narrow, wide)


def _leaf_implies(narrow: Form, wide: Form) -> bool:
    match narrow, wide:
        case Opposite(inner), Opposite(outer):
            return implies(outer, inner)
        case Among(word, few), Among(other, many):
            return word == other and few <= many
        case Within(few_spans, few_names), Within(many_spans, many_names):
            return few_names <= many_names and all(_is_covered(span, many_spans) for span in few_spans)
    return False


def _is_covered(span: Span, spans: tuple[Span, ...]) -> bool:
    return any(first <= span[0] and span[1] <= last for first, last in spans)
