"""A portal with a webhook on this machine."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.events.kit import HERE, hook
from tests.outbound.kit import HttpReceiver


@pytest.fixture
def portal(make_app: Any, receiver: HttpReceiver) -> Flask:
    app: Flask = make_app(MFA_GATE_WEBHOOKS=[hook(receiver.url)], MFA_GATE_OUTBOUND_NETWORKS=HERE)
    return app
