"""The portal as a provider."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.domain.oidc.client import SigningAlgorithm
from flask_mfa_gate.services.oidc import signing_keys
from tests.web.oidc.kit import OIDC, RelyingParty, SecureBrowser

GENERATE = signing_keys._generate


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


@pytest.fixture(autouse=True)
def few_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making an RSA key takes as long as a dozen requests: each test of a process gets the same ones, in order."""
    made: list[SigningAlgorithm] = []

    def generate(algorithm: SigningAlgorithm) -> Any:
        made.append(algorithm)
        return key_number(algorithm, made.count(algorithm))

    monkeypatch.setattr(signing_keys, "_generate", generate)


@cache
def key_number(algorithm: SigningAlgorithm, number: int) -> Any:
    return GENERATE(algorithm)
