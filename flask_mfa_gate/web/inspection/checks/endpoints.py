"""Endpoints that settings name, and marks that views carry."""

from __future__ import annotations

from collections.abc import Iterator

from ....sentences import Sentence
from ...middleware.install import own_prefixes, taken_rules
from ...responses.login_page import unreachable_login_view
from ...view_marks.marks import is_marked_in_vain
from ...view_marks.set_up import faults
from ..findings import Finding, error, warning
from ..registry import Inspection, check


@check()
def contradictions(on: Inspection) -> Iterator[Finding]:
    """Settings, marks and routes that exclude each other, or name what the app does not have."""
    for fault in faults(on.app, on.state):
        yield error(fault.code, fault.sentence, fix=fault.fix)


@check()
def marks_above_routes(on: Inspection) -> Iterator[Finding]:
    """Marks on a function that the app never runs; another app may run it, so this alone does not stop the start."""
    views = on.app.view_functions
    for endpoint, view in views.items():
        if is_marked_in_vain(view, views.values()):
            yield error(
                "mark-above-route",
                Sentence(
                    "The mark of the view %(endpoint)r stands above its route, so it has no effect.", endpoint=endpoint
                ),
                fix="Put it below the route, next to the function.",
            )


@check()
def taken_routes(on: Inspection) -> Iterator[Finding]:
    """Routes of the host in the place of the gate's pages."""
    for key, prefix in own_prefixes(on.settings):
        for endpoint in taken_rules(on.app, prefix):
            yield error(
                "taken-route",
                Sentence("The endpoint %(endpoint)r has an address of the gate's pages.", endpoint=endpoint),
                fix=Sentence("Set %(key)s to a path that no other route uses.", key=key),
            )


@check()
def login_view(on: Inspection) -> Iterator[Finding]:
    """Where the gate's pages send anonymous users."""
    name = unreachable_login_view()
    if name is not None and on.settings.login_url is None:
        yield warning(
            "login-view",
            Sentence(
                "Flask-Login's login_view %(name)r is no endpoint of the app, so the gate has to guess the page.",
                name=name,
            ),
            fix="Set MFA_GATE_LOGIN_URL to the path or endpoint of the sign-in page.",
        )
