"""Apps that a user signs in with: those who help the user can disconnect them."""

from __future__ import annotations

from flask import Response

from ....domain.people.roles import Role
from ....errors import NotFound
from ...fields import text_field
from ...responses import answers
from ...translation import gettext
from ..console import WRITE, Console, ConsoleRoute
from .address import user_url


def revoke(console: Console) -> Response:
    """End the tokens of one app, or of all, and take the user's consent back."""
    key = text_field(console.fields, "key", default="")
    if console.state.oidc is None:
        raise NotFound(gettext("This app is not an OpenID provider. MFA_GATE_OIDC turns it on."))
    done = console.state.oidc.connections.revoke(
        key, text_field(console.fields, "client_id", default="") or None, actor=console.actor,
        reason=text_field(console.fields, "reason", default="") or None,
    )  # fmt: skip
    return answers.json_answer({"revoked": done}) if console.auth.wants_json else answers.see_other(user_url(key))


ROUTES = (
    ConsoleRoute(
        rule="/connected-apps/revoke", name="user_apps_revoke", view=revoke, methods=WRITE,
        least_to_write=Role.HELPDESK,
    ),
)  # fmt: skip
