"""With which fields each condition word is written in the form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .....domain.policy.condition_tree import Condition
from .....domain.policy.conditions.listed import ListedWord
from .....domain.policy.conditions.registry import Registry
from .....domain.policy.conditions.words.country import COUNTRY
from .....domain.policy.conditions.words.device import DEVICE, DEVICE_WORDS
from .....domain.policy.conditions.words.network import NETWORK
from .....domain.policy.conditions.words.request import REQUEST
from .....domain.policy.conditions.words.risk import RISK
from .....domain.policy.conditions.words.schedule import DAYS, SCHEDULE, WHOLE_DAY
from .....domain.policy.conditions.words.sign_in import SIGN_IN, WAYS
from .....domain.policy.conditions.words.upstream_amr import COMMON, UPSTREAM_AMR
from .....domain.policy.reading import table_of, texts_of
from ....translation import gettext, marked
from ..words import condition_name, value_name
from .tree import Row, Values

_MOST_BOXES = 40
_LINES, _WORDS = re.compile(r"[\r\n]+"), re.compile(r"[\s,;]+")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_HELP = {
    NETWORK.word: marked("Other addresses, blocks or ranges, one per line: 198.51.100.5, 10.20.0.0/16"),
    COUNTRY.word: marked("Two-letter codes, such as DE, FR"),
    SIGN_IN.word: marked("One provider only: federated:ISSUER, one per line"),
    UPSTREAM_AMR.word: marked("Other values of amr, one per line"),
}


@dataclass(frozen=True, slots=True)
class Widget:
    """The fields of a row.

    :param kind: ``list``, ``schedule`` or ``request``.
    :param options: boxes to tick.
    :param is_open: whether other texts may be typed.
    :param splits: between what typed texts are apart.
    """

    word: str
    kind: str = "list"
    options: tuple[str, ...] = ()
    is_open: bool = False
    help: str = ""
    splits: re.Pattern[str] = _LINES

    def value_name(self, value: str) -> str:
        """A box's label."""
        return value_name(self.word, value)

    @property
    def label(self) -> str:
        """The word in the reader's language."""
        return condition_name(self.word)


def widgets(registry: Registry, networks: Sequence[str]) -> Mapping[str, Widget]:
    """One for each condition word of this app."""
    return {word: _widget(word, registry, networks) for word in registry.words}


def _widget(word: str, registry: Registry, networks: Sequence[str]) -> Widget:
    if word == SCHEDULE.word:
        return Widget(word, "schedule", DAYS)
    if word == REQUEST.word:
        return Widget(word, "request", _METHODS)
    options = _options(word, registry, networks)
    is_open = not options or word in {NETWORK.word, SIGN_IN.word, UPSTREAM_AMR.word}
    help_text = gettext(_HELP.get(word, marked("One per line")))
    return Widget(word, "list", options, is_open, help_text, _WORDS if word == COUNTRY.word else _LINES)


def _options(word: str, registry: Registry, networks: Sequence[str]) -> tuple[str, ...]:
    fixed = {
        NETWORK.word: tuple(networks), DEVICE.word: tuple(sorted(DEVICE_WORDS)), SIGN_IN.word: tuple(sorted(WAYS)),
        RISK.word: tuple(sorted(registry.signals)), UPSTREAM_AMR.word: COMMON,
    }  # fmt: skip
    if word in fixed:
        return fixed[word]
    known = registry.words[word]
    listed = known.known if isinstance(known, ListedWord) else frozenset()
    return tuple(sorted(listed)) if 0 < len(listed) <= _MOST_BOXES else ()


def wanted_of(row: Row, widget: Widget) -> object:
    """The document's value of what was typed; what is wrong with it, its reader says."""
    if widget.kind == "schedule":
        return _schedule(row)
    if widget.kind == "request":
        table = {"methods": [*row.fields.get("methods", ())], "endpoints": _split(row.text("endpoints"), _LINES)}
        return {name: texts for name, texts in table.items() if texts}
    return [*row.fields.get("value", ()), *_split(row.text("text"), widget.splits)]


def _schedule(row: Row) -> dict[str, object]:
    start, end = row.text("from").strip(), row.text("until").strip()
    table: dict[str, object] = {
        "days": [*row.fields.get("days", ())],
        "hours": f"{start or '00:00'}-{'24:00' if end in {'', '00:00'} else end}" if start or end else "",
        "zone": row.text("zone").strip(),
        "holidays": _split(row.text("holidays"), _WORDS),
    }
    return {name: value for name, value in table.items() if value}


def _split(text: str, at: re.Pattern[str]) -> list[str]:
    return [part.strip() for part in at.split(text) if part.strip()]


def fields_of(condition: Condition, widget: Widget) -> Values | None:
    """What a row would hold for a condition; None for one that these fields can't say."""
    if widget.kind == "schedule":
        return _fields_of_schedule(table_of(condition.wanted))
    if widget.kind == "request":
        table = table_of(condition.wanted)
        return {"methods": _texts(table.get("methods")), "endpoints": _texts(table.get("endpoints"))}
    if isinstance(condition.wanted, Mapping):
        return None
    texts = texts_of(condition.wanted)
    boxes = tuple(text for text in texts if text in widget.options)
    return {"value": boxes, "text": tuple(text for text in texts if text not in widget.options)}


def _fields_of_schedule(table: Mapping[str, object]) -> Values:
    start, _, end = str(table.get("hours", WHOLE_DAY)).partition("-")
    whole = "hours" not in table
    return {
        "days": tuple(day for text in _texts(table.get("days")) for day in _days(text)),
        "from": () if whole else (start,),
        "until": () if whole else ("00:00" if end == "24:00" else end,),
        "zone": (str(table["zone"]),),
        "holidays": _texts(table.get("holidays")),
    }


def _days(text: str) -> tuple[str, ...]:
    """``mon-fri`` as the days that are ticked; ``fri-mon`` goes over the end of the week."""
    first, _, last = text.partition("-")
    start = DAYS.index(first)
    return tuple(DAYS[(start + step) % 7] for step in range((DAYS.index(last or first) - start) % 7 + 1))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
