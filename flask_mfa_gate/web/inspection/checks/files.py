"""The files of the gate's own SQLite database."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from ....sentences import Sentence
from ..findings import Finding, error
from ..registry import Inspection, check


@check()
def modes_of_files(on: Inspection) -> Iterator[Finding]:
    """Not all in there is sealed."""
    if not on.state.location.embedded:
        return
    file = on.state.location.file
    for path in (file, *(file.with_name(f"{file.name}-{end}") for end in ("wal", "shm"))):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield error(
                "database-file-mode",
                Sentence("Others can read the database file %(path)s.", path=path),
                fix=Sentence("chmod 600 %(path)s", path=path),
            )


@check()
def place_of_files(on: Inspection) -> Iterator[Finding]:
    """Flask puts the instance folder of an installed app below the environment that it is installed in."""
    location = on.state.location
    if location.embedded and any(location.file.is_relative_to(place) for place in _rebuilt()):
        yield error(
            "file-in-environment",
            Sentence(
                "The gate's database %(file)s is inside the Python environment. When that is built again, every "
                "factor is lost.",
                file=location.file,
            ),
            fix="Move its folder to a lasting place, and set instance_path= of the app or MFA_GATE_DATABASE_URI.",
        )


def _rebuilt() -> list[Path]:
    """A virtual environment as a whole; of a system's Python what Flask puts into it."""
    is_virtual = sys.prefix != sys.base_prefix
    return [Path(sys.prefix).resolve() if is_virtual else Path(sys.prefix) / "var"]
