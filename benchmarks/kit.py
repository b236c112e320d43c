"""What the measurements share: a gate on an empty database, people in it, and clocks."""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Connection, insert

from flask_mfa_gate import MFAGate
from flask_mfa_gate.web.state import GateState
from tests.servers import as_uri, is_reachable, new_database

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DATABASES = ("sqlite", "postgresql")
_ROWS_AT_ONCE = 5000


def arguments(summary: str, *, people: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--on", choices=[*DATABASES, "mariadb"], action="append", help="default: SQLite and PostgreSQL")
    parser.add_argument("--people", type=int, default=people)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def chosen(wanted: Iterable[str] | None) -> Iterator[str]:
    """Those of the databases that are there."""
    for kind in wanted or DATABASES:
        if kind == "sqlite" or is_reachable(kind):
            yield kind
        else:
            print(f"{kind}: not on this machine, left out")


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The address of an empty one."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder)}/gate.sqlite3"
    else:
        with new_database(kind) as url:
            yield as_uri(url)


@contextmanager
def gate_on(uri: str) -> Iterator[GateState]:
    """A gate with its tables, at a time that stands still, inside its app's context."""
    app = Flask("benchmark")
    app.config.update(
        SECRET_KEY="not a secret", TESTING=True, MFA_GATE_DATABASE_URI=uri, MFA_GATE_CLOCK=lambda: NOW,
        MFA_GATE_BASE_URL="https://portal.example.org",
    )  # fmt: skip
    gate = MFAGate(app)
    with app.app_context():
        gate.upgrade()
        state: GateState = app.extensions["mfa_gate"]
        yield state
        state.store.database.dispose()


def key_of(number: int) -> str:
    """Keys sort as they were given out, like those of most hosts."""
    return f"{number:08}"


def person_row(number: int) -> dict[str, Any]:
    return {
        "user_key": key_of(number), "name": f"Person {number}", "email": f"person{number}@example.org",
        "former_email": "", "is_active": True, "role": None, "groups": [], "locale": "en", "timezone": "Europe/Berlin",
        "seen_at": NOW - timedelta(days=1),
    }  # fmt: skip


def fill(state: GateState, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    """Put rows in, in one transaction, and let the server look at them once."""
    with state.store.database.write() as tx:
        while part := list(islice(rows, _ROWS_AT_ONCE)):
            tx.execute(insert(table), part)
    with state.store.database.read() as tx:
        tx.exec_driver_sql(f"ANALYZE TABLE {table.name}" if "m" in tx.dialect.name[:1] else f"ANALYZE {table.name}")


def clock_of(tx: Connection) -> Callable[[], float]:
    """Seconds of processor time that the database has taken for this connection, whatever else the machine does; wall
    time of a server on another machine.
    """
    kind = tx.dialect.name
    if kind == "sqlite":
        return time.process_time
    asked = "SELECT pg_backend_pid()" if kind == "postgresql" else (
        "SELECT tid FROM information_schema.processlist WHERE id = connection_id()"
    )  # fmt: skip
    thread = tx.exec_driver_sql(asked).scalar_one()
    ran = next(iter(Path("/proc").glob(f"*/task/{thread}/schedstat")), None)
    return time.perf_counter if ran is None else lambda: int(ran.read_text().split()[0]) / 1e9


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def middle(values: Iterable[float]) -> float:
    return statistics.median(values)


def machine() -> str:
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
