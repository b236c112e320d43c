"""Mail on its way out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ..findings import Finding, warning
from ..registry import Inspection, Needs, check

_LATE_MAIL = timedelta(days=1)


@check()
def flask_mail(on: Inspection) -> Iterator[Finding]:
    """Something has to send it."""
    if "mail" not in on.app.extensions:
        yield warning(
            "no-mail", "Flask-Mail is not set up, so mails wait in the outbox.", fix="Mail(app), with MAIL_SERVER set."
        )


@check()
def base_url(on: Inspection) -> Iterator[Finding]:
    """Without it a mail says what to do, and not where."""
    if on.settings.base_url is None:
        yield warning("no-base-url", "Mails carry no link.", fix="Set MFA_GATE_BASE_URL.")


@check(Needs.TABLES)
def waiting_mail(on: Inspection) -> Iterator[Finding]:
    """Mail that was tried and stays."""
    with on.store.database.read() as tx:
        problem = on.store.outbox.oldest_problem(tx, since=on.now - _LATE_MAIL)
    if problem:
        yield warning(
            "mail-late",
            f"Mail has been waiting for over a day. The last problem: {problem.rstrip('.')}.",
            fix="Mend the mail server's settings, then: flask mfa run-due",
        )
