"""Endpoints that settings name, and marks that views carry."""

from __future__ import annotations

from collections.abc import Iterator

from ...endpoints import unknown_endpoints
from ...hooks import taken_rules
from ...marks import is_marked_in_vain, marks_of
from ..findings import Finding, error
from ..registry import Inspection, check


@check()
def named_endpoints(on: Inspection) -> Iterator[Finding]:
    """Settings that name what the app does not have."""
    for key, name in unknown_endpoints(on.app, on.settings):
        sentence = f"{key} names the endpoint {name!r}, which the app does not have."
        yield error("unknown-endpoint", sentence, fix=f"Correct {key}.")


@check()
def exempt_marks(on: Inspection) -> Iterator[Finding]:
    """An exemption in the settings beside a mark in the code."""
    for name in on.settings.exempt_endpoints:
        if marks_of(on.app.view_functions.get(name)).wants_identity:
            yield error(
                "exempt-mark",
                f"MFA_GATE_EXEMPT_ENDPOINTS opens {name!r}, which is marked all the same.",
                fix="Take it out of MFA_GATE_EXEMPT_ENDPOINTS, or take the mark off the view.",
            )


@check()
def marks_above_routes(on: Inspection) -> Iterator[Finding]:
    """Marks on a function that the app never runs."""
    for endpoint, view in on.app.view_functions.items():
        if is_marked_in_vain(view):
            yield error(
                "mark-above-route",
                f"The mark of the view {endpoint!r} stands above its route, so it has no effect.",
                fix="Put it below the route, next to the function.",
            )


@check()
def taken_routes(on: Inspection) -> Iterator[Finding]:
    """Routes of the host in the place of the gate's pages."""
    for endpoint in taken_rules(on.app, on.settings.url_prefix):
        yield error(
            "taken-route",
            f"The endpoint {endpoint!r} has an address of the gate's pages.",
            fix="Set MFA_GATE_URL_PREFIX to a path that no other route uses.",
        )
