"""A schedule as people say it: "Mon to Fri, 08:00 to 18:00 Europe/Berlin"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....sentences import Sentence, as_sentence, joined

_DAYS = {
    "mon": as_sentence("Mon"), "tue": as_sentence("Tue"), "wed": as_sentence("Wed"), "thu": as_sentence("Thu"),
    "fri": as_sentence("Fri"), "sat": as_sentence("Sat"), "sun": as_sentence("Sun"),
}  # fmt: skip


def schedule_text(table: Mapping[str, object]) -> Sentence:
    """The value of a ``schedule`` as part of a sentence."""
    values = {"when": _when(table), "zone": str(table["zone"])}
    said = Sentence("%(when)s %(zone)s", **values) if "hours" in table else Sentence("%(when)s, %(zone)s", **values)
    if "holidays" not in table:
        return said
    return Sentence("%(when)s, except on %(days)s", when=said, days=_either(_texts(table["holidays"])))


def _when(table: Mapping[str, object]) -> Sentence:
    parts = [_either([_span(day, _DAYS) for day in _texts(table["days"])])] if "days" in table else []
    parts += [_span(str(table["hours"]), {})] if "hours" in table else []
    return joined(parts, ", ") if parts else as_sentence("any time")


def _texts(value: object) -> Sequence[str]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _span(text: str, names: Mapping[str, Sentence]) -> Sentence:
    """``mon-fri`` and ``08:00-18:00``, with names for what has one."""
    first, _, last = text.partition("-")
    if last in {"", first}:
        return names[first]
    return Sentence("%(first)s to %(last)s", first=names.get(first, first), last=names.get(last, last))


def _either(texts: Sequence[str]) -> Sentence:
    """``a``, ``a or b``, ``a, b or c``."""
    *others, last = texts
    return Sentence("%(others)s or %(last)s", others=joined(others, ", "), last=last) if others else joined([last])
