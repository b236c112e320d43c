"""The effective configuration, and what the doctor says of it. Nothing can be changed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from datetime import timedelta
from typing import Any

from flask import Response, current_app

from ...settings import PREFIX, Settings
from ..inspection.doctor import findings
from ..responses import answers
from .console import Console, ConsoleRoute
from .representation import Format, format_wanted


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One key with what counts now.

    :param value: as text; of a secret only whether there is one.
    :param is_default: whether the app leaves it as it is.
    """

    key: str
    value: str
    default: str
    meaning: str
    is_default: bool
    is_secret: bool


def settings(console: Console) -> Response:
    """Every key, and every finding with its fix."""
    found, lines = findings(current_app, console.state), setting_lines(console.state.settings)
    if format_wanted(console, Format.HTML, Format.JSON) is Format.JSON:
        return answers.json_answer(
            {
                "findings": [
                    {"level": one.level.value, "code": one.code, "sentence": one.sentence, "fix": one.fix}
                    for one in found
                ],
                "settings": {line.key: line.value for line in lines},
            }
        )
    return console.page("settings.html", findings=found, lines=lines)


def setting_lines(current: Settings) -> list[SettingLine]:
    """Each key of the settings, in their order."""
    defaults = Settings()
    return [_line(item, getattr(current, item.name), getattr(defaults, item.name)) for item in fields(Settings)]


def _line(item: Field[Any], value: Any, default: Any) -> SettingLine:
    is_secret = not item.repr
    # SECURITY: what may hold a password or a key is never on a page, not even to an admin.
    shown = ("set" if value else "not set") if is_secret else _shown(value)
    return SettingLine(
        key=f"{PREFIX}{item.name.upper()}", value=shown, default="" if is_secret else _shown(default),
        meaning=item.metadata["meaning"], is_default=bool(value == default), is_secret=is_secret,
    )  # fmt: skip


def _shown(value: Any) -> str:
    """A value as an operator would say it."""
    if value is None:
        return "None"
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, tuple | list | frozenset):
        return ", ".join(_shown(one) for one in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_shown(one)}" for name, one in value.items()) or "none"
    return getattr(value, "__name__", None) or str(value)


ROUTES = (ConsoleRoute(rule="/settings", name="settings", view=settings),)
