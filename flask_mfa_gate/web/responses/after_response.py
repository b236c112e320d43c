"""One try to send a mail right after the response has left."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from datetime import timedelta

from flask import Flask, Response, after_this_request, current_app, has_request_context

from ...mail.delivery import Delivery

LONGEST_SECONDS = 5
log = logging.getLogger("flask_mfa_gate")


_is_sending = threading.Lock()


def dispatcher(delivery: Delivery) -> Callable[[Collection[str]], None]:
    """What hands over the messages that were just written.

    :param delivery: sends them.
    """

    def dispatch(message_ids: Collection[str]) -> None:
        """Outside of a request the messages wait for ``run-due``."""
        if has_request_context():
            try_soon(current_app._get_current_object(), delivery, message_ids)  # type: ignore[attr-defined]

    return dispatch


def try_soon(app: Flask, delivery: Delivery, message_ids: Collection[str]) -> None:
    """Neither the client nor the worker waits for the mail server; what is not sent now waits for ``run-due``."""
    if "mail" not in app.extensions:
        return

    def on_close() -> None:
        # SECURITY: one thread a process; each more would be a way to exhaust it while the mail server hangs.
        if _is_sending.acquire(blocking=False):
            threading.Thread(target=_send, args=(app, delivery, message_ids), daemon=True).start()

    @after_this_request
    def arrange(response: Response) -> Response:
        response.call_on_close(on_close)
        return response


def _send(app: Flask, delivery: Delivery, message_ids: Collection[str]) -> None:
    try:
        with app.app_context():
            delivery.send_only(message_ids, limit=timedelta(seconds=LONGEST_SECONDS))
    except Exception:
        log.exception("mail could not be sent after a response; it waits for run-due")
    finally:
        _is_sending.release()
