"""For the host's own migrations: autogenerate would drop the gate's tables, since no model of the host has them.

::

    from flask_mfa_gate.migrations import include_name

    Migrate(app, db, include_name=include_name)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from flask import current_app
from sqlalchemy import inspect

from .settings import Settings
from .store.schema import table_names, version_table
from .web.state import EXTENSION

_DEFAULT = Settings().table_prefix
# What any gate has had since its first revision.
_OLDEST = ("enrollment", "factor", "recovery_code")
_found: WeakKeyDictionary[Any, dict[str | None, frozenset[str]]] = WeakKeyDictionary()


def include_name(name: str | None, kind: str, parents: Mapping[str, str | None]) -> bool:
    """Whether Alembic's autogenerate may look at something: at all but the tables of a gate, whatever its prefix.

    A filter of the host's own goes beside it: ``lambda *what: include_name(*what) and mine(*what)``.
    """
    if kind != "table" or name is None:
        return True
    return not name.startswith(_DEFAULT) and name not in _tables_of_gates(parents.get("schema_name"))


def _tables_of_gates(schema: str | None) -> frozenset[str]:
    prefixes = {*_configured(), *_prefixes_in_database(schema)}
    return frozenset().union(*(table_names(prefix) for prefix in prefixes))


def _configured() -> Iterable[str]:
    state = current_app.extensions.get(EXTENSION) if current_app else None
    return () if state is None else (state.settings.table_prefix,)


def _prefixes_in_database(schema: str | None) -> frozenset[str]:
    """Several apps may share a database, each with a gate of its own. Looked up once a run of Alembic."""
    from alembic import context  # noqa: PLC0415 - only there while Alembic runs

    try:
        run = context.get_context()
    except (NameError, AttributeError):  # before and after Alembic's environment has run in this process
        return frozenset()
    by_schema = _found.setdefault(run, {})
    if schema not in by_schema and run.connection is not None:
        by_schema[schema] = prefixes_among(inspect(run.connection).get_table_names(schema))
    return by_schema.get(schema, frozenset())


def prefixes_among(names: Iterable[str]) -> frozenset[str]:
    """The prefixes of the gates that have these tables."""
    known = frozenset(names)
    prefixes = {name.removesuffix(version_table("")) for name in known if name.endswith(version_table(""))}
    return frozenset(prefix for prefix in prefixes if prefix and all(f"{prefix}{table}" in known for table in _OLDEST))
