"""Every endpoint of the app with what protects it."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from ..domain.access import APP, Access
from ..domain.verdict import Demand
from .endpoints import is_own, is_static_rule
from .marks import Marks, marks_of
from .state import GateState


def route_table(app: Flask, state: GateState) -> list[dict[str, Any]]:
    """One row a rule: ``endpoint``, ``rule``, ``methods``, ``resources``, ``demands``, ``default``."""
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: (rule.endpoint, rule.rule))
    return [_row(app, state, rule) for rule in rules]


def marked_resources(app: Flask) -> set[str]:
    """Every name that a view is marked with."""
    return {name for view in app.view_functions.values() for name in marks_of(view).resources}


def _row(app: Flask, state: GateState, rule: Rule) -> dict[str, Any]:
    marks = marks_of(app.view_functions.get(rule.endpoint))
    return {
        "endpoint": rule.endpoint,
        "rule": rule.rule,
        "methods": sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}),
        "resources": list(marks.resources),
        "demands": [_demand_text(demand) for demand in marks.demands],
        "default": _default(state, rule, marks),
    }


def _default(state: GateState, rule: Rule, marks: Marks) -> str:
    if is_own(rule.endpoint):
        return "gate"
    if is_static_rule(rule):
        return "static"
    if marks.is_exempt or rule.endpoint in state.settings.exempt_endpoints:
        return "exempt"
    access = state.rules.default_access
    words = [access.get(name, Access.ALLOW).value for name in marks.resources]
    return ", ".join(words) or access.get(APP, Access.USER_SETTING).value


def _demand_text(demand: Demand) -> str:
    factors = "+".join(sorted(method.value for method in demand.methods))
    age = "" if demand.max_age is None else f" within {int(demand.max_age.total_seconds())} s"
    return f"mfa({factors}{age})"
