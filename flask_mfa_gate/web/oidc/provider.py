"""The bridge to Authlib, which is loaded at the first request that needs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from flask import Response

from ...errors import BadRequest
from .client_authentication import note_failure, require_few_failures
from .pages import Call, json_reply

if TYPE_CHECKING:
    from ...oidc.provider.server import ProtocolResponse, Provider


def provider_of(call: Call) -> Provider:
    """The authorization server for this request."""
    from ...oidc.provider.server import Provider, ProviderServices  # noqa: PLC0415 - Authlib is slow to load

    oidc = call.oidc
    services = ProviderServices(
        clients=oidc.clients, grants=oidc.grants, permission=oidc.permission, signing_keys=oidc.signing_keys,
        claims=oidc.claims,
    )  # fmt: skip
    return Provider(services, issuer=oidc.issuer, now=call.state.clock())


def sound_parameters(sent: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Each parameter once.

    :raises BadRequest: for one that came twice, or can't be one.
    """
    from ...oidc.provider.request import is_sound, repeated  # noqa: PLC0415 - Authlib is slow to load

    # SECURITY: of two that say different things, each side could go by another one.
    if repeated([name for name, _ in sent]) is not None:
        raise BadRequest("A parameter was sent more than once.")
    parameters = dict(sent)
    if not is_sound(parameters):
        raise BadRequest("The request is too long, or contains characters that are not allowed.")
    return parameters


def reply_of(call: Call, claimed: str, act: Callable[[], ProtocolResponse]) -> Response:
    """What Authlib answers, with the headers of the gate; its errors over what a client sent are the client's.

    :param claimed: who the client says it is.
    :raises Throttled: where the address of the client has sent too many wrong secrets.
    """
    require_few_failures(call, claimed)
    try:
        found = act()
    except (ValueError, TypeError):
        # Text of the request in an error description (RFC 6749 section 5.2), or bytes that are no UTF-8.
        return json_reply({"error": "invalid_request"}, 400)
    if isinstance(found.payload, dict) and found.payload.get("error") == "invalid_client":
        note_failure(call, claimed)
    response = json_reply(found.payload or {}, found.status)
    if "WWW-Authenticate" in found.headers:
        response.headers["WWW-Authenticate"] = found.headers["WWW-Authenticate"]
    return response
