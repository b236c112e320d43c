"""Which of the app's endpoints answers at an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import current_app, request
from werkzeug.routing import MapAdapter, RequestRedirect

from ..request_notes import flask_context

_MOST_TURNS = 3


@dataclass(frozen=True, slots=True)
class Page:
    """What answers to GET at a path, which may hold a token."""

    endpoint: str
    arguments: Mapping[str, Any] = field(repr=False)
    path: str = field(repr=False)


def adapter_here() -> MapAdapter | None:
    """What finds and makes addresses at this request: Flask's own, as another costs a look at the host name.

    :raises BadRequest: for a host name that the app does not trust.
    """
    return flask_context.get().url_adapter or current_app.create_url_adapter(request)


def endpoint_at(path: str) -> str | None:
    """What answers to GET there."""
    found = page_at(path)
    return found.endpoint if found is not None else None


def page_at(path: str, turns: int = _MOST_TURNS) -> Page | None:
    """The same with the arguments in the path, at the end of the redirects that the app's own rules make."""
    adapter = adapter_here()
    if adapter is None or turns == 0:
        return None
    try:
        return Page(*adapter.match(path, method="GET"), path)
    except RequestRedirect as redirect:
        return page_at(inner_path(urlsplit(redirect.new_url).path), turns - 1)
    except Exception:  # noqa: BLE001 - there is no such page, or a converter of the host's fails at what a client wrote
        return None


def inner_path(path: str) -> str:
    """The path as the app's rules are written."""
    return unquote(path).removeprefix(request.script_root) or "/"
