"""Portals that tell others of events, and what waits in them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select

from flask_mfa_gate.domain.people.roles import Actor
from tests.conftest import key_of, state_of
from tests.outbound.kit import HttpReceiver

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "whsec_" + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
HERE = ["127.0.0.0/8", "::1"]
LONG = timedelta(seconds=60)


def hook(url: str, **words: Any) -> dict[str, Any]:
    return {"url": f"{url}/hook", "secrets": [SECRET], "name": "hook", **words}


def act(app: Flask, *names: str, **options: Any) -> None:
    """Something happens to each of these users."""
    with app.app_context():
        for name in names:
            state_of(app).people.enrollments.require(key_of(app, name), actor=Actor.CLI, **options)


def send(app: Flask) -> tuple[int, int]:
    with app.app_context():
        return state_of(app).operations.event_delivery.run()


def rows(app: Flask) -> list[Any]:
    table = state_of(app).store.tables.outgoing_event
    with state_of(app).store.database.read() as tx:
        return list(tx.execute(select(table).order_by(table.c.number)).all())


def states(app: Flask) -> list[str]:
    return [row.state for row in rows(app)]


def bodies(receiver: HttpReceiver) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in receiver.received]


def ids(receiver: HttpReceiver) -> list[str]:
    return [one.headers["webhook-id"] for one in receiver.received]
