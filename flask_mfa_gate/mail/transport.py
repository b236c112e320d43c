"""From an outbox message to the mail server that the host's Flask-Mail was told."""

from __future__ import annotations

import logging
import re
import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from flask import Flask, current_app
from jinja2 import Environment

from ..errors import MFAGateError
from ..settings import Settings
from ..store.records.outbox import Message
from .delivery import Sender, ServerUnavailable
from .rendering import Portal, Rendered, mail_environment, render

FAREWELL_SECONDS = 2
log = logging.getLogger("flask_mfa_gate")
_LOCAL_PART = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,255}")


class MailNotSetUp(ServerUnavailable):
    """The app has no Flask-Mail or no sender, so mail waits in the outbox."""


class UnusableAddress(MFAGateError):
    """Nothing that a mail server would take for one address."""


def make_sender(app: Flask, settings: Settings) -> Sender:
    """What hands a message of this app to its mail server."""
    is_locked = settings.lapsed == "locked"
    portal = Portal(
        issuer=settings.issuer or app.name,
        base_url=settings.base_url,
        prefix=settings.url_prefix,
        admin_prefix=getattr(settings, "admin_url_prefix", settings.url_prefix),
        locks_out=is_locked and settings.lockout_scope == "app",
        locks_partly=is_locked and settings.lockout_scope == "protected",
    )
    environment: Environment | None = None

    def send(message: Message, *, limit: timedelta) -> None:
        nonlocal environment
        mail = current_app.extensions.get("mail")
        sender = settings.mail_sender or getattr(mail, "default_sender", None)
        if mail is None or not sender:
            raise MailNotSetUp("The app has no Flask-Mail." if mail is None else "Flask-Mail has no default sender.")
        environment = environment or mail_environment(current_app.jinja_env)
        _hand_over(mail, _draft(message, render(message, environment, portal), sender), limit)

    return send


def greet(mail: Any, *, limit: timedelta) -> None:
    """Sign in to the mail server and leave again, without a mail.

    :param mail: the app's Flask-Mail. Where it suppresses mail there is nobody to greet.
    :raises ServerUnavailable: when no mail could be sent.
    """
    if not mail.suppress:
        with _session(mail, limit):
            pass


def one_address(text: str) -> str:
    """The address as a mail server takes it: its domain in the letters of DNS (RFC 5890).

    An IP address in brackets (RFC 5321 section 4.1.3) is refused: newer Pythons would leave the header ``To`` empty.

    :raises UnusableAddress: for none, for several, for an IP address as domain, and for letters outside ASCII before
        the @.
    """
    local, _, domain = text.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    # SECURITY: a list or a header hidden in an address must not take the mail to somebody else.
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise UnusableAddress("The address can't be mailed.")
    return f"{local}@{domain}"


def _draft(message: Message, words: Rendered, sender: str) -> Any:
    from flask_mail import Message as Mail  # noqa: PLC0415 - only sending needs it

    draft = Mail(
        subject=words.subject,
        recipients=[one_address(message.recipient)],
        body=words.text,
        html=words.html,
        sender=sender,
        # An answering machine must stay silent (RFC 3834 section 5).
        extra_headers={"Auto-Submitted": "auto-generated"},
    )
    draft.msgId = f"<{message.id}@mfa-gate>"
    return draft


def _hand_over(mail: Any, draft: Any, limit: timedelta) -> None:
    """What Flask-Mail's own ``send`` does, but with an end: that one waits for a silent server for ever."""
    from flask_mail import BadHeaderError, email_dispatched, sanitize_address  # noqa: PLC0415 - only sending needs it

    if draft.has_bad_headers():
        raise BadHeaderError
    if not mail.suppress:
        with _session(mail, limit) as server:
            server.sendmail(sanitize_address(draft.sender), draft.recipients, draft.as_bytes())
    try:
        email_dispatched.send(current_app._get_current_object(), message=draft)  # type: ignore[attr-defined]
    except Exception:
        log.exception("a receiver of Flask-Mail's email_dispatched failed")


@contextmanager
def _session(mail: Any, limit: timedelta) -> Iterator[smtplib.SMTP]:
    """A session with the mail server that is cut when the time is over.

    :raises ServerUnavailable: when no session can be had, or the time is over.
    """
    ends = time.monotonic() + limit.total_seconds()
    with _failing_as_unavailable():
        server = _connect(mail, limit.total_seconds())
    cut = threading.Timer(ends - time.monotonic(), _cut, [server])
    cut.start()
    try:
        with _failing_as_unavailable():
            _introduce(server, mail)
        yield server
    except (OSError, smtplib.SMTPException) as error:
        if time.monotonic() >= ends:
            raise ServerUnavailable("TimeoutError") from error
        raise
    finally:
        cut.cancel()
        _leave(server)


@contextmanager
def _failing_as_unavailable() -> Iterator[None]:
    try:
        yield
    except (OSError, smtplib.SMTPException) as error:
        raise ServerUnavailable(type(error).__name__) from error


def _connect(mail: Any, seconds: float) -> smtplib.SMTP:
    kind = smtplib.SMTP_SSL if mail.use_ssl else smtplib.SMTP
    return kind(mail.server, mail.port, timeout=seconds)


def _introduce(server: smtplib.SMTP, mail: Any) -> None:
    server.set_debuglevel(int(mail.debug))
    if mail.use_tls:
        server.starttls()
    if mail.username and mail.password:
        server.login(mail.username, mail.password)


def _leave(server: smtplib.SMTP) -> None:
    """A mail that the server took is sent, however the farewell goes."""
    with suppress(OSError, smtplib.SMTPException, AttributeError):
        server.sock.settimeout(FAREWELL_SECONDS)  # type: ignore[union-attr]
        server.quit()
    server.close()


def _cut(server: smtplib.SMTP) -> None:
    """Wakes the thread that reads from it."""
    with suppress(OSError, AttributeError):
        server.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
