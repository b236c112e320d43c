"""Providers, one of each kind a session: one that a test may let lie, which is honest again before each, and real ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from joserfc.jwk import RSAKey

from tests.conftest import require_or_skip
from tests.federation.kit import Liar, liar_served
from tests.federation.upstreams import PortalWalk, certified_provider, node_folder, portal_process


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


@pytest.fixture(scope="session")
def certified() -> Iterator[str]:
    folder = node_folder()
    require_or_skip("oidc-provider from npm", folder is not None)
    assert folder is not None
    with certified_provider(folder) as issuer:
        yield issuer


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with portal_process(tmp_path_factory.mktemp("upstream")) as issuer:
        yield issuer


@pytest.fixture(scope="session")
def dave(portal: str) -> PortalWalk:
    """A browser that stays signed in there: a code counts once."""
    return PortalWalk(portal)
