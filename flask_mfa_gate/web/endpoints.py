"""Kinds of endpoints, decided by name and rule, never by raw path."""

from __future__ import annotations

from flask import Flask, request

from ..settings import Settings

OWN = "mfa_gate"
_SIGN_OUT_NAMES = ("logout", "signout", "sign_out")


def is_own(endpoint: str | None) -> bool:
    """A page or static file of the gate."""
    return endpoint is not None and endpoint.startswith(f"{OWN}.")


def is_automatic_options() -> bool:
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
