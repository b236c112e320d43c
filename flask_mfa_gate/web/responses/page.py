"""What every page of the gate shows, whatever it is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from flask import request

from ...services.people.persons import shown_name
from ..csrf import csrf_token
from ..delegation.impersonation import ActingAs, acting_as
from ..translation import language
from .host_names import own_url

if TYPE_CHECKING:
    from ..request_context import RequestContext


@dataclass(frozen=True, slots=True)
class PageFacts:
    """The ``page`` variable of the templates."""

    issuer: str
    user_name: str
    csrf_token: str = field(repr=False)
    signed_in: bool
    pending: bool
    sign_out_url: str
    cancel_url: str
    home_url: str
    security_url: str
    help_link: str | None
    language: str
    now: datetime
    acting: ActingAs | None = None


def page_facts(context: RequestContext) -> PageFacts:
    """The facts of this request."""
    session = context.session
    return PageFacts(
        issuer=context.state.issuer,
        user_name=_user_name(context),
        csrf_token=csrf_token(context.state.keyring, session) if session else "",
        signed_in=session is not None,
        pending=session is not None and session.is_pending,
        sign_out_url=own_url("mfa_gate.sign_out"),
        cancel_url=own_url("mfa_gate.cancel"),
        home_url=f"{request.script_root}/",
        security_url=own_url("mfa_gate.security"),
        help_link=context.state.settings.help_link,
        language=language(),
        now=context.state.clock(),
        acting=acting_as(context),
    )


def _user_name(context: RequestContext) -> str:
    """Only a nicety: a directory that fails must not cost anybody the page."""
    if context.session is None:
        return ""
    try:
        host, user = context.state.host, context.account
        if user is not None and host.directory.reads_user_objects:
            return shown_name(user)
        person = host.directory.get(context.session.user_key)
    except Exception:  # noqa: BLE001
        return ""
    return (person.name or person.email) if person else ""
