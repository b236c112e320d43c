"""Apps send their users here to sign out (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from ...domain.oidc.client import OidcClient
from ...domain.oidc.grant import sid_of
from ...domain.sign_in.session import GateSession
from ...errors import BadRequest
from ..client import SAFE_METHODS, is_foreign, is_own_origin, is_prefetch
from ..csrf import FIELD, has_csrf_token
from ..middleware.pending_sign_in import end_sign_in
from ..responses import answers
from ..responses.host_names import own_url
from .hints import claims_of_hint
from .leaving import lead_back
from .pages import Call, OidcRoute, sent_parameters
from .provider import sound_parameters

_KEPT = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


@dataclass(frozen=True, slots=True)
class _Leaving:
    """What an app asks.

    :param claims: of its hint; None where that is none of ours.
    :param target: where to go afterwards; None where that is not registered.
    """

    client: OidcClient | None
    claims: Mapping[str, Any] | None
    target: str | None = field(repr=False)


def end_session(call: Call) -> Response:
    """Sign out at once where the app proves that it means this sign-in; else ask."""
    if is_prefetch(request):
        return Response(status=503)
    sent = sound_parameters(sent_parameters())
    live = call.context.session
    if request.method not in SAFE_METHODS and FIELD not in sent:
        # A form of another site comes without the cookies, and the same by GET comes with them.
        kept = {name: sent[name] for name in _KEPT if name in sent}
        return answers.see_other(f"{own_url('mfa_gate_oidc.end_session')}?{urlencode(kept)}")
    leaving = _read(call, sent)
    if live is None:
        return _away(call, leaving, sent)
    if request.method in SAFE_METHODS:
        # SECURITY: an ID token of somebody else, as of the attacker's own account, signs nobody out unasked.
        if not _means(leaving.claims, live):
            return _ask(call, leaving, sent)
    elif not is_own_origin(request, is_write=True) or is_foreign(request) or not _has_token(call, live):
        raise BadRequest("This form has expired. Go back to the app and try again.")
    end_sign_in(call.context)
    call.state.host.identity.sign_out()
    return _away(call, leaving, sent)


def _has_token(call: Call, live: GateSession) -> bool:
    return has_csrf_token(request, call.state.keyring, live)


def _read(call: Call, sent: Mapping[str, str]) -> _Leaving:
    claims = claims_of_hint(call, sent["id_token_hint"]) if "id_token_hint" in sent else None
    audience = claims.get("aud") if claims is not None else None
    named = sent.get("client_id", audience)
    if claims is not None and named != audience:
        raise BadRequest("The client_id is not that of the id_token_hint.")
    registered = call.oidc.clients.find(named) if isinstance(named, str) and named else None
    client = registered.client if registered is not None else None
    asked, has_bad_hint = sent.get("post_logout_redirect_uri"), "id_token_hint" in sent and claims is None
    # SECURITY: an address that is not registered, or a hint that is none, leads nowhere (section 3).
    is_known = client is not None and asked in client.post_logout_redirect_uris and not has_bad_hint
    return _Leaving(client, claims, asked if is_known else None)


def _means(claims: Mapping[str, Any] | None, live: GateSession) -> bool:
    return claims is not None and claims.get("sub") == live.user_key and claims.get("sid") == sid_of(live.lineage)


def _ask(call: Call, leaving: _Leaving, sent: Mapping[str, str]) -> Response:
    kept = {name: sent[name] for name in _KEPT if name in sent}
    return answers.page(
        "oidc/sign_out.html", call.context, client=leaving.client, kept=kept,
        action_url=own_url("mfa_gate_oidc.end_session"),
    )  # fmt: skip


def _away(call: Call, leaving: _Leaving, sent: Mapping[str, str]) -> Response:
    if leaving.target is None:
        return answers.after_sign_out(call.context)
    from authlib.common.urls import add_params_to_uri  # noqa: PLC0415 - only a provider needs it

    told = [("state", sent["state"])] if "state" in sent else []
    name = leaving.client.client_name if leaving.client is not None else ""
    location = str(add_params_to_uri(leaving.target, told)) if told else leaving.target
    return lead_back(call, location, client_name=name, began_with_form=request.method not in SAFE_METHODS)


ROUTES = [OidcRoute(rule="/end-session", name="end_session", view=end_session, methods=("GET", "POST"))]
