"""The gate's own SQLite file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from flask_mfa_gate.store.database.sqlite_file import make_file


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    make_file(tmp_path / "new" / "gate.sqlite3")
    assert (tmp_path / "new" / "gate.sqlite3").stat().st_mode & 0o777 == 0o600


def test_one_that_is_there_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing it again would drop the locks of this process's connections; see also the killed jobs in ``race``."""
    (path := tmp_path / "gate.sqlite3").touch()

    def refuse(*_: Any) -> int:
        pytest.fail("the file was opened")

    monkeypatch.setattr(os, "open", refuse)
    make_file(path)
    assert path.stat().st_size == 0
