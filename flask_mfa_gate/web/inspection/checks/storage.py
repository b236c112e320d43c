"""The gate's tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta

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


@check()
def place(on: Inspection) -> Iterator[Finding]:
    """A database file that goes with the next rebuild of the virtual environment."""
    folder = on.state.location.folder
    if on.state.location.embedded and sys.prefix != sys.base_prefix and folder.resolve().is_relative_to(sys.prefix):
        yield warning(
            "in-environment",
            Sentence(
                "The gate's database and key are in the virtual environment (%(folder)s) and vanish when it is "
                "rebuilt.",
                folder=folder,
            ),
            fix="Set MFA_GATE_DATABASE_URI and MFA_GATE_KEYS, or give the app an instance_path.",
        )


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
