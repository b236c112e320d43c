"""Commands on conditional access."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import click
from flask import current_app

from ...domain.access import APP
from ...domain.authorization.decision import policy_id
from ...domain.policy.analysis.diff import PolicyDiff
from ...domain.policy.analysis.finding import LintFinding
from ...domain.policy.document.codec import write_document
from ...domain.policy.document.policy import Policy, PolicySet
from ...domain.records.refusal import read_reference
from ...errors import BadRequest
from ...services.policies.edits import merged
from ...web.state import current_state
from ...web.view_marks.protection import marked_resources
from ..group import ACTOR, as_json_option, confirm, mfa
from ..output import DRY_RUN, dry, label, print_json, print_list
from ..people.targets import known_key

_CHANGES = ("added", "removed", "changed")
DOCUMENT = click.Path(exists=True, dir_okay=False, allow_dash=True)


@mfa.group(help="Conditional access: write policies, test them, switch them, roll them back.")
def policies() -> None:
    pass


@policies.command("list", help="List every policy with its state.")
@as_json_option
def list_policies(as_json: bool) -> None:
    found = current_state().access.policies.list()
    if as_json:
        print_json([policy.to_document() for policy in found])
        return
    reach = current_state().access.overview.reach(found)
    head = ("STATE", "EFFECT", "USERS", "RESOURCES", "REFERENCE", "NAME")
    print_list("policy", head, [_as_row(one, reach[one.name]) for one in found])


def _as_row(one: Policy, reach: int) -> tuple[str, ...]:
    resources = ", ".join(one.resources or (APP,))
    return one.state.value, one.effect.action.value, str(reach), resources, f"policy-{policy_id(one.name)}", one.name


@policies.command(help="Show one policy, by its name or by the reference that a refused page shows.")
@as_json_option
@click.argument("name", metavar="NAME|REFERENCE")
def show(name: str, as_json: bool) -> None:
    policy = _named_or_referred(name)
    if as_json:
        print_json(policy.to_document())
        return
    click.echo(f"# Reference: policy-{policy_id(policy.name)}")
    click.echo(write_document(PolicySet((policy,)), "toml"), nl=False)


def _named_or_referred(name: str) -> Policy:
    service = current_state().access.policies
    referred = (one for one in service.list() if name == f"policy-{policy_id(one.name)}")
    return next(referred, None) or service.get(_policy_of_refusal(name) or name)


def _policy_of_refusal(reference: str) -> str | None:
    """The policy that refused what has this reference."""
    read = read_reference(reference)
    found = current_state().operations.audit_reader.refused(read) if read is not None else ()
    names = (record.event.details.get("policies") for record in found)
    return next((str(one[0]) for one in names if isinstance(one, list) and one), None)


@policies.command(help="Print the whole document.")
@click.option("--form", type=click.Choice(["toml", "json"]), default="toml", show_default=True)
@as_json_option
def export(form: str, as_json: bool) -> None:
    click.echo(current_state().access.policies.export("json" if as_json else form), nl=False)


@policies.command("import", help="Replace all policies by those of a document, after showing what that changes.")
@click.option("--merge", is_flag=True, help="Keep what the document does not name.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
@click.option("--reason", help="Reason; kept in the audit log.")
@as_json_option
@click.argument("file", type=DOCUMENT)
def import_policies(file: str, merge: bool, dry_run: bool, yes: bool, reason: str | None, as_json: bool) -> None:
    service, text = current_state().access.policies, read_file(file)
    diff = service.import_(text, actor=ACTOR, dry_run=True, merge=merge)
    remarks = _remarks_on_import(text, {*diff.added, *diff.changed}, merge=merge)
    if not as_json:
        _print_diff(diff, remarks)
    if not dry_run:
        confirm("Apply this?", yes=yes)
        service.import_(text, actor=ACTOR, dry_run=False, merge=merge, reason=reason)
    # Last, so that a program is not told of a change that is then refused.
    if as_json:
        print_json(dry(diff_json(diff, remarks), is_dry=dry_run))
    elif dry_run:
        click.echo(DRY_RUN)


def _remarks_on_import(text: str, names: Collection[str], *, merge: bool) -> Sequence[LintFinding]:
    """What lint says of the policies of these names, once they are there."""
    state = current_state()
    read = state.access.policies.read(text)
    draft = merged(state.access.policies.current(), read) if merge else read
    found = state.access.linter.remarks(draft, known_resources=marked_resources(current_app))
    return [one for one in found if one.policy in names]


def _print_diff(diff: PolicyDiff, remarks: Sequence[LintFinding]) -> None:
    for name in _CHANGES:
        for one in getattr(diff, name):
            click.echo(f"{name}: {one}")
        for one in getattr(diff.networks, name):
            click.echo(f"network {name}: {one}")
    for sentence in diff.loosens:
        click.echo(f"loosens: {sentence}")
    for remark in remarks:
        click.echo(remark_line(remark), err=True)


def diff_json(diff: PolicyDiff, remarks: Sequence[LintFinding]) -> dict[str, Any]:
    return {
        **{name: list(getattr(diff, name)) for name in (*_CHANGES, "loosens")},
        "networks": {name: list(getattr(diff.networks, name)) for name in _CHANGES},
        "remarks": [remark_json(one) for one in remarks],
    }


@policies.command("set", help="Switch a policy on, off, or to report-only.")
@click.option("--reason", help="Reason; kept in the audit log.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@as_json_option
@click.argument("name")
@click.argument("state", type=click.Choice(["on", "off", "report-only"]))
def set_state(name: str, state: str, reason: str | None, dry_run: bool, as_json: bool) -> None:
    service = current_state().access.policies
    before, is_dry = service.get(name).state.value, dry_run
    diff = None if is_dry or before == state else service.set_state(name, state, actor=ACTOR, reason=reason)
    loosens = list(diff.loosens) if diff is not None else []
    if as_json:
        print_json(dry({"name": name, "before": before, "state": state, "loosens": loosens}, is_dry=is_dry))
        return
    if before == state:
        click.echo(f"The policy {name!r} is {state} already.")
        return
    click.echo(f"The policy {name!r} {'would be' if is_dry else 'is now'} {state}; it was {before}.")
    for sentence in loosens:
        click.echo(f"loosens: {sentence}")
    if is_dry:
        click.echo(DRY_RUN)


@policies.command("restart-grace", help="Restart a policy's days of grace for a user.")
@click.option("--reason", help="Reason; kept in the audit log.")
@click.option("--dry-run", is_flag=True, help="Show what would happen, and change nothing.")
@as_json_option
@click.argument("name")
@click.argument("user")
def restart_grace(name: str, user: str, reason: str | None, dry_run: bool, as_json: bool) -> None:
    state = current_state()
    key = known_key(state, user)
    state.access.policies.restart_grace(key, name, actor=ACTOR, reason=reason, dry_run=dry_run)
    if as_json:
        print_json(dry({"policy": name, "key": key}, is_dry=dry_run))
        return
    name_of_user = label(state.people.enrollments.look_up(key).person)
    click.echo(f"The grace of {name!r} {'would start' if dry_run else 'starts'} again for {name_of_user}.")
    if dry_run:
        click.echo(DRY_RUN)


def remark_line(one: LintFinding) -> str:
    """For people."""
    return f"{one.level.value}: {one.policy or 'all policies'}: {one.sentence} [{one.code}]"


def remark_json(one: LintFinding) -> dict[str, str | None]:
    """For programs."""
    return {"level": one.level.value, "code": one.code, "policy": one.policy, "sentence": one.sentence}


def read_file(file: str) -> str:
    """The text of a file, or of stdin for ``-``."""
    with click.open_file(file, encoding="utf-8") as opened:
        try:
            return str(opened.read())
        except UnicodeDecodeError:
            raise BadRequest("The file has to be UTF-8 text.") from None
