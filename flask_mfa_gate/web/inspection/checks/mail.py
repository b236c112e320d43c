"""Mail on its way out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ....mail.delivery import ServerUnavailable
from ....mail.transport import greet
from ....sentences import Sentence
from ..findings import Finding, error, warning
from ..registry import Inspection, Needs, check

_LATE_MAIL = timedelta(hours=2)
_PATIENCE = timedelta(seconds=5)


@check()
def flask_mail(on: Inspection) -> Iterator[Finding]:
    """Something has to send it."""
    if "mail" not in on.app.extensions:
        yield warning(
            "no-mail", "Flask-Mail is not set up, so emails wait in the outbox.", fix="Mail(app), with MAIL_SERVER set."
        )


@check()
def base_url(on: Inspection) -> Iterator[Finding]:
    """Without it a mail says what to do, and not where."""
    if on.settings.base_url is None:
        yield warning("no-base-url", "Emails carry no link.", fix="Set MFA_GATE_BASE_URL.")


@check()
def sender(on: Inspection) -> Iterator[Finding]:
    """An address that mails come from."""
    mail = on.app.extensions.get("mail")
    if mail is not None and not (on.settings.mail_sender or getattr(mail, "default_sender", None)):
        yield error("no-sender", "Emails have no sender, so none can be sent.", fix="Set MAIL_DEFAULT_SENDER.")


@check(Needs.NETWORK)
def mail_server(on: Inspection) -> Iterator[Finding]:
    """A server that takes mail from this app, asked now."""
    mail = on.app.extensions.get("mail")
    if mail is None:
        return
    try:
        greet(mail, limit=_PATIENCE)
    except ServerUnavailable as failure:
        yield error(
            "mail-server",
            Sentence(
                "The mail server %(server)s:%(port)s accepts no email from this app (%(failure)s).",
                server=mail.server,
                port=mail.port,
                failure=failure,
            ),
            fix="Start it, or correct MAIL_SERVER, MAIL_PORT, MAIL_USE_TLS, MAIL_USERNAME, MAIL_PASSWORD.",
        )


@check(Needs.TABLES)
def waiting_mail(on: Inspection) -> Iterator[Finding]:
    """Mail that should be gone by now."""
    with on.store.database.read() as tx:
        waiting = on.store.outbox.waiting(tx, since=on.now - _LATE_MAIL)
    if waiting is None:
        return
    subject = "1 email has" if waiting.count == 1 else f"{waiting.count} emails have"
    problem = f" The last problem: {waiting.problem.rstrip('.')}." if waiting.problem else ""
    yield warning(
        "mail-late",
        Sentence(
            "%(subject)s been waiting since %(oldest)s UTC.%(problem)s",
            subject=subject,
            oldest=f"{waiting.oldest:%Y-%m-%d %H:%M}",
            problem=problem,
        ),
        fix="Run from cron: flask mfa run-due. If it does run, fix the mail server's settings.",
    )


@check(Needs.TABLES)
def undelivered_mail(on: Inspection) -> Iterator[Finding]:
    """Mail that nobody will get."""
    with on.store.database.read() as tx:
        count = on.store.outbox.count_given_up(tx)
    if count:
        yield warning(
            "mail-given-up",
            Sentence(
                "Emails given up in the last 30 days because they could not be delivered for a week: %(count)s.",
                count=count,
            ),
            fix="Fix the mail server's settings. The users can see what happened on their security page.",
        )
