"""A portal with a mail server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from tests.mail.kit import Inbox, settle, smtp_server


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    with smtp_server() as server:
        yield server


@pytest.fixture
def portal(make_app: Any, inbox: tuple[Inbox, int]) -> Flask:
    app: Flask = make_app(MAIL_SUPPRESS_SEND=False, MAIL_SERVER="127.0.0.1", MAIL_PORT=inbox[1])
    settle(app)
    return app
