"""An authority that this machine trusts for the length of a test, and a server with its certificate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trustme

from tests.outbound.kit import HttpReceiver, http_receiver, trusted


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def receiver(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpReceiver]:
    with trusted(authority, monkeypatch), http_receiver(authority) as found:
        yield found
