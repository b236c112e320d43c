"""The first page."""

from __future__ import annotations

from flask import Response

from .console import Console, ConsoleRoute


def dashboard(console: Console) -> Response:
    """Where to go from here."""
    return console.page("dashboard.html")


ROUTES = (ConsoleRoute(rule="/", name="dashboard", view=dashboard),)
