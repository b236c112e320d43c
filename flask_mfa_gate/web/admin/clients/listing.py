"""Every client: those of the console and the command line, and those of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from ....services.oidc.client_overview import ClientOverview
from ..console import Console, ConsoleRoute
from ..representation import Format, Listing, Table, csv_file, format_wanted, json_list
from . import words
from .kit import provider


def clients(console: Console) -> Response:
    """All of them, by id: nobody has thousands."""
    form = format_wanted(console, Format.HTML, Format.JSON, Format.CSV)
    rows = provider(console).overview.all()
    if form is Format.CSV:
        return csv_file(TABLE, rows)
    if form is Format.JSON:
        return json_list(Listing(rows, None, len(rows)), TABLE)
    return console.page("clients/list.html", rows=rows, state_word=words.state_word)


def row_json(row: ClientOverview) -> Mapping[str, Any]:
    """A client with what is known around it. Nothing in it is a secret."""
    client = row.client
    return {
        "client_id": client.client_id,
        "client_name": client.client_name,
        "is_enabled": client.is_enabled,
        "source": "configuration" if client.is_configured else "database",
        "token_endpoint_auth_method": client.token_endpoint_auth_method.value,
        "redirect_uris": list(client.redirect_uris),
        "secrets": len(row.secrets),
        "users": row.users,
        "changed_at": row.changed_at.isoformat() if row.changed_at else None,
    }


TABLE: Table[ClientOverview] = Table(
    "clients",
    (
        "client_id", "client_name", "is_enabled", "source", "token_endpoint_auth_method", "redirect_uris", "secrets",
        "users", "changed_at",
    ),
    row_json,
)  # fmt: skip
ROUTES = (ConsoleRoute(rule="/clients", name="clients", view=clients),)
