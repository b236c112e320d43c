"""A request that may change nothing: nobody is shown to it, and what came with it stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from flask import Response, request, session
from werkzeug.wsgi import ClosingIterator

from ..host import session_snapshot
from ..request_context import RequestContext
from ..responses import answers
from ..responses.targets import is_login_page
from ..view_marks.protection import is_open_here, is_way_out_here


def touch_nothing(context: RequestContext) -> None:
    """Show nobody, and give the session back as it came when the request is over."""
    session_snapshot.take_out(session, context.before, session_snapshot.difference(context.before, session))
    context.withheld = dict(session)
    session_snapshot.empty()
    context.before, context.user_key = {}, None
    context.state.host.identity.hide_for_now()


def give_back(withheld: Mapping[str, Any], response: Response) -> None:
    """Put into the session what was withheld, beside what the view wrote there, for Flask to keep it."""
    written = dict(session)
    if withheld:
        session.update({**withheld, **written})
    session.modified = bool(written)
    # SECURITY: a stream is made once the session is kept, and may still look at it.
    if response.is_streamed and not response.direct_passthrough:
        parts = response.response
        hidden = _after_clearing(session._get_current_object(), parts)  # type: ignore[attr-defined]
        response.response = ClosingIterator(hidden, getattr(parts, "close", None))


def _after_clearing(contents: MutableMapping[str, Any], parts: Iterable[Any]) -> Iterator[Any]:
    contents.clear()
    yield from parts


def refuse_untouched(context: RequestContext) -> Response | None:
    """401, or the login for a navigation; None where a view may run for nobody: what is open, signs in or signs out."""
    touch_nothing(context)
    return None if _is_for_anybody(context) else answers.refuse_anonymous(context)


def _is_for_anybody(context: RequestContext) -> bool:
    settings, dead = context.state.settings, context.dead
    if is_open_here(settings) or is_way_out_here(settings) or is_login_page(settings):
        return True
    # An app of one page may never navigate, and has to be able to sign in all the same.
    return dead is not None and dead.parked_endpoint == request.endpoint
