"""The way to the host's sign-in page."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from ....sentences import Sentence
from ...endpoints import is_own, is_sign_out
from ...responses.login_page import is_address, named_login, named_logins, unreachable_login_view
from ...responses.routing import endpoint_at, inner_path
from ...view_marks.protection import marks_at
from ..findings import Finding, error, warning
from ..registry import Inspection, check


@check()
def login_url(on: Inspection) -> Iterator[Finding]:
    """A path that no view answers. An endpoint that is not there stops the start."""
    named = on.settings.login_url
    if named is None or not is_address(named):
        return
    with on.app.test_request_context():
        endpoint = endpoint_at(urlsplit(named).path)
    if endpoint is None:
        sentence = f"MFA_GATE_LOGIN_URL is {named!r}, which is no page of the app."
        yield error("login-url", sentence, fix="Set MFA_GATE_LOGIN_URL to a path or an endpoint of the app.")


@check()
def closed_login_page(on: Inspection) -> Iterator[Finding]:
    """A sign-in page that wants somebody who has signed in, so that nobody can."""
    with on.app.test_request_context():
        pages = [(page, endpoint_at(inner_path(urlsplit(page).path))) for page in named_logins(on.settings)]
    for page, endpoint in pages:
        if endpoint is not None and marks_at(on.app, endpoint).wants_identity:
            yield error(
                "marked-login",
                Sentence(
                    "The sign-in page %(page)s is the view %(endpoint)r, which is marked, itself or by its blueprint, "
                    "so nobody can sign in there.",
                    page=page,
                    endpoint=endpoint,
                ),
                fix=Sentence(
                    "Take the mark off %(endpoint)r, or move the view into a blueprint that is not marked.",
                    endpoint=endpoint,
                ),
            )
        elif is_own(endpoint) or is_sign_out(endpoint, on.settings):
            yield error(
                "login-url",
                Sentence(
                    "The sign-in page %(page)s is the view %(endpoint)r, where nobody can sign in.",
                    page=page,
                    endpoint=endpoint,
                ),
                fix="Set MFA_GATE_LOGIN_URL to the path or endpoint of the sign-in page.",
            )


@check()
def login_page(on: Inspection) -> Iterator[Finding]:
    """Nowhere to send users who have to sign in."""
    with on.app.test_request_context():
        unreachable, page = unreachable_login_view(), named_login(on.settings)
    if on.settings.login_url is not None:
        return
    if unreachable is not None:
        yield warning(
            "login-view",
            Sentence("login_view is %(unreachable)r, and the app has no such endpoint.", unreachable=unreachable),
            fix="Correct login_view, or set MFA_GATE_LOGIN_URL to the path of the sign-in page.",
        )
    elif page is None:
        yield warning(
            "no-login-page",
            "The gate does not know the app's sign-in page: login_view is not set, and /login does not exist.",
            fix="Set login_view, or MFA_GATE_LOGIN_URL to the path of the sign-in page.",
        )
