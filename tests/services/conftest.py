"""Small hosts on the database of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask_login import LoginManager
from sqlalchemy import delete

from flask_mfa_gate import MFAGate
from tests.conftest import StillClock, state_of


@pytest.fixture
def make_host(make_app: Callable[..., Flask], clock: StillClock) -> Iterator[Callable[..., Flask]]:
    """Apps of another make than the portal, on empty tables of the gate; ``options`` are those of ``init_app``."""
    store = state_of(make_app()).store
    with store.database.write() as tx:
        for table in store.tables.metadata.sorted_tables:
            tx.execute(delete(table))
    made: list[Flask] = []

    def make(config: dict[str, Any] | None = None, *, loader: Any = lambda _key: None, **options: Any) -> Flask:
        app = Flask("host")
        app.config.update(
            SECRET_KEY="host", TESTING=True, MFA_GATE_CLOCK=clock, MFA_GATE_ADMIN_ENROLLMENT="sign-in",
            MFA_GATE_DATABASE_URI=store.database.engine.url.render_as_string(hide_password=False), **(config or {}),
        )  # fmt: skip
        if "db" in options:
            options["db"].init_app(app)
        LoginManager(app).user_loader(loader)
        MFAGate().init_app(app, **options)
        made.append(app)
        return app

    yield make
    for app in made:
        state_of(app).store.database.dispose()
