"""Commands on conditional access."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import click
from flask import current_app

from ..domain.policy.diff import PolicyDiff
from ..domain.policy.lint import Remark
from ..errors import BadRequest
from ..services.policy_edits import merged
from ..web.protection import marked_resources
from ..web.state import current_state
from .group import ACTOR, as_json_option, confirm, mfa
from .output import print_json

_CHANGES = ("added", "removed", "changed")
DOCUMENT = click.Path(exists=True, dir_okay=False, allow_dash=True)


@mfa.group(help="Conditional access: list, show, import, export, check, simulate, preview, report.")
def policies() -> None:
    pass


@policies.command("list", help="Every policy with its state.")
@as_json_option
def list_policies(as_json: bool) -> None:
    found = current_state().policies.list()
    if as_json:
        print_json([policy.to_document() for policy in found])
        return
    for policy in found:
        click.echo(f"{policy.state.value:12} {policy.effect.action.value:8} {policy.name}")


@policies.command(help="One policy, as it stands in the document: in JSON in any case.")
@as_json_option
@click.argument("name")
def show(name: str, as_json: bool) -> None:
    print_json(current_state().policies.get(name).to_document())


@policies.command(help="Print the whole document.")
@click.option("--form", type=click.Choice(["toml", "json"]), default="toml", show_default=True)
@as_json_option
def export(form: str, as_json: bool) -> None:
    click.echo(current_state().policies.export("json" if as_json else form), nl=False)


@policies.command("import", help="Replace all policies by those of a document, after showing what that changes.")
@click.option("--merge", is_flag=True, help="Keep what the document does not name.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--reason", help="Why; kept in the audit record.")
@as_json_option
@click.argument("file", type=DOCUMENT)
def import_policies(file: str, merge: bool, dry_run: bool, yes: bool, reason: str | None, as_json: bool) -> None:
    service, text = current_state().policies, read_file(file)
    diff = service.import_(text, actor=ACTOR, dry_run=True, merge=merge)
    remarks = _remarks_on_import(text, {*diff.added, *diff.changed}, merge=merge)
    if not as_json:
        _print_diff(diff, remarks)
    if not dry_run:
        confirm("Apply this?", yes=yes)
        service.import_(text, actor=ACTOR, dry_run=False, merge=merge, reason=reason)
    # Last, so that a program is not told of a change that is then refused.
    if as_json:
        print_json({**_diff_json(diff, remarks), **({"dry_run": True} if dry_run else {})})


def _remarks_on_import(text: str, names: Collection[str], *, merge: bool) -> Sequence[Remark]:
    """What lint says of the policies of these names, once they are there."""
    state = current_state()
    read = state.policies.read(text)
    draft = merged(state.policies.current(), read) if merge else read
    found = state.linter.remarks(draft, known_resources=marked_resources(current_app))
    return [one for one in found if one.policy in names]


def _print_diff(diff: PolicyDiff, remarks: Sequence[Remark]) -> None:
    for name in _CHANGES:
        for one in getattr(diff, name):
            click.echo(f"{name}: {one}")
        for one in getattr(diff.networks, name):
            click.echo(f"network {name}: {one}")
    for sentence in diff.loosens:
        click.echo(f"loosens: {sentence}")
    for remark in remarks:
        click.echo(remark_line(remark), err=True)


def _diff_json(diff: PolicyDiff, remarks: Sequence[Remark]) -> dict[str, Any]:
    return {
        **{name: list(getattr(diff, name)) for name in (*_CHANGES, "loosens")},
        "networks": {name: list(getattr(diff.networks, name)) for name in _CHANGES},
        "remarks": [remark_json(one) for one in remarks],
    }


@policies.command("set", help="Switch a policy on, off, or to report-only.")
@click.option("--reason", help="Why; kept in the audit record.")
@click.argument("name")
@click.argument("state", type=click.Choice(["on", "off", "report-only"]))
def set_state(name: str, state: str, reason: str | None) -> None:
    current_state().policies.set_state(name, state, actor=ACTOR, reason=reason)


@policies.command(help="Every version, with author and time, newest first.")
@as_json_option
@click.option("--policy", help="Only versions that touched this policy.")
def history(policy: str | None, as_json: bool) -> None:
    found = current_state().policies.history(policy)
    rows = [
        {"version": one.version, "at": one.at.isoformat(), "author": one.author, "act": one.act, "subject": one.subject}
        for one in found
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['version']:5} {row['at']} {row['author']:20} {row['act']} {row['subject']}")


@policies.command(help="Make an earlier version the newest one.")
@click.option("--reason", help="Why; kept in the audit record.")
@click.argument("version", type=int)
def rollback(version: int, reason: str | None) -> None:
    current_state().policies.rollback(version, actor=ACTOR, reason=reason)


def remark_line(one: Remark) -> str:
    """For people."""
    return f"{one.level.value}: {one.policy or 'all policies'}: {one.sentence} [{one.code}]"


def remark_json(one: Remark) -> dict[str, str | None]:
    """For programs."""
    return {"level": one.level.value, "code": one.code, "policy": one.policy, "sentence": one.sentence}


def read_file(file: str) -> str:
    """The text of a file, or of stdin for ``-``."""
    with click.open_file(file, encoding="utf-8") as opened:
        try:
            return str(opened.read())
        except UnicodeDecodeError:
            raise BadRequest("The file has to be UTF-8 text.") from None
