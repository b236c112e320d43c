"""What records of the audit log say, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ...domain.records.event_name import EventName
from ...domain.records.refusal import THROTTLED
from ...signals import Event
from ..account.activity import EVENTS
from ..translation import gettext, marked, ngettext
from .policies import words as policy_words
from .words import asked_word, factor_word, list_word, reason_word, scope_word, sign_in_word

_NOTHING: tuple[Any, ...] = (None, "", [], {})
_LABELS: Mapping[str, str] = {
    "act": marked("Change"),
    "added": marked("Added"),
    "changed": marked("Changed"),
    "days": marked("Days"),
    "deleted": marked("Removed"),
    "days_left": marked("Days left"),
    "ends_at": marked("Ends"),
    "endpoint": marked("Page"),
    "factor": marked("Method"),
    "factors": marked("Methods"),
    "former": marked("Former key"),
    "list": marked("List"),
    "loosens": marked("Loosens"),
    "method": marked("Verified with"),
    "missing": marked("Missing"),
    "one_time": marked("Works once"),
    "people": marked("Users"),
    "pending": marked("Second factor needed"),
    "policies": marked("Policies"),
    "policy": marked("Policy"),
    "problem": marked("Problem"),
    "provider": marked("Identity provider"),
    "reason_id": marked("Reason"),
    "removed": marked("Removed"),
    "scope": marked("Opens"),
    "sent": marked("Sent"),
    "sign_in": marked("Sign-in"),
    "starts_at": marked("Starts"),
    "verdict": marked("Outcome"),
    "version": marked("Policy version"),
    "waiting": marked("Starts with the first sign-in"),
}
# What their method is a detail of was not proved.
_NOTHING_VERIFIED = frozenset({EventName.FACTOR_ADDED, EventName.FACTOR_REMOVED, EventName.CHALLENGE_FAILED})
# Said by the line itself, or beside it.
_SAID = frozenset({"reference"})


def event_name(name: str) -> str:
    """What a kind of event is called in a list of them."""
    return gettext(EVENTS[name]) if name in EVENTS else name.replace("_", " ").capitalize()


def detail_words(event: Event) -> Iterator[tuple[str, str]]:
    """Each detail as its label and its value; what is empty is left out."""
    for name, value in event.details.items():
        if value not in _NOTHING and name not in _SAID and not _is_repeated(event, name):
            yield _label(event, name), _shown(name, value)


def _is_repeated(event: Event, name: str) -> bool:
    """Factors are told by their kind, which stands beside the id; a policy by its name."""
    if name == "factor" and "method" in event.details:
        return True
    return name == "reason_id" and event.details.get("policies") not in _NOTHING


def _label(event: Event, name: str) -> str:
    if name == "method" and event.name in _NOTHING_VERIFIED:
        return gettext("Method")
    return gettext(_LABELS[name]) if name in _LABELS else name.replace("_", " ").capitalize()


def _shown(name: str, value: Any) -> str:
    """A detail as an admin reads it, not as Python writes it."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list | tuple) and name != "loosens":
        return ", ".join(_shown(name, one) for one in value)
    if name == "loosens":
        # In the words of the version's page, which the log can't be: it keeps them as they were said then.
        return ngettext("%(num)s change", "%(num)s changes", len(value))
    if name == "days" and value == 0:
        return gettext("now")
    say = _SAY.get(name)
    return say(str(value)) if say is not None else str(value)


def _moment(value: str) -> str:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def _outcome(value: str) -> str:
    return gettext("Throttled") if value == THROTTLED else asked_word(value).text


def _act(value: str) -> str:
    return gettext(policy_words.ACTS[value]) if value in policy_words.ACTS else value


_SAY: Mapping[str, Callable[[str], str]] = {
    "act": _act, "ends_at": _moment, "starts_at": _moment, "factor": factor_word, "factors": factor_word,
    "list": list_word, "method": factor_word, "reason_id": reason_word, "scope": scope_word,
    "sign_in": sign_in_word, "verdict": _outcome,
}  # fmt: skip
