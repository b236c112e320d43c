"""API tokens of a user: those who help the user can revoke them."""

from __future__ import annotations

from flask import Response

from ....domain.people.roles import Role
from ...fields import text_field
from ...responses import answers
from ..console import WRITE, Console, ConsoleRoute
from .address import user_url


def revoke(console: Console) -> Response:
    """End what one token of a user stands for, or each of them."""
    key = text_field(console.fields, "key", default="")
    done = console.state.delegation.api_tokens.revoke(
        key, text_field(console.fields, "token_id", default="") or None, actor=console.actor,
        reason=text_field(console.fields, "reason", default="") or None,
    )  # fmt: skip
    return answers.json_answer({"revoked": done}) if console.auth.wants_json else answers.see_other(user_url(key))


ROUTES = (
    ConsoleRoute(
        rule="/api-tokens/revoke", name="user_tokens_revoke", view=revoke, methods=WRITE, least_to_write=Role.HELPDESK
    ),
)
