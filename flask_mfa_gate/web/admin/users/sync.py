"""Reads the host's directory now."""

from __future__ import annotations

from flask import Response

from ....domain.people.roles import Role
from ...responses import answers
from ..console import WRITE, Console, ConsoleRoute, console_url


def sync(console: Console) -> Response:
    """Take over what the host says of its users now; the list says how fresh it is."""
    found = console.state.people.users.sync(actor=console.actor)
    if console.auth.wants_json:
        return answers.json_answer({"people": found.people})
    return answers.see_other(console_url("users"))


ROUTES = (ConsoleRoute(rule="/users/sync", name="users_sync", view=sync, methods=WRITE, least_to_write=Role.HELPDESK),)
