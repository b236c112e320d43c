"""Commands on clients: the apps that sign in here."""

from __future__ import annotations

import click

from ...domain.oidc.client import OFFLINE, SCOPES, OidcClient
from ...errors import BadRequest
from ...services.oidc.client_overview import ClientOverview, overview_json
from ...store.oidc.clients import SecretRow
from ..arguments import length
from ..group import ACTOR, as_json_option, confirm, mfa
from ..output import counted, local, print_json, print_list
from .metadata import Typed, metadata_options
from .provider import provider

_REASON = click.option("--reason", help="Reason; kept in the audit log.")
_YES = click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
_HEAD = ("CLIENT", "NAME", "STATE", "AUTHENTICATION", "SECRETS", "USERS", "FROM")
_DEFAULT_SCOPE = " ".join(scope for scope in SCOPES if scope != OFFLINE)


@mfa.group(help="Apps that sign in here with OpenID Connect.")
def clients() -> None:
    pass


@clients.command("list", help="List every client.")
@as_json_option
def list_clients(as_json: bool) -> None:
    found = provider().overview.all()
    if as_json:
        print_json([overview_json(one) for one in found])
        return
    print_list("client", _HEAD, [_row(one) for one in found])


@clients.command(help="Show one client, with its addresses and when its secrets were created.")
@as_json_option
@click.argument("client_id")
def show(client_id: str, as_json: bool) -> None:
    found = provider().overview.get(client_id)
    if as_json:
        print_json(overview_json(found))
        return
    for name, value in _facts(found).items():
        click.echo(f"{name + ':':<18}{value}")


@clients.command(help="Register a client. Its secret is printed once.")
@metadata_options
@_REASON
@as_json_option
@click.argument("client_id")
def add(client_id: str, typed: Typed, reason: str | None, as_json: bool) -> None:
    words = {"scope": _DEFAULT_SCOPE, **typed.words(), "client_id": client_id}
    made = provider().clients.add(words, actor=ACTOR, reason=reason)
    _print_secret(made.client, made.secret, as_json=as_json, said=f"The client {client_id!r} is registered.")


@clients.command(help="Change a client's settings; the rest stays as it is.")
@metadata_options
@_REASON
@as_json_option
@click.argument("client_id")
def change(client_id: str, typed: Typed, reason: str | None, as_json: bool) -> None:
    words = typed.words()
    if not words:
        raise BadRequest("Pass what to change, such as --redirect-uri.")
    made = provider().clients.change(client_id, words, actor=ACTOR, reason=reason)
    _print_secret(made.client, made.secret, as_json=as_json, said=f"The client {client_id!r} is changed.")


@clients.command(help="Let a client sign in again.")
@_REASON
@click.argument("client_id")
def enable(client_id: str, reason: str | None) -> None:
    provider().clients.set_enabled(client_id, enabled=True, actor=ACTOR, reason=reason)
    click.echo(f"The client {client_id!r} is enabled.")


@clients.command(help="Disable a client: it can't sign anyone in, and its tokens stop working.")
@_REASON
@click.argument("client_id")
def disable(client_id: str, reason: str | None) -> None:
    provider().clients.set_enabled(client_id, enabled=False, actor=ACTOR, reason=reason)
    click.echo(f"The client {client_id!r} is disabled.")


@clients.command("rotate-secret", help="Create another secret, printed once. The old one can keep working for a while.")
@click.option(
    "--overlap", default="7d", show_default=True, help="How long the old one keeps working, such as 0m, 90m, 8h or 2d."
)
@_REASON
@as_json_option
@click.argument("client_id")
def rotate_secret(client_id: str, overlap: str, reason: str | None, as_json: bool) -> None:
    made = provider().clients.new_secret(
        client_id, overlap=length(overlap, "--overlap"), actor=ACTOR, reason=reason
    )  # fmt: skip
    _print_secret(made.client, made.secret, as_json=as_json, said=f"The client {client_id!r} has a new secret.")


@clients.command("revoke-secret", help="Revoke a secret now. `show --json` lists the secrets.")
@_REASON
@click.argument("client_id")
@click.argument("secret_id")
def revoke_secret(client_id: str, secret_id: str, reason: str | None) -> None:
    provider().clients.revoke_secret(client_id, secret_id, actor=ACTOR, reason=reason)
    click.echo("The secret no longer works.")


@clients.command(help="End every token that a client holds; its users sign in again.")
@_YES
@_REASON
@as_json_option
@click.argument("client_id")
def revoke(client_id: str, yes: bool, reason: str | None, as_json: bool) -> None:
    found = provider().overview.get(client_id)
    confirm(f"Sign {counted(found.users, 'user')} out of {client_id!r}?", yes=yes)
    ended = provider().connections.revoke_client(client_id, actor=ACTOR, reason=reason)
    print_json({"revoked": ended}) if as_json else click.echo(f"Revoked: {counted(ended, 'grant')}.")


@clients.command(help="Remove a client, with its secrets and tokens.")
@_YES
@_REASON
@click.argument("client_id")
def remove(client_id: str, yes: bool, reason: str | None) -> None:
    found = provider().overview.get(client_id)
    confirm(f"Remove {client_id!r}? {counted(found.users, 'user')} signed in with it.", yes=yes)
    provider().clients.remove(client_id, actor=ACTOR, reason=reason)
    click.echo(f"The client {client_id!r} is removed.")


def _print_secret(client: OidcClient, secret: str | None, *, as_json: bool, said: str) -> None:
    if as_json:
        found = overview_json(provider().overview.get(client.client_id))
        print_json(found if secret is None else {**found, "client_secret": secret})
        return
    click.echo(said)
    if secret is not None:
        click.echo(f"Client secret: {secret}")
        click.echo("Save it now. You won't see it again.")


def _row(one: ClientOverview) -> tuple[str, ...]:
    client = one.client
    return (
        client.client_id, client.client_name, "enabled" if client.is_enabled else "disabled",
        client.token_endpoint_auth_method.value, str(len(one.secrets)), str(one.users),
        "configuration" if client.is_configured else "database",
    )  # fmt: skip


def _facts(found: ClientOverview) -> dict[str, str]:
    client = found.client
    return {
        "Client": client.client_id,
        "Name": client.client_name,
        "State": "enabled" if client.is_enabled else "disabled",
        "From": "configuration" if client.is_configured else "database",
        "Authentication": client.token_endpoint_auth_method.value,
        "Redirect URIs": " ".join(client.redirect_uris),
        "After sign-out": " ".join(client.post_logout_redirect_uris) or "-",
        "Back-channel": client.backchannel_logout_uri or "-",
        "Scope": " ".join(scope for scope in SCOPES if scope in client.scopes),
        "Consent": "not asked" if client.skip_consent else "asked once",
        "Resource": client.resource,
        "Users": str(found.users),
        "Secrets": "; ".join(_secret(one) for one in found.secrets) or "-",
    }


def _secret(one: SecretRow) -> str:
    until = f", works until {local(one.ends_at)}" if one.ends_at is not None else ""
    return f"{one.id} made {local(one.created_at)}{until}"
