"""Commands that rename, copy, delete, bring back and undo."""

from __future__ import annotations

import click

from ...domain.policy.analysis.diff import PolicyDiff, changed_fields
from ...web.state import current_state
from ..group import ACTOR, confirm
from .policies import policies

_reason = click.option("--reason", help="Reason; kept in the audit log.")
_yes = click.option("--yes", is_flag=True, help="Don't ask for confirmation.")


@policies.command(help="Give a policy another name. Days of grace that it gave keep running.")
@_reason
@click.argument("name")
@click.argument("new_name")
def rename(name: str, new_name: str, reason: str | None) -> None:
    current_state().access.policies.rename(name, new_name, actor=ACTOR, reason=reason)
    click.echo(f"The policy {name!r} is now called {new_name!r}.")


@policies.command(help="Copy a policy. The copy is off.")
@_reason
@click.argument("name")
@click.argument("new_name")
def duplicate(name: str, new_name: str, reason: str | None) -> None:
    current_state().access.policies.duplicate(name, new_name, actor=ACTOR, reason=reason)
    click.echo(f"The policy {new_name!r} is a copy of {name!r}, and off.")


@policies.command(help="Delete a policy. `restore` brings it back.")
@_yes
@_reason
@click.argument("name")
def delete(name: str, yes: bool, reason: str | None) -> None:
    service = current_state().access.policies
    service.get(name)
    confirm(f"Delete the policy {name!r}?", yes=yes)
    found = service.delete(name, actor=ACTOR, reason=reason)
    click.echo(f"The policy {name!r} is deleted. To bring it back: flask mfa policies restore {name!r}")
    _print_loosened(found)


@policies.command(help="Bring a deleted policy back as it last was. Without a name, list what can be brought back.")
@_reason
@click.argument("name", required=False)
def restore(name: str | None, reason: str | None) -> None:
    service = current_state().access.policies
    if name is None:
        for one in service.deleted():
            click.echo(one.name)
        return
    found = service.restore(name, actor=ACTOR, reason=reason)
    click.echo(f"The policy {name!r} is back, {service.get(name).state.value}.")
    _print_loosened(found)


@policies.command(help="Take back what one version changed, and nothing that came later.")
@_yes
@_reason
@click.argument("version", type=int)
def undo(version: int, yes: bool, reason: str | None) -> None:
    service = current_state().access.policies
    for line in changed_fields(*service.undoing(version)):
        click.echo(line)
    confirm(f"Undo version {version}?", yes=yes)
    _print_loosened(service.undo(version, actor=ACTOR, reason=reason))
    click.echo(f"What version {version} changed is undone.")


def _print_loosened(found: PolicyDiff) -> None:
    for sentence in found.loosens:
        click.echo(f"loosens: {sentence}")
