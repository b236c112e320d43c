"""Commands on tables, set-up and routes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
from flask import current_app
from flask.cli import ScriptInfo

from ..store import schema
from ..web.inspection.doctor import findings, not_started
from ..web.inspection.findings import Finding, Level
from ..web.routes import is_unclassified, route_table
from ..web.state import current_state
from .group import as_json_option, mfa, print_json


@mfa.command(help="Bring the gate's tables up to date.")
@click.option("--revision", default="head", show_default=True, help="Revision to go to; base removes the tables.")
def upgrade(revision: str) -> None:
    state = current_state()
    prefix = state.settings.table_prefix
    if revision == "base":
        schema.downgrade(state.store.database, prefix=prefix, revision=revision)
    else:
        state.tables.upgrade(revision)
    click.echo(f"The tables are at {schema.current(state.store.database, prefix=prefix) or 'base'}.")


@mfa.command(
    with_appcontext=False,
    help="Look for errors in configuration, tables, keys, people, policies and mail, also of an app that does not "
    "start. Exits with 1 on any error; warnings alone exit with 0.",
)
@as_json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    found = _inspect(ctx.ensure_object(ScriptInfo))
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        _print_findings(found)
    if any(one.level is Level.ERROR for one in found):
        raise SystemExit(1)


def _inspect(script: ScriptInfo) -> list[Finding]:
    try:
        app = script.load_app()
        with app.app_context():
            return findings(app, current_state())
    except click.ClickException:  # no app was named: Flask says so itself
        raise
    except Exception as failure:  # noqa: BLE001 - whatever keeps the app from starting is what is looked for
        return [not_started(failure)]


def _print_findings(found: Sequence[Finding]) -> None:
    for one in found:
        click.echo(f"{one.level}: {one.sentence} [{one.code}]\n    Fix: {one.fix}")
    numbers = Counter(one.level for one in found)
    counted = [f"{number} {level}{'s' if number > 1 else ''}" for level in Level if (number := numbers[level])]
    click.echo(f"{', '.join(counted)}." if counted else "No problems found.")


@mfa.command(help="List every endpoint with what protects it.")
@click.option("--fail-unclassified", is_flag=True, help="Exit with 1 when a view is neither marked nor exempt.")
@as_json_option
def routes(as_json: bool, fail_unclassified: bool) -> None:
    table = route_table(current_app._get_current_object(), current_state())  # type: ignore[attr-defined]
    if as_json:
        print_json(table)
    else:
        for row in table:
            click.echo(_route_line(row))
    unclassified = list(dict.fromkeys(row["endpoint"] for row in table if is_unclassified(row)))
    if fail_unclassified and unclassified:
        if not as_json:
            click.echo(f"Neither marked nor exempt: {', '.join(unclassified)}.", err=True)
        raise SystemExit(1)


def _route_line(row: dict[str, Any]) -> str:
    shields = ", ".join([*row["resources"], *row["demands"]]) or "app"
    policies = f" policies: {', '.join(row['policies'])}" if row["policies"] else ""
    methods = ",".join(row["methods"])
    return f"{row['endpoint']:32} {methods:18} {row['default']:14} {shields:28} {row['rule']}{policies}"
