"""Files of expected decisions (``*.mfa-scenarios.toml``) as tests."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from ..errors import PolicyError
from ..services.policies.scenarios import Outcome, Scenario, read_scenarios, run_scenarios
from ..web.state import current_state
from ..web.view_marks.protection import marked_views

ENDING = ".mfa-scenarios.toml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the app comes from."""
    parser.addini("mfa_gate_app", "The app whose policies are tested, as module:app or module:factory.", default="")


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    """Every file of scenarios is a collection of tests."""
    return ScenarioFile.from_parent(parent, path=file_path) if file_path.name.endswith(ENDING) else None


class ScenarioFile(pytest.File):
    """A file of expected decisions."""

    def collect(self) -> Iterator[pytest.Item]:
        """One test a scenario."""
        try:
            scenarios = read_scenarios(self.path.read_text(encoding="utf-8"))
        except (PolicyError, UnicodeDecodeError) as fault:
            raise self.CollectError(f"{self.path.name}: {fault}") from None
        for scenario in scenarios:
            yield ScenarioTest.from_parent(self, name=scenario.name, scenario=scenario)


class ScenarioTest(pytest.Item):
    """One expected decision."""

    def __init__(self, *, scenario: Scenario, **options: Any) -> None:
        super().__init__(**options)
        self.scenario = scenario

    def runtest(self) -> None:
        """Decide it under the policies of the app."""
        outcome = run_in(load_app(self.config.getini("mfa_gate_app")), self.scenario)
        if not outcome.is_as_expected:
            raise AssertionError(f"expected {self.scenario.expect}, found {outcome.found}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        """What came of it, in one line: the way there is the plugin's own."""
        told = isinstance(excinfo.value, AssertionError | pytest.UsageError)
        return f"{self.name}: {excinfo.value}" if told else super().repr_failure(excinfo, *args)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands."""
        return self.path, 0, self.name


def run_in(app: Flask, scenario: Scenario) -> Outcome:
    """Decide one scenario under the policies of an app."""
    with app.app_context():
        found = run_scenarios(current_state().access.simulator, [scenario], views=marked_views(app))
        return next(found)


def load_app(named: str) -> Flask:
    """The app of ``module:app`` or ``module:factory``."""
    module, _, name = named.partition(":")
    if not module or not name:
        raise pytest.UsageError("mfa_gate_app has to say where the app is, as module:app or module:factory")
    found: Any = getattr(import_module(module), name, None)
    app = found() if callable(found) and not isinstance(found, Flask) else found
    if not isinstance(app, Flask):
        raise pytest.UsageError(f"mfa_gate_app says {named}, and that is no Flask app and makes none")
    return app
