"""One server a session, with an authority that this machine trusts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trustme

from tests.conftest import require_or_skip
from tests.outbound.kit import trusted
from tests.siem.rsyslog import SIZE, Rsyslog, is_installed, rsyslog


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Rsyslog]:
    require_or_skip("rsyslog with TLS", is_installed())
    with rsyslog(tmp_path_factory.mktemp("rsyslog"), authority) as server:
        yield server


@pytest.fixture
def siem(running: Rsyslog, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rsyslog]:
    """With nothing written yet."""
    running.forget()
    with trusted(authority, monkeypatch):
        yield running


@pytest.fixture
def careless(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Rsyslog]:
    """One whose operator left out how long messages may be."""
    require_or_skip("rsyslog with TLS", is_installed())
    with rsyslog(tmp_path_factory.mktemp("careless"), authority, without=SIZE) as server:
        yield server
