"""What the doctor finds in an app."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from flask_mfa_gate.web.inspection import doctor
from flask_mfa_gate.web.inspection.findings import Finding
from tests.conftest import state_of

Make = Callable[..., Flask]


def found(app: Flask) -> dict[str, str]:
    with app.app_context():
        return {one.code: one.level for one in doctor.findings(app, state_of(app))}


def sentence(app: Flask, code: str) -> str:
    return finding(app, code).sentence


def finding(app: Flask, code: str) -> Finding:
    with app.app_context():
        return next(one for one in doctor.findings(app, state_of(app)) if one.code == code)
