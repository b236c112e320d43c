"""Commands on the keys that sign ID tokens."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ...domain.oidc.client import SigningAlgorithm
from ...domain.oidc.signing_key import SigningKey
from ...web.state import current_state
from ..group import ACTOR, as_json_option, confirm, mfa
from ..output import local, print_json, print_list
from .provider import provider

_HEAD = ("KEY", "ALGORITHM", "STATE", "MADE", "SIGNS FROM", "RETIRED")


@mfa.group("signing-keys", help="Keys that sign ID tokens: published first, then signing, then retired.")
def signing_keys() -> None:
    pass


@signing_keys.command("list", help="List every key and its state.")
@as_json_option
def list_keys(as_json: bool) -> None:
    found = provider().signing_keys.list()
    if as_json:
        print_json([_as_json(key, found) for key in found])
        return
    print_list("key", _HEAD, [_row(key, found) for key in found])


@signing_keys.command(help="Publish the next key. It signs once clients have had time to fetch it.")
@click.option(
    "--algorithm", type=click.Choice([one.value for one in SigningAlgorithm]), default=SigningAlgorithm.RS256.value,
    show_default=True, help="Signing algorithm.",
)  # fmt: skip
@as_json_option
def rotate(algorithm: str, as_json: bool) -> None:
    service = provider().signing_keys
    made = service.rotate(SigningAlgorithm(algorithm), actor=ACTOR)
    if as_json:
        print_json(_as_json(made, service.list()))
        return
    click.echo(f"The key {made.kid} is published, and signs from {local(made.signs_from)}.")


@signing_keys.command(help="Retire a key now, for example because it may have leaked. Another one takes over.")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
@click.argument("kid")
def retire(kid: str, yes: bool) -> None:
    confirm(f"Retire the key {kid}? ID tokens that it signed are no longer accepted by clients.", yes=yes)
    provider().signing_keys.retire(kid, actor=ACTOR)
    click.echo(f"The key {kid} is retired.")


def _as_json(key: SigningKey, among: Sequence[SigningKey]) -> dict[str, object]:
    return {
        "kid": key.kid,
        "algorithm": key.algorithm.value,
        "state": key.state(current_state().clock(), among=among).value,
        "created_at": key.created_at.isoformat(),
        "signs_from": key.signs_from.isoformat(),
        "retired_at": key.retired_at.isoformat() if key.retired_at else None,
    }


def _row(key: SigningKey, among: Sequence[SigningKey]) -> tuple[str, ...]:
    state = key.state(current_state().clock(), among=among).value
    retired = local(key.retired_at) if key.retired_at else ""
    return key.kid, key.algorithm.value, state, local(key.created_at), local(key.signs_from), retired
