"""A store on SQLite without any app around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from flask_mfa_gate.crypto import Keyring
from flask_mfa_gate.factors.parts import FactorParts
from flask_mfa_gate.settings import Settings
from flask_mfa_gate.store import Store, build_store
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location
from flask_mfa_gate.store.schema import upgrade


@pytest.fixture
def keyring() -> Keyring:
    return Keyring.from_keys([b"\x01" * 32])


def parts_of(store: Store, keyring: Keyring, settings: Settings | None = None) -> FactorParts:
    """What a kind is built from."""
    return FactorParts(store, keyring, settings or Settings(), "Portal")


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """In a file, and in memory."""
    is_file = request.param == "file"
    place = Location(make_url(f"sqlite:///{tmp_path}/gate.sqlite3" if is_file else "sqlite://"), memory=not is_file)
    database = Database(make_engine(place))
    upgrade(database, prefix="mfa_gate_")
    yield build_store(database, prefix="mfa_gate_", keyring=Keyring.from_keys([bytes(32)]))
    database.dispose()
