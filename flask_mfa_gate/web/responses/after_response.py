"""One try to send mail and events, and to tell apps of a sign-out, right after the response has left."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from datetime import timedelta

from flask import Flask, Response, after_this_request, current_app, has_request_context

from ...events.sender import EventSender
from ...mail.delivery import Delivery

LONGEST = timedelta(seconds=5)
THREADS = "mfa_gate"
"""How the names of the threads begin."""
log = logging.getLogger("flask_mfa_gate")


class Errand:
    """Something that one thread a process does behind a response.

    :param name: what the thread is called.
    :param failure: what the log says where it could not be done.
    """

    def __init__(self, name: str, *, failure: str) -> None:
        self._is_running, self._name, self._failure = threading.Lock(), name, failure

    def run_soon(self, app: Flask, act: Callable[[], object]) -> None:
        """Neither the client nor the worker waits for it; while it runs it is not begun again."""

        def on_close() -> None:
            # SECURITY: one thread a process; each more would be a way to exhaust it while the other server hangs.
            if self._is_running.acquire(blocking=False):
                threading.Thread(target=self._run, args=(app, act), name=self._name, daemon=True).start()

        @after_this_request
        def arrange(response: Response) -> Response:
            response.call_on_close(on_close)
            return response

    def _run(self, app: Flask, act: Callable[[], object]) -> None:
        try:
            with app.app_context():
                act()
        except Exception:
            log.exception(self._failure)
        finally:
            self._is_running.release()


_mail = Errand(f"{THREADS} mail", failure="mail could not be sent after a response; it waits for run-due")
_events = Errand(f"{THREADS} events", failure="events could not be sent after a response; they wait for run-due")


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
    """What is not sent now waits for ``run-due``."""
    if "mail" in app.extensions:
        _mail.run_soon(app, lambda: delivery.send_only(message_ids, limit=LONGEST))


def event_dispatcher(sender: EventSender) -> Callable[[], None]:
    """The same for events on their way to other servers."""

    def dispatch() -> None:
        if has_request_context():
            _events.run_soon(current_app._get_current_object(), lambda: sender.send_soon(limit=LONGEST))  # type: ignore[attr-defined]

    return dispatch
