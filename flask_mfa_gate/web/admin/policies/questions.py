"""What the simulator is asked: read from a link or a form, so that a link carries the whole question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ....domain.access import APP
from ....domain.address import canonical_address
from ....domain.policy.conditions.zones import zone_names
from ....domain.policy.facts import Environment
from ....errors import BadRequest, PolicyError
from ....sentences import Sentence
from ....services.policies.environment_input import environment_from
from ...translation import gettext, translated

TEXTS = (
    "user", "resource", "address", "at", "zone", "sign_in", "provider", "country", "platform", "browser", "user_agent",
    "upstream_amr", "method", "endpoint", "on", "draft",
)  # fmt: skip
SETS = ("device", "risk")
NONE = "none"
_FACTS = ("sign_in", "provider", "country", "platform", "browser", "user_agent", "method", "endpoint")

_RARE = ("provider", "upstream_amr", "platform", "browser", "country", "method", "endpoint", *SETS)


@dataclass(frozen=True, slots=True)
class Question:
    """What was typed, by field."""

    values: Mapping[str, tuple[str, ...]]

    def text(self, name: str) -> str:
        """What was typed into a field."""
        return " ".join(self.values.get(name, ())).strip()

    def has(self, name: str, value: str) -> bool:
        """Whether a box is ticked."""
        return value in self.values.get(name, ())

    @property
    def is_asked(self) -> bool:
        """Whether somebody is named, so that there is something to answer."""
        return bool(self.text("user"))

    @property
    def resource(self) -> str:
        """What is opened."""
        return self.text("resource") or APP

    @property
    def has_more(self) -> bool:
        """Whether one of the rarer facts was given."""
        return any(any(self.values.get(name, ())) for name in _RARE)

    @property
    def query(self) -> dict[str, Any]:
        """As a link carries it; a draft is not in it."""
        return {name: [*texts] for name, texts in self.values.items() if name != "draft" and any(texts)}


def read_question(given: Iterable[tuple[str, Sequence[Any]]]) -> Question:
    """The question of a form or a link.

    :raises BadRequest: for what is no text.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, texts in given:
        if name in (*TEXTS, *SETS):
            if not all(isinstance(text, str) for text in texts):
                raise BadRequest(Sentence("%(name)s has to be text.", name=name))
            found[name] = tuple(texts)
    return Question(found)


def facts_of(question: Question, *, now: datetime) -> tuple[Environment, dict[str, str]]:
    """The facts, and what is wrong with a field. Now, where no time is given."""
    errors: dict[str, str] = {}
    table: dict[str, Any] = {name: question.text(name) for name in _FACTS if question.text(name)}
    table |= {name: _words(question.values[name]) for name in SETS if any(question.values.get(name, ()))}
    if amr := question.text("upstream_amr"):
        table["upstream_amr"] = _words(amr.replace(",", " ").split())
    if typed := question.text("address"):
        address = canonical_address(typed)
        if address is None:
            errors["address"] = gettext("Enter an IPv4 or IPv6 address, such as 203.0.113.9.")
        else:
            table["address"] = address
    moment = _moment(question, errors) if question.text("at") else now
    try:
        return environment_from({**table, **({"at": moment} if moment else {})}, ""), errors
    except PolicyError as error:
        name = error.path.partition("[")[0]
        errors[name] = gettext("This %(problem)s", problem=translated(error.at_field))
        return Environment(), errors


def _words(texts: Sequence[str]) -> list[str]:
    return [text for text in texts if text and text != NONE]


def _moment(question: Question, errors: dict[str, str]) -> datetime | None:
    """A wall clock's time in the zone that the form names; one with an offset is taken as it stands."""
    zone = question.text("zone") or "UTC"
    if zone not in zone_names():
        errors["zone"] = gettext("This is no time zone that this server knows.")
        return None
    try:
        typed = datetime.fromisoformat(question.text("at"))
        moment = typed if typed.tzinfo is not None else typed.replace(tzinfo=ZoneInfo(zone))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, KeyError, OSError):
        errors["at"] = gettext("Enter a date and time, such as 2026-12-24T18:30.")
        return None
