"""What cron runs."""

from __future__ import annotations

import click

from ..services.enrollment.upkeep import Upkeep
from ..web.state import current_state
from .group import as_json_option, mfa
from .output import DRY_RUN, counted, dry, print_json


@mfa.command("run-due", help="Do what is due: remind, note lapses, sync, send waiting emails, sweep. For cron.")
@click.option("--dry-run", is_flag=True, help="Show what is due, and do nothing.")
@as_json_option
def run_due(dry_run: bool, as_json: bool) -> None:
    upkeep = current_state().operations.upkeep
    did = upkeep.preview() if dry_run else upkeep.run_due()
    if as_json:
        print_json(dry({name: getattr(did, name) for name in did.__slots__}, is_dry=dry_run))
        return
    click.echo(_sentence(did))
    if dry_run:
        click.echo(DRY_RUN)


def _sentence(did: Upkeep) -> str:
    failed = f" ({did.mails_failed} failed)" if did.mails_failed else ""
    events = _events(did) if did.events_sent or did.events_failed else ""
    acted = f" {counted(did.continued, 'action')} on many users finished." if did.continued else ""
    return (
        f"{counted(did.reminded, 'user')} reminded, {did.lapsed} lapsed, {did.synced} synced. "
        f"{counted(did.mails_sent, 'email')} sent{failed}. {events}{counted(did.swept, 'old row')} deleted.{acted}"
    )


def _events(did: Upkeep) -> str:
    failed = f" ({did.events_failed} failed)" if did.events_failed else ""
    return f"{counted(did.events_sent, 'event')} sent{failed}. "
