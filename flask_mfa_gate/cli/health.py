"""Commands on tables, set-up and routes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import click
from flask import current_app
from flask.cli import ScriptInfo

from ..errors import StoreNotReady
from ..store import schema
from ..web.inspection.doctor import findings, not_started
from ..web.inspection.findings import Finding, Level
from ..web.inspection.routes import is_unclassified, route_table
from ..web.openapi.document import openapi as description
from ..web.state import GateState, current_state
from .group import as_json_option, mfa
from .output import DRY_RUN, counted, print_json, print_table

_ROUTE_HEAD = ("ENDPOINT", "METHODS", "RULE", "RESOURCES", "ACCESS", "DEMANDS", "POLICIES")
_MARK_THEM = (
    'Mark a plain view with @gate.resource("app"), or with a resource of its own. '
    "Sign-in and sign-out views and health checks get @gate.exempt."
)


@mfa.command(help="Bring the gate's tables up to date.")
@click.option("--revision", default="head", show_default=True, help="Revision to go to; base removes the tables.")
@click.option("--adopt", is_flag=True, help="Take over tables that are another app's, or this one's by another name.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
def upgrade(revision: str, adopt: bool, dry_run: bool) -> None:
    state = current_state()
    prefix = state.settings.table_prefix
    if dry_run:
        _preview(state, revision, adopt)
        return
    if revision == "base":
        schema.downgrade(state.store.database, prefix=prefix, revision=revision)
    else:
        state.operations.tables.upgrade(revision, adopt=adopt)
    at = schema.current(state.store.database, prefix=prefix)
    click.echo(f"Database schema is up to date (revision {at})." if at else "The gate's tables were removed.")


def _preview(state: GateState, revision: str, adopt: bool) -> None:
    if not adopt and revision != "base":
        with suppress(StoreNotReady):
            state.operations.tables.require_own(claim=False)
    steps = schema.plan(state.store.database, prefix=state.settings.table_prefix, revision=revision)
    if not steps:
        click.echo("Nothing would be applied.")
    elif revision == "base":
        click.echo(f"The gate's tables would be removed, with everything in them ({', '.join(steps)}).")
    else:
        click.echo(f"{counted(len(steps), 'revision')} would be applied: {', '.join(steps)}.")
    if adopt:
        click.echo("The tables would be this app's.")
    click.echo(DRY_RUN)


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
    counts = [counted(numbers[level], level) for level in Level if numbers[level]]
    click.echo(f"{', '.join(counts)}." if counts else "No problems found.")


@mfa.command(
    help="List every endpoint with what protects it.\n\nACCESS is what holds where no policy says otherwise. A view of "
    'the app has to be marked: @gate.resource("app") on a plain view, @gate.resource("payroll") on one that '
    "policies can target, @gate.require_mfa(...) where it asks for a proof itself, @gate.exempt where anyone may go."
)
@click.option("--fail-unclassified", is_flag=True, help="Exit with 1 if a view is neither marked nor exempt.")
@as_json_option
def routes(as_json: bool, fail_unclassified: bool) -> None:
    table = route_table(current_app._get_current_object(), current_state())  # type: ignore[attr-defined]
    if as_json:
        print_json(table)
    else:
        print_table(_ROUTE_HEAD, [_route_row(row) for row in table])
    unclassified = list(dict.fromkeys(row["endpoint"] for row in table if is_unclassified(row)))
    if fail_unclassified and unclassified:
        if not as_json:
            names = ", ".join(unclassified)
            click.echo(
                f"{counted(len(unclassified), 'view')} neither marked nor exempt: {names}.\n{_MARK_THEM}", err=True
            )
        raise SystemExit(1)


def _route_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    resources, demands, policies = (", ".join(row[name]) for name in ("resources", "demands", "policies"))
    return row["endpoint"], ",".join(row["methods"]), row["rule"], resources, row["default"], demands, policies


@mfa.command(help="Print the OpenAPI 3.1 description of the JSON that the gate speaks.")
def openapi() -> None:
    print_json(description(current_app, current_state()))
