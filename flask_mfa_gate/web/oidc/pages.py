"""What every address of the provider does first: answer on the issuer's host only, and turn errors into answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import Response, jsonify, make_response, request
from werkzeug.exceptions import HTTPException, NotFound

from ...errors import BadRequest, MFAGateError
from ..client import SAFE_METHODS
from ..fields import LARGEST_BODY
from ..request_context import RequestContext, current_context
from ..responses import answers
from ..state import GateState, OidcServices

log = logging.getLogger("flask_mfa_gate")
_PORTS = {"https": ":443", "http": ":80"}
_UNAVAILABLE = "This page is unavailable right now."


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcRoute:
    """One address.

    :param view: takes the :class:`Call`, and the arguments of the rule.
    :param is_for_programs: whether no person comes there: its errors are JSON, and no session is looked at.
    :param cors: methods that scripts of any origin may use; none where no script has any business.
    """

    rule: str
    name: str
    view: Callable[..., Response]
    methods: tuple[str, ...] = ("GET",)
    is_for_programs: bool = False
    cors: tuple[str, ...] = ()
    is_at_root: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the provider."""

    context: RequestContext
    oidc: OidcServices = field(repr=False)

    @property
    def state(self) -> GateState:
        """The app's gate."""
        return self.context.state


def guarded_view(route: OidcRoute) -> Callable[..., Any]:
    """The view of a route behind all that."""

    @wraps(route.view)
    def guarded(**arguments: Any) -> Response:
        context = current_context()
        assert context is not None  # noqa: S101 - the first hook made it
        return with_cors(route, _answer(route, context, arguments))

    return guarded


def _answer(route: OidcRoute, context: RequestContext, arguments: Mapping[str, Any]) -> Response:
    oidc = context.state.oidc
    if oidc is None or not _is_issuers_host(oidc.issuer):
        return answers.http_problem(context, NotFound())
    if request.method == "OPTIONS" and "OPTIONS" in route.methods:
        return make_response("", 204)
    # SECURITY: a large body is refused before it is parsed.
    request.max_content_length = LARGEST_BODY
    try:
        return route.view(Call(context, oidc), **arguments)
    except MFAGateError as error:
        return _failure(route, context, error)
    except HTTPException as error:
        return _failure(route, context, BadRequest(error.description or error.name))
    except Exception:
        # SECURITY: whatever goes wrong, there is neither code nor token, nor a word about why.
        log.exception("the OpenID provider failed at %s", route.name)
        return _failure(route, context, MFAGateError(_UNAVAILABLE))


def _is_issuers_host(issuer: str) -> bool:
    """Under another name of the app the cookies are others, and what clients compare would not fit."""
    parts = urlsplit(issuer)
    wanted = parts.netloc.lower().removesuffix(_PORTS[parts.scheme])
    return request.host.lower().removesuffix(_PORTS[parts.scheme]) == wanted


def _failure(route: OidcRoute, context: RequestContext, error: MFAGateError) -> Response:
    if not route.is_for_programs:
        return answers.failure(context, error)
    code = "temporarily_unavailable" if error.status >= 500 or error.status == 429 else "invalid_request"
    response = json_reply({"error": code, "error_description": str(error)}, error.status)
    return answers.with_retry(response, error)


def json_reply(body: Mapping[str, Any], status: int = 200) -> Response:
    """What a program reads, and nobody keeps."""
    response = jsonify(body)
    response.status_code = status
    response.headers["Pragma"] = "no-cache"
    return answers.guarded(response)


def with_cors(route: OidcRoute, response: Response) -> Response:
    """Let scripts of any origin read an answer that goes by no cookie (Fetch section 3.3)."""
    if not route.cors:
        return response
    # SECURITY: never with credentials: nothing here may be read by what a browser sends along by itself.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = ", ".join(route.cors)
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = "600"
    else:
        response.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate"
    return response


def sent_parameters() -> list[tuple[str, str]]:
    """What was sent, each as often as it came: of a read in the address, of a write in the body.

    :raises BadRequest: for a body of another type, and for a write with a query.
    """
    if request.method in SAFE_METHODS:
        return list(request.args.items(multi=True))
    # SECURITY: addresses end up in logs, so nothing of a write is taken from them (RFC 6749 section 3.2).
    if request.query_string:
        raise BadRequest("Parameters belong in the body.")
    if request.mimetype != "application/x-www-form-urlencoded":
        raise BadRequest("The body must be application/x-www-form-urlencoded.")
    return list(request.form.items(multi=True))
