"""Commands on named networks."""

from __future__ import annotations

import click

from ...services.policies.network_edits import uses_of_network
from ...web.state import current_state
from ..group import ACTOR, as_json_option, confirm
from ..output import print_json, print_list
from .policies import policies

_reason = click.option("--reason", help="Reason; kept in the audit log.")


@policies.command("networks", help="List every named network, with the policies that use it.")
@as_json_option
def list_networks(as_json: bool) -> None:
    now = current_state().access.policies.current()
    found = [(one, uses_of_network(now, one.name)) for one in sorted(now.networks, key=lambda one: one.name)]
    if as_json:
        print_json([{"name": one.name, "entries": list(one.entries), "used_by": list(used)} for one, used in found])
        return
    rows = [(one.name, " ".join(one.entries), ", ".join(used)) for one, used in found]
    print_list("network", ("NAME", "ENTRIES", "USED BY"), rows)


@policies.command("rename-network", help="Give a network another name, in every policy that uses it.")
@_reason
@click.argument("name")
@click.argument("new_name")
def rename_network(name: str, new_name: str, reason: str | None) -> None:
    current_state().access.policies.rename_network(name, new_name, actor=ACTOR, reason=reason)
    click.echo(f"The network {name!r} is now called {new_name!r}.")


@policies.command("delete-network", help="Delete a network that no policy uses.")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
@_reason
@click.argument("name")
def delete_network(name: str, yes: bool, reason: str | None) -> None:
    confirm(f"Delete the network {name!r}?", yes=yes)
    current_state().access.policies.delete_network(name, actor=ACTOR, reason=reason)
    click.echo(f"The network {name!r} is deleted.")
