"""Writes the reference of settings from the code: ``make docs``."""

from __future__ import annotations

from dataclasses import MISSING, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask_mfa_gate.settings import PREFIX, Settings

_PAGE = Path(__file__).parent / "settings.md"
_HEAD = """# Settings

Keys of the app's configuration. They are read once, in `init_app`; an unknown key, a wrong type or an impossible mix
stops the start with the key's name. This page is made from the code by `make docs`.
"""


def settings_page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_entry(item) for item in fields(Settings))])


def _entry(item: Any) -> str:
    default = item.default if item.default is not MISSING else item.default_factory()
    allowed = item.metadata["check"].allowed
    title = f"## `{PREFIX}{item.name.upper()}`"
    return f"{title}\n\n{item.metadata['meaning']}\n\n- Default: {_shown(default)}\n- Allowed: {allowed}\n"


def _shown(default: Any) -> str:
    if isinstance(default, timedelta):
        return f"`timedelta(seconds={int(default.total_seconds())})`"
    if callable(default):
        return f"`{default.__module__}.{default.__name__}`"
    if hasattr(default, "items"):
        return f"`{dict(default)!r}`"
    return f"`{default!r}`"


if __name__ == "__main__":
    _PAGE.write_text(settings_page(), encoding="utf-8")
