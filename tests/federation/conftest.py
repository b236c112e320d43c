"""One provider a session, that is honest again before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from joserfc.jwk import RSAKey

from tests.federation.kit import Liar, liar_served


@pytest.fixture(scope="session")
def served_liar() -> Iterator[Liar]:
    with liar_served() as liar:
        yield liar


@pytest.fixture(scope="session")
def first_key(served_liar: Liar) -> RSAKey:
    return served_liar.key


@pytest.fixture
def liar(served_liar: Liar, first_key: RSAKey) -> Liar:
    fresh = Liar(key=first_key)
    for name in (
        "claims",
        "metadata",
        "answer",
        "token",
        "token_answer",
        "key",
        "other_keys",
        "asked",
        "fetched",
        "codes",
    ):
        setattr(served_liar, name, getattr(fresh, name))
    return served_liar
