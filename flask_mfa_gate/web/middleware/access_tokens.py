"""Requests with an access token of the gate's own OpenID provider, at views that take them (RFC 6750, RFC 9470)."""

from __future__ import annotations

from dataclasses import replace

from flask import Response

from ...domain.view_protection import ViewProtection
from ...store.oidc.grants import GrantState
from ..request_context import RequestContext
from ..responses.answers import refuse_token
from ..sessions.withholding import touch_nothing
from ..view_marks.protection import marks_at, marks_of_method
from .admission import judge_user

Answer = Response | None


def find_token(context: RequestContext) -> GrantState | None:
    """The token that this request came with; None where the view takes none, or it is not one of the provider's."""
    oidc = context.state.oidc
    if oidc is None or _marks(context).scopes is None:
        return None
    context.takes_tokens = True
    # SECURITY: never in the address or the body, where logs and other pages see it (RFC 9700 section 4.3.2).
    scheme, _, sent = context.request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not (sent := sent.strip()):
        return None
    context.has_sent_bearer = True
    return oidc.access_tokens.find(sent)


def come_by_token(context: RequestContext, token: GrantState) -> None:
    """From here on the token says who this is, and nothing else does."""
    # SECURITY: what a session proved must not make a token stronger, nor may the two be of different users.
    touch_nothing(context)
    context.token_grant, context.is_token, context.may_be_token = token, True, True


def admit_by_token(context: RequestContext, token: GrantState) -> Answer:
    """Judge the user of the token by what was proved when it was granted."""
    assert context.state.oidc is not None  # noqa: S101 - it gave the token out
    context.is_decided = True
    access, marks = context.state.oidc.access_tokens.read(token), _marks(context)
    if access is None or access.subject.user is access.subject.person:
        return refuse_token("invalid_token")
    # SECURITY: a client may do for its user what its scopes say, and not all that the user may do.
    if not marks.takes(access.scopes):
        return refuse_token("insufficient_scope", scopes=marks.scopes or ())
    context.access, context.enrollment = access, token.enrollment
    context.state.host.identity.show(access.subject.user)
    protection = replace(marks, resources=(*marks.resources, access.client.resource))
    return judge_user(context, access.subject.user, access.grant.user_key, protection)


def _marks(context: RequestContext) -> ViewProtection:
    """Those of the view, and of the method of a class that answers."""
    app, request = context.here.app, context.request
    view = app.view_functions.get(request.endpoint or "")
    return marks_at(app, request.endpoint).joined(marks_of_method(view, request.method))
