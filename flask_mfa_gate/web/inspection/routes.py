"""Every endpoint of the app with what protects it."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from ...domain.access import APP
from ...domain.policy.document.policy import PolicyState
from ...domain.view_protection import ViewProtection, demand_text, local_policies
from ..endpoints import is_own
from ..state import GateState
from ..view_marks.protection import is_static_rule, marks_at


def route_table(app: Flask, state: GateState) -> list[dict[str, Any]]:
    """One row a rule: ``endpoint``, ``rule``, ``methods``, ``resources``, ``demands``, ``policies``, ``default``."""
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: (rule.endpoint, rule.rule))
    return [_row(app, state, rule) for rule in rules]


def is_unclassified(row: dict[str, Any]) -> bool:
    """Whether nobody has said what a view of the host opens."""
    is_open = row["default"] in {"gate", "static", "exempt"}
    return not (is_open or row["resources"] or row["demands"])


def _row(app: Flask, state: GateState, rule: Rule) -> dict[str, Any]:
    protection = marks_at(app, rule.endpoint)
    return {
        "endpoint": rule.endpoint,
        "rule": rule.rule,
        "methods": sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}),
        "resources": list(protection.resources),
        "demands": [demand_text(demand) for demand in protection.demands],
        "policies": _policies(state, rule.endpoint, protection),
        "default": _default(app, state, rule, protection),
    }


def _policies(state: GateState, endpoint: str, protection: ViewProtection) -> list[str]:
    """Names of the policies that can touch it: its own, then those that are on."""
    opened = {APP, *protection.resources}
    return [policy.name for policy in local_policies(endpoint, protection)] + sorted(
        policy.name
        for policy in state.access.policies.current().policies
        if policy.state is PolicyState.ON and opened & set(policy.resources or (APP,))
    )


def _default(app: Flask, state: GateState, rule: Rule, protection: ViewProtection) -> str:
    if is_own(rule.endpoint):
        return "gate"
    if is_static_rule(app, rule):
        return "static"
    is_exempt = protection.is_exempt or rule.endpoint in state.settings.exempt_endpoints
    if is_exempt and not protection.wants_identity:
        return "exempt"
    return ", ".join(state.rules.access(name).value for name in protection.resources or (APP,))
