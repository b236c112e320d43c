"""Which of the app's endpoints answers at an address."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from flask import current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

_MOST_TURNS = 3


def endpoint_at(path: str, turns: int = _MOST_TURNS) -> str | None:
    """What answers to GET there, at the end of the redirects that the app's own rules make."""
    adapter = current_app.create_url_adapter(request)
    if adapter is None or turns == 0:
        return None
    try:
        return str(adapter.match(path, method="GET")[0])
    except RequestRedirect as redirect:
        return endpoint_at(inner_path(urlsplit(redirect.new_url).path), turns - 1)
    except HTTPException:
        return None


def inner_path(path: str) -> str:
    """The path as the app's rules are written."""
    return unquote(path).removeprefix(request.script_root) or "/"
