"""What a client sent to the gate's own pages, as form or JSON, before anybody believes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Request
from werkzeug.exceptions import HTTPException

from ..errors import BadRequest
from ..sentences import Sentence

LARGEST_BODY = 64 * 1024


def read_fields(request: Request, *, largest: int = LARGEST_BODY) -> Mapping[str, Any]:
    """The fields by name. A form field that came more than once is a list, which no text field accepts.

    :param largest: bytes of the body, at most.
    :raises BadRequest: for a body that is too large or can't be read.
    """
    # SECURITY: a large body is refused before it is parsed.
    request.max_content_length = largest
    try:
        return _read_json(request) if request.is_json else _read_form(request)
    except (HTTPException, ValueError, RecursionError) as error:
        raise BadRequest("The body can't be read, or is too large.") from error


def text_field(fields: Mapping[str, Any], name: str, *, default: str) -> str:
    """A short word; the default when it is absent or empty."""
    value = fields.get(name, default)
    if not isinstance(value, str):
        raise BadRequest(Sentence("%(name)s has to be text.", name=name))
    return value or default


def _read_form(request: Request) -> Mapping[str, Any]:
    form = request.form
    return {name: values[0] if len(values) == 1 else values for name, values in form.lists()}


def _read_json(request: Request) -> Mapping[str, Any]:
    body = request.get_data()
    fields = json.loads(body, object_pairs_hook=_without_repeats) if body else {}
    if not isinstance(fields, dict):
        raise BadRequest("The body has to be a JSON object.")
    return fields


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name stands twice")
    return fields
