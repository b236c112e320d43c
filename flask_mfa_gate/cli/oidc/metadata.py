"""Options that say what a client is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TextIO

import click

from ...domain.oidc.client import AuthMethod, SigningAlgorithm
from ...errors import BadRequest

_LISTS = ("redirect_uris", "post_logout_redirect_uris")


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed, option by option; None and an empty tuple were not."""

    options: dict[str, Any]

    def words(self) -> dict[str, Any]:
        """As metadata (RFC 7591): what a document says, and above it what options say.

        :raises BadRequest: for a document that is none.
        """
        options = dict(self.options)
        document, is_public, keys = (options.pop(name) for name in ("document", "public", "jwks"))
        words = _read(document) if document is not None else {}
        words |= {name: value for name, value in options.items() if value is not None and name not in _LISTS}
        words |= {name: list(options[name]) for name in _LISTS if options[name]}
        if is_public:
            words["token_endpoint_auth_method"] = AuthMethod.NONE.value
        if keys is not None:
            words["jwks"] = _read(keys)
        return words


def metadata_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options, and their values as ``typed``."""

    @wraps(command)
    def called(**arguments: Any) -> Any:
        mine = {name: arguments.pop(name) for name in _NAMES}
        return command(typed=Typed(mine), **arguments)

    for option in reversed(_OPTIONS):
        called = option(called)
    return called


def _option(*names: str, **settings: Any) -> Callable[[Any], Any]:
    return click.option(*names, **settings)


_OPTIONS: Sequence[Callable[[Any], Any]] = (
    _option("--name", "client_name", help="Name that its users see."),
    _option("--redirect-uri", "redirect_uris", multiple=True, help="Address that codes are sent to. Can be repeated."),
    _option(
        "--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True,
        help="Address that users may be sent to after sign-out. Can be repeated.",
    ),
    _option("--backchannel-logout-uri", help="Address that is notified when a session ends."),
    _option("--home-page", "client_uri", help="Home page."),
    _option("--scope", help="Scopes that it may request, e.g. 'openid profile email offline_access'."),
    _option("--public", is_flag=True, help="It can't keep a secret, like a single-page or mobile app."),
    _option(
        "--auth-method", "token_endpoint_auth_method", type=click.Choice([one.value for one in AuthMethod]),
        help="How it authenticates.",
    ),
    _option("--jwks", type=click.File(), help="File with its public keys (JWK set), for private_key_jwt."),
    _option(
        "--signed-with", "id_token_signed_response_alg", type=click.Choice([one.value for one in SigningAlgorithm]),
        help="Algorithm that signs its ID tokens.",
    ),
    _option("--max-age", "default_max_age", type=int, help="Maximum age of a proof, in seconds."),
    _option("--skip-consent/--ask-consent", "skip_consent", default=None, help="Whether users are asked for consent."),
    _option("--from", "document", type=click.File(), help="JSON file with client metadata (RFC 7591)."),
)  # fmt: skip
_NAMES = (
    "client_name", "redirect_uris", "post_logout_redirect_uris", "backchannel_logout_uri", "client_uri", "scope",
    "public", "token_endpoint_auth_method", "jwks", "id_token_signed_response_alg", "default_max_age", "skip_consent",
    "document",
)  # fmt: skip


def _read(file: TextIO) -> dict[str, Any]:
    try:
        read = json.load(file)
    except (ValueError, RecursionError):
        raise BadRequest(f"{file.name} is not valid JSON.") from None
    if not isinstance(read, dict):
        raise BadRequest(f"{file.name} must hold a JSON object.")
    return read
