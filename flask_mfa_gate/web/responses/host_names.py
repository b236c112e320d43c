"""The gate's pages answer under whichever host name was asked, which is an argument of their rules and of no view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask, current_app, has_request_context, url_for
from werkzeug.exceptions import HTTPException

from ..endpoints import is_own
from .files import name_version
from .routing import adapter_here

PLACE = "mfa_gate_place"


def any_host(app: Flask) -> list[dict[str, Any]]:
    """Options of a rule for every name: where apps route by host or subdomain, a rule without one answers nowhere."""
    if app.url_map.host_matching:
        return [{"host": f"<{PLACE}>"}]
    return [{}, {"subdomain": f"<{PLACE}>"}] if app.subdomain_matching else [{}]


def stay_here(endpoint: str, values: dict[str, Any]) -> None:
    """Addresses of the gate's pages are under the name that this request asked: its cookie goes nowhere else."""
    if not has_request_context() or not current_app.url_map.is_endpoint_expecting(endpoint, PLACE):
        return
    adapter = adapter_here()
    place = None if adapter is None else adapter.server_name if adapter.map.host_matching else adapter.subdomain
    if place:
        values.setdefault(PLACE, place)


def own_url(endpoint: str, **values: Any) -> str:
    """The address of a page of the gate, without what the host does to addresses of its own (``url_defaults``)."""
    adapter = adapter_here() if has_request_context() else None
    if adapter is None:
        return url_for(endpoint, **values)
    # SECURITY: a function of the host that fails here would take the way to the second factor from everybody.
    stay_here(endpoint, values)
    name_version(endpoint, values)
    return adapter.build(endpoint, values, force_external=False)


def without_place(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a view of the gate takes."""
    return {name: value for name, value in (values or {}).items() if name != PLACE}


def shadowing_rules(app: Flask, prefix: str) -> set[str]:
    """Endpoints in front of the gate's pages under one name, whose own rules are tried before those of any name."""
    path = min(_fixed_paths(app, prefix), default=prefix)
    found = set()
    for place in {rule.host or rule.subdomain or "" for rule in app.url_map.iter_rules()}:
        if place and "<" not in place:
            found.add(_endpoint_under(app, place, path))
    return {endpoint for endpoint in found if endpoint is not None and not is_own(endpoint)}


def _fixed_paths(app: Flask, prefix: str) -> Iterator[str]:
    """Addresses of the gate's pages that hold no argument."""
    for rule in app.url_map.iter_rules():
        if is_own(rule.endpoint) and rule.rule.startswith(f"{prefix}/") and "<" not in rule.rule:
            yield rule.rule


def _endpoint_under(app: Flask, place: str, path: str) -> str | None:
    by_host = app.url_map.host_matching
    adapter = app.url_map.bind(place) if by_host else app.url_map.bind("localhost", subdomain=place)
    try:
        return str(adapter.match(path)[0])
    except HTTPException:
        return None
