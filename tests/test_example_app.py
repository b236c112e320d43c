"""The portal keeps its contract."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

import example_app
from example_app import create_app
from tests.conftest import Browser, Phone, StillClock, key_of, require_or_skip, state_of

STATES = {
    "ada": ("NOT_ENROLLED", False, None), "bob": ("IN_ENROLLMENT", True, 7), "carol": ("ENROLLMENT_EXPIRED", True, 0),
    "dave": ("ENROLLED", True, None), "erin": ("NOT_ENROLLED", False, None), "frank": ("NOT_ENROLLED", False, None),
    "grace": ("NOT_ENROLLED", False, None), "hugo": ("NOT_ENROLLED", False, None),
}  # fmt: skip


def states_of(app: Any) -> dict[str, Any]:
    with app.app_context():
        found = {name: example_app.gate.enrollments.status(key_of(app, name)) for name in STATES}
    return {name: (one.status, one.required, one.days_left) for name, one in found.items()}


def close(app: Any) -> None:
    from example_app.models import db

    state_of(app).store.database.dispose()
    with app.app_context():
        db.engine.dispose()


def test_everybody_is_in_their_state_also_after_a_restart(make_app: Any) -> None:
    assert states_of(make_app()) == STATES
    app = make_app()
    assert states_of(app) == STATES
    assert app.extensions["mfa_gate"].gate is example_app.gate
    with app.app_context():
        assert example_app.gate.doctor() == []
        assert any(row["endpoint"] == "portal.payroll" for row in example_app.gate.routes())


def test_in_memory(clock: StillClock, phone: Phone) -> None:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": "sqlite://", "MFA_GATE_CLOCK": clock})
    browser = Browser(app)
    assert browser.sign_in("dave").location == "/mfa/challenge"
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"
    close(app)


SERVERS = {"PostgreSQL": "postgresql+psycopg://root@localhost/postgres", "MariaDB": "mysql+pymysql://root@127.0.0.1/"}


@pytest.mark.parametrize("server", SERVERS)
def test_on_a_server(server: str, clock: StillClock, phone: Phone) -> None:
    admin = create_engine(SERVERS[server], isolation_level="AUTOCOMMIT")
    name = f"mfa_gate_test_{uuid.uuid4().hex[:8]}"
    try:
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError:
        admin.dispose()
        require_or_skip(server, False)
    url = admin.url.set(database=name).render_as_string(hide_password=False)
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url, "MFA_GATE_CLOCK": clock})
    assert states_of(app) == STATES
    browser = Browser(app)
    browser.sign_in("dave")
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"
    close(app)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))
    admin.dispose()


def test_an_address_may_be_a_url_object() -> None:
    from sqlalchemy import make_url

    from flask_mfa_gate.wiring import _as_text

    assert _as_text(make_url("postgresql://gate:hunter2@db/app")) == "postgresql://gate:hunter2@db/app"
    assert _as_text("sqlite://") == "sqlite://"
    assert _as_text(None) is None
