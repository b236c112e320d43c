"""Right after a response one thread tries to send, however many responses there are and however long it takes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from threading import Event
from typing import Any

from flask import Flask

from flask_mfa_gate.web.responses.after_response import try_soon


class Hanging:
    """A delivery whose server does not answer until it is told to."""

    def __init__(self) -> None:
        self.sent: list[Collection[str]] = []
        self.begun, self.is_free = Event(), Event()

    def send_only(self, message_ids: Collection[str], *, limit: timedelta) -> None:
        self.sent.append(message_ids)
        self.begun.set()
        self.is_free.wait(limit.total_seconds())


def test_while_one_thread_waits_no_other_is_started() -> None:
    app, delivery = Flask(__name__), Hanging()
    app.extensions["mail"] = object()

    @app.get("/<name>")
    def mail(name: str) -> str:
        unknown: Any = delivery
        try_soon(app, unknown, [name])
        return "told"

    with app.test_client() as client:
        client.get("/first").close()
        assert delivery.begun.wait(10)
        client.get("/second").close()
    delivery.is_free.set()
    assert delivery.sent == [["first"]], "what is not sent now waits for run-due"
