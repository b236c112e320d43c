"""One try to send a mail right after the response has left."""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import timedelta

from flask import Flask, Response, after_this_request

from ..mail.delivery import Delivery

LONGEST_SECONDS = 5


def try_soon(app: Flask, delivery: Delivery, message_ids: Collection[str]) -> None:
    """The client never waits for the mail server; what is not sent in time waits for ``run-due``."""

    def on_close() -> None:
        sender = threading.Thread(target=_send, args=(app, delivery, message_ids), daemon=True)
        sender.start()
        sender.join(LONGEST_SECONDS)

    @after_this_request
    def arrange(response: Response) -> Response:
        response.call_on_close(on_close)
        return response


def _send(app: Flask, delivery: Delivery, message_ids: Collection[str]) -> None:
    with app.app_context():
        delivery.send_only(message_ids, limit=timedelta(seconds=LONGEST_SECONDS))
