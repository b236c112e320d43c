"""Where the description can be had: in the console, since the words of an app's own conditions are in it."""

from __future__ import annotations

from flask import Response, current_app

from ..admin.console import Console, ConsoleRoute
from ..responses import answers


def description(console: Console) -> Response:
    """This description, as OpenAPI 3.1."""
    from .document import openapi  # noqa: PLC0415 - a program asks for it now and then

    return answers.json_answer(openapi(current_app, console.state))


ROUTES = (ConsoleRoute(rule="/openapi.json", name="openapi", view=description),)
