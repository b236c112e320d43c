"""Commands on the keys that seal secrets."""

from __future__ import annotations

import click

from ..crypto import generate_key
from ..web.state import current_state
from .group import as_json_option, mfa, progress
from .output import DRY_RUN, counted, dry, print_json


@mfa.command("generate-key", with_appcontext=False, help="Print a new key for MFA_GATE_KEYS.")
def generate_key_command() -> None:
    click.echo(generate_key())


@mfa.command(
    "rotate-keys",
    help="Seal every secret with the first of MFA_GATE_KEYS. The older ones have to stay while older codes are left.",
)
@click.option("--dry-run", is_flag=True, help="Only count what an older key seals.")
@as_json_option
def rotate_keys(dry_run: bool, as_json: bool) -> None:
    with progress("Rotate keys") as bar:
        did = current_state().operations.key_rotation.run(progress=bar, dry_run=dry_run)
    if as_json:
        print_json(dry({name: getattr(did, name) for name in did.__slots__}, is_dry=dry_run))
        return
    count = did.secrets + did.parked_sessions + did.codes
    click.echo(f"{counted(count, 'stored secret')} {'would be' if dry_run else 'were'} sealed with the newest key.")
    if did.older_codes:
        click.echo(f"Keep the older keys: {counted(did.older_codes, 'recovery code')} still need them.")
    if dry_run:
        click.echo(DRY_RUN)
