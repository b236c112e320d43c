"""The gate's own tables, behind an engine and short transactions of its own."""

from __future__ import annotations

from dataclasses import dataclass

from .audit import AuditLog
from .engine import Database
from .enrollments import Enrollments
from .factors import Factors
from .failures import FailureLog
from .outbox import Outbox
from .recovery_codes import RecoveryCodes
from .sessions import Sessions
from .tables import build_tables


@dataclass(frozen=True, slots=True)
class Store:
    """One aggregate a table; each method takes the connection of the transaction it belongs to."""

    database: Database
    enrollments: Enrollments
    factors: Factors
    recovery_codes: RecoveryCodes
    sessions: Sessions
    failures: FailureLog
    audit: AuditLog
    outbox: Outbox


def build_store(database: Database, *, prefix: str) -> Store:
    """The store of one tenant."""
    tables = build_tables(prefix)
    return Store(
        database=database,
        enrollments=Enrollments(tables),
        factors=Factors(tables),
        recovery_codes=RecoveryCodes(tables),
        sessions=Sessions(tables),
        failures=FailureLog(tables),
        audit=AuditLog(tables),
        outbox=Outbox(tables),
    )
