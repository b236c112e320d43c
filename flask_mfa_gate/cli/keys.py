"""Commands on the keys that seal secrets."""

from __future__ import annotations

import click

from ..crypto import generate_key
from ..web.state import current_state
from .group import as_json_option, mfa, print_facts, progress


@mfa.command("generate-key", with_appcontext=False, help="Print a new key for MFA_GATE_KEYS.")
def generate_key_command() -> None:
    click.echo(generate_key())


@mfa.command(
    "rotate-keys",
    help="Seal every secret with the first of MFA_GATE_KEYS. The older ones have to stay while older codes are left.",
)
@as_json_option
def rotate_keys(as_json: bool) -> None:
    with progress("Rotate") as bar:
        did = current_state().key_rotation.run(progress=bar)
    print_facts({name: getattr(did, name) for name in did.__slots__}, as_json=as_json)
