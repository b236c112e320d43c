"""Commands on the keys that seal secrets."""

from __future__ import annotations

import click

from ..crypto import generate_key
from .group import mfa


@mfa.command("generate-key", with_appcontext=False)
def generate_key_command() -> None:
    """Print a new key for MFA_GATE_KEYS."""
    click.echo(generate_key())
