"""The way back to a client: with a code, or with an error, and never by a redirect that a form began."""

from __future__ import annotations

from flask import Response, request

from ..responses import answers
from ..translation import gettext
from .asking import RefusedRequest
from .pages import Call


def lead_back(call: Call, location: str, *, client_name: str, began_with_form: bool) -> Response:
    """Send the browser to a client.

    Chromium holds every redirect that follows a form against ``form-action`` of the form's page, which is the host's
    login or one of ours, and stops it (CSP 3, section 6.4.1): such a walk ends in a page of its own that continues by
    itself.

    :param began_with_form: whether there was a form on the way.
    """
    # The host's own login may lead to an authorization request by itself. In a frame nobody has filled a form in.
    is_from_here = request.headers.get("Sec-Fetch-Site") == "same-origin"
    is_framed = request.headers.get("Sec-Fetch-Dest") in {"iframe", "frame"}
    if not began_with_form and (is_framed or not is_from_here):
        return answers.see_other(location)
    return answers.page("oidc/leave.html", call.context, location=location, client_name=client_name)


def refuse(call: Call, refused: RefusedRequest, *, began_with_form: bool, client_name: str = "") -> Response:
    """Tell the client; or the user, where nothing in the request may be believed."""
    if refused.redirect_uri is None:
        detail = gettext(
            "The app that sent you here made an invalid request (%(error)s). Go back to it and try again.",
            error=refused.error,
        )
        return answers.problem(call.context, 400, "bad_request", detail)
    return lead_back(
        call, error_location(call, refused), client_name=client_name, began_with_form=began_with_form
    )  # fmt: skip


def error_location(call: Call, refused: RefusedRequest) -> str:
    """Where the error goes, with the issuer (RFC 9207 section 2)."""
    from authlib.common.urls import add_params_to_uri  # noqa: PLC0415 - loaded with the provider

    told = [("error", refused.error)]
    told += [("error_description", refused.description)] if refused.description else []
    told += [("state", refused.state)] if refused.state else []
    return str(add_params_to_uri(refused.redirect_uri, [*told, ("iss", call.oidc.issuer)]))
