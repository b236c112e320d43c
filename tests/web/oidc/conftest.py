"""The portal as a provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.web.oidc.kit import OIDC, RelyingParty, SecureBrowser


@pytest.fixture
def make_provider(make_app: Callable[..., Flask]) -> Callable[..., Flask]:
    def make(**config: Any) -> Flask:
        return make_app(**{**OIDC, **config})

    return make


@pytest.fixture
def app(make_provider: Callable[..., Flask]) -> Flask:
    return make_provider()


@pytest.fixture
def browser(app: Flask) -> SecureBrowser:
    return SecureBrowser(app)


@pytest.fixture
def wiki(app: Flask) -> RelyingParty:
    return RelyingParty(app)
