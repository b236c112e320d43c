"""The host's own migrations, which may share a database with the gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import inspect

from ....store.schema import table_names, version_table
from ..findings import Finding, error
from ..registry import Inspection, Needs, check


@check(Needs.TABLES)
def migrations_of_the_app(on: Inspection) -> Iterator[Finding]:
    """Autogenerate drops whatever the host's models don't have, unless it is told to look away."""
    migrate = on.app.extensions.get("migrate")
    if migrate is None or not _shares_database(on, migrate) or _looks_away(on, migrate):
        return
    yield error(
        "host-migrations",
        "`flask db migrate` would write a migration that drops the gate's tables, with every factor and the audit log.",
        fix="Migrate(app, db, include_name=include_name), from flask_mfa_gate.migrations",
    )


def _shares_database(on: Inspection, migrate: Any) -> bool:
    """Whether the host's migrations see the gate's tables, whatever the two addresses look like."""
    table = version_table(on.settings.table_prefix)
    engines = getattr(migrate.db, "engines", None) or {}
    return any(inspect(engine).has_table(table) for engine in engines.values())


def _looks_away(on: Inspection, migrate: Any) -> bool:
    """By what was given to Flask-Migrate, as long as the environment passes it on, or by the environment itself."""
    environment = Path(migrate.directory) / "env.py"
    words = environment.read_text(encoding="utf-8", errors="replace") if environment.is_file() else "configure_args"
    if any(word in words for word in ("flask_mfa_gate", on.settings.table_prefix)):
        return True
    return "configure_args" in words and (
        _names_are_left_out(on, migrate.configure_args) or _objects_are_left_out(on, migrate.configure_args)
    )


def _names_are_left_out(on: Inspection, arguments: Mapping[str, Any]) -> bool:
    is_included = arguments.get("include_name")
    return is_included is not None and not any(
        is_included(name, "table", {"schema_name": None, "table_name": name, "schema_qualified_table_name": name})
        for name in table_names(on.settings.table_prefix)
    )


def _objects_are_left_out(on: Inspection, arguments: Mapping[str, Any]) -> bool:
    is_included = arguments.get("include_object")
    tables = on.store.tables.metadata.tables.values()
    return is_included is not None and not any(is_included(table, table.name, "table", True, None) for table in tables)
