"""The gate's database: its tables, and the files of its own SQLite."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from ....errors import ConfigError, MFAGateError
from ....sentences import Sentence
from ....services.observations import KEPT
from ....services.sign_in.sessions import DROPPED
from ....store import schema
from ....store.every_table.unreadable import unreadable_rows
from ..findings import Finding, error, warning
from ..registry import Inspection, Needs, check

_LATE_UPKEEP = timedelta(hours=2)


def tables(on: Inspection) -> Iterator[Finding]:
    """Whether there are any, of this version; asked before the checks that need them."""
    try:
        is_ready = schema.is_ready(on.store.database, prefix=on.settings.table_prefix)
    except MFAGateError as failure:
        fix = "Start the database server, or correct MFA_GATE_DATABASE_URI."
        yield error("database", str(failure), fix=fix)
        return
    if not is_ready:
        yield error("tables", "The gate's tables are missing or older than the code.", fix="flask mfa upgrade")
        return
    for sentence in schema.damage(on.store.database, on.store.tables.metadata):
        yield error("damaged-tables", sentence, fix="Restore the gate's tables from a backup.")


@check(Needs.TABLES)
def rows(on: Inspection) -> Iterator[Finding]:
    """Rows that somebody edited by hand so that nothing can read them."""
    for sentence in unreadable_rows(on.store.database, on.store.tables):
        yield error("unreadable-row", sentence, fix="Correct the value, or delete the row.")


@check(Needs.TABLES)
def audit_chain(on: Inspection) -> Iterator[Finding]:
    """A log that was cut off, or that restarts where another one ended."""
    if not on.state.operations.audit.has_its_end():
        yield error(
            "audit-chain",
            "The audit log does not lead up to its newest head: records are missing or were changed.",
            fix="flask mfa audit verify, with --head from your own logs",
        )


@check(Needs.TABLES)
def owner(on: Inspection) -> Iterator[Finding]:
    """Tables of another app, whose users would be this one's."""
    try:
        on.state.operations.tables.require_own(claim=False)
    except ConfigError as failure:
        fix = "Set another MFA_GATE_TABLE_PREFIX; or, for this app under another name: flask mfa upgrade --adopt"
        yield error("other-app", str(failure), fix=fix)


@check(Needs.TABLES)
def upkeep(on: Inspection) -> Iterator[Finding]:
    """Whether cron does its part."""
    with on.store.database.read() as tx:
        is_late = on.store.enrollments.is_overdue(tx, since=on.now - _LATE_UPKEEP)
    if is_late:
        yield warning(
            "upkeep-late", "Reminders or lapses have been due for hours.", fix="Run from cron: flask mfa run-due"
        )


@check(Needs.TABLES)
def dropped_session_keys(on: Inspection) -> Iterator[Finding]:
    """What hosts keep in their session that no row can hold."""
    with on.store.database.read() as tx:
        names = on.store.checkpoints.names(tx, prefix=DROPPED, since=on.now - KEPT)
    for name in names:
        yield warning(
            "dropped-session-key",
            Sentence("The session key %(name)r can't be kept while a sign-in is pending, and is dropped.", name=name),
            fix="Keep a value there that Flask's session can write as JSON.",
        )


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
    if location.embedded and any(location.folder.resolve().is_relative_to(place) for place in _rebuilt()):
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
