"""In front of the host's ``url_value_preprocessors``, which run before every hook and may decide there."""

from __future__ import annotations

from typing import Any, cast

from flask import Flask, Response, current_app
from werkzeug.exceptions import HTTPException

from ..passage import current_passage
from .before_request import look_first


class Answered(HTTPException):
    """An answer of the gate where Flask lets a function return none."""

    def __init__(self, response: Response) -> None:
        super().__init__(response=response)


def decide_early(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """The first of the preprocessors."""
    if (answer := look_first(current_passage(), is_early=True)) is not None:
        raise Answered(current_app.make_response(answer))


def stand_before_preprocessors(app: Flask) -> None:
    """Only where the host has any: elsewhere the first hook returns its answer, which nobody can catch."""
    preprocessors = app.url_value_preprocessors
    if not any(function is not decide_early for found in preprocessors.values() for function in found):
        return
    others = [function for function in preprocessors.get(None, []) if function is not decide_early]
    preprocessors[None] = [decide_early, *others]
    # SECURITY: where HTTP exceptions are trapped, a handler of the host's would answer in place of the gate.
    for name in (None, *app.blueprints):
        app.error_handler_spec[name][None][Answered] = _give


def _give(answered: Answered) -> Response:
    return cast(Response, answered.response)
