"""What the host app brings along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Flask
from flask_login import LoginManager

from ....sentences import Sentence
from ....services.observations import Observation
from ..findings import Finding, error, warning
from ..registry import Inspection, Needs, check


@check()
def identity(on: Inspection) -> Iterator[Finding]:
    """Somebody has to say who is signed in."""
    if getattr(on.app, "login_manager", None) is None and not on.state.host.traits.has_own_identity:
        yield error(
            "no-identity",
            "There is neither Flask-Login nor identity=, so nobody can be identified.",
            fix="Set up Flask-Login, or give identity= to init_app.",
        )


@check()
def user_loader(on: Inspection) -> Iterator[Finding]:
    """Flask-Login has to be told how to find its users."""
    manager: Any = getattr(on.app, "login_manager", None)
    if type(manager) is not LoginManager or on.state.host.traits.has_own_identity:
        return
    if manager._user_callback is None and manager._request_callback is None:
        yield error(
            "no-user-loader",
            "Flask-Login has no user loader, so nobody can be identified.",
            fix="Register one with @login_manager.user_loader.",
        )


@check()
def other_managers(on: Inspection) -> Iterator[Finding]:
    """Login managers that the app uses beside the one that is asked."""
    count = len(_other_login_managers(on.app))
    if count and not on.state.host.traits.has_own_identity:
        yield error(
            "second-login-manager",
            Sentence(
                "The app has %(value)s login managers, and the gate asks only app.login_manager, so users of the "
                "other are not gated.",
                value=count + 1,
            ),
            fix="Give identity= to init_app, an object whose load(request) asks each of them.",
        )


@check(Needs.TABLES)
def unseen_identities(on: Inspection) -> Iterator[Finding]:
    """A sign-in system of the app's own, which nothing tells the gate of."""
    with on.store.database.read() as tx:
        signs = on.state.operations.observations.recent(tx, Observation.UNSEEN_IDENTITY)
    for sign in signs:
        yield warning(
            "unseen-identity",
            Sentence(
                "The app seems to know a user by %(sign)s, where the gate sees nobody. If this signs users in, they "
                "are not gated.",
                sign=sign,
            ),
            fix="Give identity= to init_app, an object whose load(request) knows these users, or call gate.ensure() "
            "in the decorator that does.",
        )


@check(Needs.TABLES)
def unasked_sign_ins(on: Inspection) -> Iterator[Finding]:
    """Views that make a sign-in of a long-lived cookie, where ``identity=`` has no word on it."""
    with on.store.database.read() as tx:
        endpoints = on.state.operations.observations.recent(tx, Observation.UNASKED_SIGN_IN)
    for endpoint in () if on.state.host.traits.tells_fresh else endpoints:
        yield warning(
            "unasked-sign-in",
            Sentence(
                "The view %(endpoint)s signs users in though nothing but cookies is sent to it, and this counts as a "
                "sign-in with the password.",
                endpoint=endpoint,
            ),
            fix="Give the object of identity= a method is_fresh(request) that returns False for this view.",
        )


@check(Needs.TABLES)
def skipped_hooks(on: Inspection) -> Iterator[Finding]:
    """The gate stands among the app's hooks; what only a request shows is that they don't run."""
    with on.store.database.read() as tx:
        names = on.state.operations.observations.recent(tx, Observation.NO_HOOKS)
    for name in names:
        yield error(
            "no-hooks",
            Sentence(
                "The app's class %(name)s answers requests without running before_request or after_request functions, "
                "so all of them are refused.",
                name=name,
            ),
            fix=Sentence(
                "Let each method of %(name)s that overrides one of Flask's call it, such as preprocess_request, "
                "full_dispatch_request, finalize_request and process_response.",
                name=name,
            ),
        )


@check()
def session_cookie(on: Inspection) -> Iterator[Finding]:
    """The cookie that the host's identity rests on."""
    if not on.app.config.get("SESSION_COOKIE_HTTPONLY", True):
        yield warning(
            "session-cookie",
            "SESSION_COOKIE_HTTPONLY is off, so scripts can read the app's session.",
            fix="Set SESSION_COOKIE_HTTPONLY = True.",
        )


@check(Needs.TABLES)
def broken_pages(on: Inspection) -> Iterator[Finding]:
    """The app's own templates for pages of the gate."""
    with on.store.database.read() as tx:
        names = on.state.operations.observations.recent(tx, Observation.BROKEN_PAGE)
    for name in names:
        yield error(
            "broken-page",
            Sentence(
                "The app's own template for the gate's page %(name)s fails, so people see the built-in page.", name=name
            ),
            fix=Sentence("Fix templates/mfa_gate/%(name)s, or what it extends. The log has the traceback.", name=name),
        )


@check(Needs.TABLES)
def cookies_without_tls(on: Inspection) -> Iterator[Finding]:
    """TLS that a proxy ends without telling the app."""
    with on.store.database.read() as tx:
        names = on.state.operations.observations.recent(tx, Observation.PLAIN_COOKIE)
    for name in names:
        yield warning(
            "plain-cookie",
            Sentence(
                "MFA_GATE_BASE_URL is https, but requests to %(name)s reach the app as http, so the gate's cookie has "
                "no Secure attribute.",
                name=name,
            ),
            fix="Let the proxy send X-Forwarded-Proto, and use ProxyFix(app.wsgi_app, x_proto=1, x_host=1).",
        )


def _other_login_managers(app: Flask) -> list[Any]:
    """Those that the app was given beside the one that it names."""
    hooks = [function for functions in app.after_request_funcs.values() for function in functions]
    holders = (*app.extensions.values(), *(getattr(hook, "__self__", None) for hook in hooks))
    found = [*holders, *(getattr(holder, "login_manager", None) for holder in app.extensions.values())]
    known = [getattr(app, "login_manager", None)]
    for one in found:
        if hasattr(type(one), "_load_user") and not any(one is other for other in known):
            known.append(one)
    return known[1:]
