"""What a driver's error means, in a sentence that helps: without SQL, values or passwords."""

from __future__ import annotations

import re
import sqlite3
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from ...errors import StoreBusy, StoreError, StoreNotReady, StoreReadOnly
from .sqlite_file import sentence_of_absence

_UNDEFINED_SAVEPOINT = 1305
_MISSING_TEXTS = ("no such table", "no such column", "has no column")


class _Signs(NamedTuple):
    """By what an error is known.

    :param states: SQLSTATE codes, or their first two characters, of PostgreSQL (appendix A of its manual).
    :param numbers: error numbers of MariaDB and MySQL.
    :param codes: primary result codes of SQLite (https://www.sqlite.org/rescode.html).
    :param texts: what libpq says when no connection came about; it gives no code then.
    """

    kind: type[StoreError]
    sentence: str
    states: frozenset[str] = frozenset()
    numbers: frozenset[int] = frozenset()
    codes: frozenset[int] = frozenset()
    texts: str = "(?!)"


class Trouble(_Signs, Enum):
    """The kinds that are told apart, the most telling first."""

    BUSY = _Signs(
        StoreBusy,
        "The gate's tables are locked by another transaction. "
        "Commit the app's own work first, then call the gate again.",
        frozenset({"40001", "40P01", "55P03"}), frozenset({1205, 1213}),
        frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}),
    )  # fmt: skip
    MISSING = _Signs(
        StoreNotReady,
        "The gate's tables are missing or older than the code. Run: flask mfa upgrade",
        frozenset({"42P01", "42703", "3F000"}), frozenset({1146, 1054}),
    )  # fmt: skip
    LOGIN = _Signs(
        StoreNotReady,
        "The gate's database refuses to log in this user. Check the user name and password in its address.",
        frozenset({"28"}), frozenset({1045, 1130, 1251, 1698, 1820, 1862, 4151}),
        texts=r"authentication failed|no password supplied|pg_hba\.conf|role .* does not exist|not permitted to log in",
    )  # fmt: skip
    NO_DATABASE = _Signs(
        StoreNotReady,
        "The server of the gate's database has no database of this name. Create it, or correct the address.",
        frozenset({"3D000"}), frozenset({1049}), texts="database .* does not exist",
    )  # fmt: skip
    PERMISSION = _Signs(
        StoreNotReady,
        "The user of the gate's database lacks a permission. It needs SELECT, INSERT, UPDATE and DELETE on the gate's "
        "tables, and CREATE, ALTER, INDEX and DROP for: flask mfa upgrade",
        frozenset({"42501"}), frozenset({1044, 1142, 1143, 1227, 1370}), texts="permission denied",
    )  # fmt: skip
    READ_ONLY = _Signs(
        StoreReadOnly,
        "The gate's database is read-only, as after a failover. The next request reconnects.",
        frozenset({"25006"}), frozenset({1290, 1792, 1836}),
    )  # fmt: skip
    FULL = _Signs(
        StoreError,
        "The gate's database has no space left. Free some on its disk.",
        frozenset({"53100"}), frozenset({1021, 1114, 3}), frozenset({sqlite3.SQLITE_FULL}),
    )  # fmt: skip
    CROWDED = _Signs(
        StoreError,
        "The gate's database takes no more connections. Raise its limit, or give fewer of them to the app's workers.",
        frozenset({"53300"}), frozenset({1040, 1203, 1226}),
        texts="too many (clients|connections)|remaining connection slots",
    )  # fmt: skip
    UNREACHABLE = _Signs(
        StoreError,
        "The gate's database can't be reached. Check that its server is running, and its address.",
        frozenset({"08", "57P"}), frozenset({1053, 1080, 1152, 1927, 2002, 2003, 2005, 2006, 2013, 2055, 4031}),
    )  # fmt: skip
    DAMAGED = _Signs(
        StoreError,
        "The gate's database file is damaged, or its disk fails. Restore it from a backup.",
        codes=frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR}),
    )
    UNUSABLE_FILE = _Signs(
        StoreNotReady,
        "The gate can't open its database file {file}, or can't write to it.",
        codes=frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_PERM}),
    )


def meaning(error: SQLAlchemyError, *, file: str | None = None) -> StoreError:
    """The error to raise in place of this one.

    :param file: of an SQLite database.
    """
    trouble = trouble_of(error)
    if trouble is Trouble.UNUSABLE_FILE and file is not None and not Path(file).exists():
        return StoreNotReady(sentence_of_absence(Path(file).name))
    if trouble is not None:
        # SECURITY: answers say it to whom they refuse, who need not know where the app keeps its files.
        return trouble.kind(trouble.sentence.format(file=file and Path(file).name))
    return StoreError(f"The gate's database did not answer as it should ({_name(_cause(error) or error)}).")


def trouble_of(error: SQLAlchemyError) -> Trouble | None:
    """What it is, where that is known."""
    if isinstance(error, NoFreeConnection):
        return Trouble.BUSY
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error):
        return _trouble_of_file(cause)
    found = next((trouble for trouble in Trouble if _is_known_by_code(cause, trouble)), None)
    has_no_statement = isinstance(error, DBAPIError) and error.statement is None
    return found or (_trouble_of_connecting(cause) if has_no_statement else None)


def _trouble_of_file(cause: sqlite3.Error) -> Trouble | None:
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_ERROR and any(text in str(cause) for text in _MISSING_TEXTS):
        return Trouble.MISSING
    return next((trouble for trouble in Trouble if code in trouble.codes), None)


def _is_known_by_code(cause: BaseException | None, trouble: Trouble) -> bool:
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if isinstance(state, str) and not {state, state[:3], state[:2]}.isdisjoint(trouble.states):
        return True
    return _number(cause) in trouble.numbers


def _trouble_of_connecting(cause: BaseException | None) -> Trouble | None:
    """No statement was sent: nobody was there, or nobody was let in."""
    if not isinstance(cause, Exception) or _number(cause) is not None:
        return None
    return next((trouble for trouble in Trouble if re.search(trouble.texts, str(cause))), Trouble.UNREACHABLE)


def _cause(error: SQLAlchemyError) -> BaseException | None:
    """MariaDB drops the savepoints of a transaction that it undoes, so going back to one hides the deadlock."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    hidden = cause.__context__ if cause is not None and _number(cause) == _UNDEFINED_SAVEPOINT else None
    return hidden.orig if isinstance(hidden, DBAPIError) else cause


def _number(cause: BaseException | None) -> int | None:
    """What MariaDB and MySQL call the error."""
    candidates = (getattr(cause, "errno", None), *getattr(cause, "args", ()))
    return next((one for one in candidates if isinstance(one, int)), None)


def _name(cause: BaseException) -> str:
    """For looking the error up: its class, and its code where it has one."""
    code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or _number(cause)
    return type(cause).__name__ if code is None else f"{type(cause).__name__} {code}"
