"""Every endpoint of the app with what protects it."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from ..domain.access import APP
from ..domain.policy.model import PolicyState
from ..domain.verdict import Demand
from .endpoints import is_own, is_static_rule
from .marks import Marks, all_marks
from .state import GateState


def route_table(app: Flask, state: GateState) -> list[dict[str, Any]]:
    """One row a rule: ``endpoint``, ``rule``, ``methods``, ``resources``, ``demands``, ``policies``, ``default``."""
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: (rule.endpoint, rule.rule))
    return [_row(app, state, rule) for rule in rules]


def marked_resources(app: Flask) -> set[str]:
    """Every name that a view is marked with."""
    return {name for endpoint in app.view_functions for name in marks_at(app, endpoint).resources}


def marks_at(app: Flask, endpoint: str) -> Marks:
    """The marks of a view and of every blueprint that it is in."""
    names = endpoint.split(".")[:-1]
    blueprints = (app.blueprints.get(".".join(names[: end + 1])) for end in range(len(names)))
    return all_marks(app.view_functions.get(endpoint), blueprints)


def is_unclassified(row: dict[str, Any]) -> bool:
    """Whether nobody has said what a view of the host opens."""
    is_open = row["default"] in {"gate", "static", "exempt"}
    return not (is_open or row["resources"] or row["demands"])


def _row(app: Flask, state: GateState, rule: Rule) -> dict[str, Any]:
    marks = marks_at(app, rule.endpoint)
    return {
        "endpoint": rule.endpoint,
        "rule": rule.rule,
        "methods": sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}),
        "resources": list(marks.resources),
        "demands": [_demand_text(demand) for demand in marks.demands],
        "policies": _policies(state, marks),
        "default": _default(state, rule, marks),
    }


def _policies(state: GateState, marks: Marks) -> list[str]:
    """Names of the policies that are on and can touch it."""
    opened = {APP, *marks.resources}
    return sorted(
        policy.name
        for policy in state.policies.current().policies
        if policy.state is PolicyState.ON and opened & set(policy.resources or (APP,))
    )


def _default(state: GateState, rule: Rule, marks: Marks) -> str:
    if is_own(rule.endpoint):
        return "gate"
    if is_static_rule(rule):
        return "static"
    if marks.is_exempt or rule.endpoint in state.settings.exempt_endpoints:
        return "exempt"
    return ", ".join(state.rules.access(name).value for name in marks.resources or (APP,))


def _demand_text(demand: Demand) -> str:
    factors = "+".join(sorted(method.value for method in demand.methods))
    age = "" if demand.max_age is None else f" within {int(demand.max_age.total_seconds())} s"
    return f"mfa({factors}{age})"
