"""For the tests of hosts: a pytest plugin with a clock, enrolled users and clients that passed the gate.

Ask for it in the ``conftest.py`` of the tests, which also has the usual fixture ``app``::

    pytest_plugins = ["flask_mfa_gate.testing"]

It runs files that end in ``.mfa-scenarios.toml`` too, under the policies of the app that ``mfa_gate_app`` names in
``pytest.ini`` or ``pyproject.toml``, as ``module:app`` or ``module:factory``.
"""

from __future__ import annotations

import pytest
from flask import Flask

from .clock import MovableClock
from .people import Authenticator, Tester
from .scenarios import pytest_addoption, pytest_collect_file

__all__ = ["Authenticator", "MovableClock", "Tester", "mfa", "mfa_clock", "pytest_addoption", "pytest_collect_file"]


@pytest.fixture
def mfa_clock() -> MovableClock:
    """Time for ``MFA_GATE_CLOCK``, which moves when told."""
    return MovableClock()


@pytest.fixture
def mfa(app: Flask) -> Tester:
    """Enrolled users and proved clients of the app that the fixture ``app`` gives."""
    return Tester(app)
