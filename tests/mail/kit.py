"""Mail servers of every temper, and people of every language."""

from __future__ import annotations

import email
import email.policy
import socket
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiosmtpd.controller import Controller
from flask import Flask

from flask_mfa_gate.domain.records.mail_kind import MailKind
from flask_mfa_gate.mail.notices import notice
from flask_mfa_gate.mail.rendering import Portal, Rendered, mail_environment, render
from flask_mfa_gate.store.records.outbox import Message
from tests.conftest import key_of, state_of

SOON = timedelta(seconds=0.5)
# A busy machine must not look like a silent server.
PATIENT = timedelta(seconds=20)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"


@dataclass(frozen=True)
class Somebody:
    """A person with a language and a zone."""

    key: str = "7"
    name: str = "Frank Ford"
    email: str = "frank@example.org"
    is_active: bool = True
    locale: str = ""
    timezone: str = ""


class Inbox:
    """Keeps what an SMTP server received; answers RCPT and DATA as told."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.refuse_recipients: Mapping[str, str] = {}
        self.answer = "250 OK"

    def waited_for(self, count: int) -> list[Any]:
        """The mails, once there are so many: those of a request are sent behind its back."""
        deadline = time.monotonic() + PATIENT.total_seconds()
        while len(self.mails) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.mails

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refuse_recipients:
            return self.refuse_recipients[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("2"):
            mail: Any = email.message_from_bytes(envelope.content, policy=email.policy.default)
            mail.envelope_to = envelope.rcpt_tos
            self.mails.append(mail)
        return self.answer


def settle(app: Flask) -> None:
    """Carol's lapse is nobody's news in these tests."""
    with app.app_context():
        state_of(app).people.enrollments.remove(key_of(app, "carol"), notify=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def smtp_server() -> Iterator[tuple[Inbox, int]]:
    handler, port = Inbox(), free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


class _Script(socketserver.StreamRequestHandler):
    server: Any

    def handle(self) -> None:
        self.server.connections += 1
        if not self._say("hello", "220 ready"):
            return
        while line := self.rfile.readline():
            verb = line.split()[0].decode().upper() if line.split() else ""
            if not self._say(verb, "354 go on" if verb == "DATA" else "250 OK"):
                return
            if verb == "DATA" and not self._take_mail():
                return

    def _take_mail(self) -> bool:
        if self.server.script.get("body") == "close":
            self.rfile.readline()
            return False
        while self.rfile.readline() not in {b".\r\n", b""}:
            pass
        self.server.taken += 1
        return self._say("taken", "250 OK")

    def _say(self, moment: str, usual: str) -> bool:
        """False when the connection ends here."""
        answer = self.server.script.get(moment, usual)
        if answer in {"hang", "close"}:
            self.server.stop.wait(30 if answer == "hang" else 0)
            return False
        self.server.stop.wait(self.server.delay)
        try:
            self.wfile.write(answer.encode() + b"\r\n")
        except OSError:
            return False
        return True


class ScriptedServer(socketserver.ThreadingTCPServer):
    """An SMTP server that hangs up or falls silent at the moments of its script."""

    daemon_threads = True
    allow_reuse_address = True
    # Whoever hangs is woken by ``stop``, not waited for.
    block_on_close = False

    def __init__(self, script: Mapping[str, str], delay: float) -> None:
        super().__init__(("127.0.0.1", 0), _Script)
        self.script, self.delay, self.stop = script, delay, threading.Event()
        self.connections = self.taken = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """A client that leaves is no error here."""


@contextmanager
def scripted(script: Mapping[str, str] | None = None, *, delay: float = 0) -> Iterator[ScriptedServer]:
    server = ScriptedServer(script or {}, delay)
    runner = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    runner.start()
    yield server
    server.stop.set()
    server.shutdown()
    server.server_close()
    runner.join()


def use_server(app: Flask, port: int) -> None:
    app.extensions["mail"].port = port


def post(app: Flask, *messages: Message) -> None:
    """Put messages into the outbox."""
    store = state_of(app).store
    for message in messages:
        store.database.transact(lambda tx, message=message: store.outbox.add(tx, [message]))


def letter(app: Flask, to: str, **facts: Any) -> Message:
    return notice(MailKind.START, Somebody(email=to), now=state_of(app).clock(), **facts)  # type: ignore[arg-type]


def send_due(app: Flask, *, limit: timedelta = PATIENT) -> tuple[int, int]:
    with app.app_context():
        return state_of(app).operations.delivery.send_due(limit=limit)


def run_due(app: Flask) -> Any:
    with app.app_context():
        return state_of(app).gate.run_due()


def require(app: Flask, name: str, **options: Any) -> None:
    with app.app_context():
        state_of(app).people.enrollments.require(key_of(app, name), **options)


def problems(app: Flask) -> dict[str, str | None]:
    """What is noted about each recipient's mail that waits."""
    from sqlalchemy import text

    with state_of(app).store.database.read() as tx:
        rows = tx.execute(text("SELECT recipient, problem FROM mfa_gate_outbox WHERE sent_at IS NULL"))
        return {row.recipient: row.problem for row in rows}


def rendered(app: Flask, message: Message, **portal: Any) -> Rendered:
    facts = {
        "issuer": "Example Portal", "base_url": "https://portal.example.org", "prefix": "/mfa",
        "admin_prefix": "/admin/mfa", "locks_out": True, **portal,
    }  # fmt: skip
    return render(message, mail_environment(app.jinja_env), Portal(**facts))
