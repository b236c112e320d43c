"""Kinds of endpoints, decided by name and rule, never by raw path."""

from __future__ import annotations

from flask import Flask, Request

from ..domain.sign_in.assurance import FactorKind
from ..settings import Settings

OWN, ADMIN, OIDC = "mfa_gate", "mfa_gate_admin", "mfa_gate_oidc"
# Not among those that are the gate's own: its views sign users in as a view of the app would.
SIGN_IN = "mfa_gate_sign_in"
DISCOVERY = "/.well-known/openid-configuration"
_BLUEPRINTS = (f"{OWN}.", f"{ADMIN}.", f"{OIDC}.")
_FOR_PROGRAMS = frozenset(
    f"{OIDC}.{name}" for name in ("configuration", "jwks", "token", "userinfo", "revoke", "introspect")
)
_SIGN_OUT_NAMES = ("logout", "signout", "sign_out")


def is_own(endpoint: str | None) -> bool:
    """A page or static file of the gate, in any of its blueprints."""
    return endpoint is not None and "." in endpoint and endpoint.startswith(_BLUEPRINTS)


def is_console(endpoint: str | None) -> bool:
    """A page of the admin console: a place to go to, as those of the app are."""
    return endpoint is not None and endpoint.startswith(f"{ADMIN}.")


def is_account_page(endpoint: str | None) -> bool:
    """A page of the gate on the way to somewhere else, or about the user's own factors."""
    return endpoint is not None and endpoint.startswith(f"{OWN}.")


def is_provider(endpoint: str | None) -> bool:
    """An address of the OpenID provider."""
    return endpoint is not None and endpoint.startswith(f"{OIDC}.")


def is_for_programs(endpoint: str | None) -> bool:
    """An address of the OpenID provider where other apps come by themselves, and no browser with its cookies."""
    return endpoint in _FOR_PROGRAMS


def setup_endpoint(kind: FactorKind) -> str:
    """The page that sets a factor of this kind up."""
    return f"{OWN}.enroll_{kind.value}"


def is_automatic_options(request: Request) -> bool:
    """A preflight that Flask answers itself; no view runs."""
    return (
        request.method == "OPTIONS"
        and request.url_rule is not None
        and bool(getattr(request.url_rule, "provide_automatic_options", False))
    )


def is_sign_out(endpoint: str | None, settings: Settings) -> bool:
    """A way out of the app, which stays open while a sign-in is pending."""
    if endpoint is None:
        return False
    if settings.sign_out_endpoints is not None:
        return endpoint in settings.sign_out_endpoints
    return endpoint.rsplit(".", 1)[-1].endswith(_SIGN_OUT_NAMES)


def unknown_endpoints(app: Flask, settings: Settings) -> list[tuple[str, str]]:
    """Settings that name an endpoint the app doesn't have, as pairs of key and name."""
    named = [("MFA_GATE_EXEMPT_ENDPOINTS", name) for name in settings.exempt_endpoints]
    named += [("MFA_GATE_SIGN_OUT_ENDPOINTS", name) for name in settings.sign_out_endpoints or ()]
    if settings.login_url is not None and not settings.login_url.startswith("/"):
        named.append(("MFA_GATE_LOGIN_URL", settings.login_url))
    return [(key, name) for key, name in named if name not in app.view_functions]
