"""Hosts to be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask_login import LoginManager

from flask_mfa_gate import MFAGate
from tests.conftest import StillClock, state_of
from tests.web.inspection.kit import Make


@pytest.fixture
def make(tmp_path: Path, clock: StillClock) -> Iterator[Make]:
    """A host; ``None`` takes away what a sound one has."""
    made: list[Flask] = []

    def host(options: dict[str, Any] | None = None, *, login: bool = True, **config: Any) -> Flask:
        app = Flask("host", instance_path=str(tmp_path / "instance"))
        sound = {"SECRET_KEY": "x", "MFA_GATE_CLOCK": clock, "MFA_GATE_BASE_URL": "https://example.org"}
        sound["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path}/host.sqlite3"
        app.config.update({name: value for name, value in {**sound, **config}.items() if value is not None})
        app.extensions["mail"] = SimpleNamespace(suppress=True, default_sender="gate@example.org")
        if options and "db" in options:
            options["db"].init_app(app)
        if login:
            LoginManager(app).user_loader(lambda key: None)
        app.add_url_rule("/login", "login", lambda: "login")
        MFAGate().init_app(app, **(options or {}))
        made.append(app)
        return app

    yield host
    for app in made:
        state_of(app).store.database.dispose()
