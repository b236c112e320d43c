"""Writes the reference of settings and the JSON Schema of policies from the code: ``make docs``."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN
from flask_mfa_gate.domain.policy.document.schema import document_schema
from flask_mfa_gate.domain.records.event_name import EventName
from flask_mfa_gate.events.ocsf import OTHER, meaning_of
from flask_mfa_gate.settings import PREFIX, Settings
from flask_mfa_gate.web.account.activity import EVENTS

_PAGE = Path(__file__).parent / "settings.md"
_EVENTS = Path(__file__).parent / "events.md"
_BEGIN, _END = "<!-- events: begin -->\n", "<!-- events: end -->\n"
_SCHEMA = Path(__file__).parents[1] / "flask_mfa_gate" / "policy.schema.json"
_HEAD = """# Settings

Keys of the app's configuration. They are read once, in `init_app`; an unknown key, a wrong type or an impossible mix
stops the start with the key's name. This page is made from the code by `make docs`.
"""


def settings_page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_entry(item) for item in fields(Settings))])


def policy_schema() -> str:
    """The schema of documents with the built-in condition words, as text."""
    return json.dumps(document_schema(BUILT_IN), default=dict, ensure_ascii=False, indent=2) + "\n"


def events_page(page: str) -> str:
    """The page of events, with the table of all of them."""
    before, _, rest = page.partition(_BEGIN)
    head = "| Event | What happened | OCSF class | Activity | Severity |\n|---|---|---|---|---|\n"
    return before + _BEGIN + head + "".join(map(_event_row, EventName)) + _END + rest.partition(_END)[2]


def _event_row(name: EventName) -> str:
    meaning = meaning_of(name)
    kind = f"{meaning.kind.caption} ({meaning.kind.value})"
    activity = "99, called like the event" if meaning.activity == OTHER else str(meaning.activity)
    severity, status = meaning.severity.name.capitalize(), ", failure" if meaning.status.name == "FAILURE" else ""
    return f"| `{name}` | {EVENTS[name]} | {kind} | {activity}{status} | {severity} |\n"


def _entry(item: Any) -> str:
    facts = item.metadata
    default = item.default if item.default is not MISSING else item.default_factory()
    lines = [f"Type: {facts['kind']}", f"Default: {_shown(default)}"]
    if facts["unit"]:
        lines.append(f"Unit: {facts['unit']}")
    lines.append(f"Allowed: {facts['check'].allowed}")
    listed = "\n".join(f"- {line}" for line in lines)
    return f"## `{PREFIX}{item.name.upper()}`\n\n{facts['meaning']}\n\n{listed}\n"


def _shown(default: Any) -> str:
    if isinstance(default, timedelta):
        return f"`{_duration(default)}`"
    if callable(default):
        return f"`{default.__module__}.{default.__name__}`"
    if hasattr(default, "items"):
        return f"`{dict(default)!r}`"
    return f"`{default!r}`"


def _duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds and seconds % size == 0:
            return f"timedelta({unit}={seconds // size})"
    return f"timedelta(seconds={seconds})" if seconds else "timedelta(0)"


if __name__ == "__main__":
    _PAGE.write_text(settings_page(), encoding="utf-8")
    _EVENTS.write_text(events_page(_EVENTS.read_text(encoding="utf-8")), encoding="utf-8")
    _SCHEMA.write_text(policy_schema(), encoding="utf-8")
