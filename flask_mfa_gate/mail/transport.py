"""From an outbox message to a mail: templates, and the host's Flask-Mail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Flask, current_app, render_template

from ..errors import MFAGateError
from ..settings import Settings
from ..store.outbox import Message


class MailNotSetUp(MFAGateError):
    """The app has no Flask-Mail, so mail waits in the outbox."""


def make_sender(app: Flask, settings: Settings) -> Any:
    """What hands a message of this app to its mail server."""
    app_name = app.name

    def send(message: Message) -> None:
        from flask_mail import Message as Mail  # noqa: PLC0415 - only sending needs it

        mail = current_app.extensions.get("mail")
        if mail is None:
            raise MailNotSetUp("The app has no Flask-Mail.")
        values = template_values(
            message, issuer=settings.issuer or app_name, base_url=settings.base_url, prefix=settings.url_prefix
        )
        draft = Mail(
            subject=_one_line(render_template(f"mfa_gate/mail/{message.kind}.subject.txt", **values)),
            recipients=[message.recipient],
            body=render_template(f"mfa_gate/mail/{message.kind}.txt", **values),
            html=render_template(f"mfa_gate/mail/{message.kind}.html", **values),
            sender=settings.mail_sender,
        )
        draft.msgId = f"<{message.id}@mfa-gate>"
        current_app.extensions["mail"].send(draft)

    return send


def template_values(message: Message, *, issuer: str, base_url: str | None, prefix: str) -> Mapping[str, Any]:
    """What the templates see. Without a configured base URL there is no link: a request's Host proves nothing."""
    ends_at = message.facts.get("ends_at")
    return {
        **message.facts,
        "issuer": issuer,
        "ends_at": datetime.fromisoformat(ends_at) if ends_at else None,
        "link": f"{base_url}{prefix}/" if base_url else None,
    }


def _one_line(text: str) -> str:
    # SECURITY: a name with a line break must not become another header.
    return " ".join(text.split())
