"""Several senders at once: every event leaves once, whoever sends it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from flask import Flask

from tests.conftest import IS_SOAK, StillClock, at_once, state_of
from tests.events.kit import HERE, hook, ids, rows
from tests.outbound.kit import HttpReceiver

pytestmark = [pytest.mark.soak] if IS_SOAK else []
SENDERS, EVENTS, ROUNDS = 4, 12, 50 if IS_SOAK else 1


def test_each_event_once(make_app: Any, receiver: HttpReceiver, clock: StillClock) -> None:
    config = {"MFA_GATE_WEBHOOKS": [hook(receiver.url)], "MFA_GATE_OUTBOUND_NETWORKS": HERE}
    senders: list[Flask] = [make_app(**config) for _ in range(SENDERS)]
    for number in range(ROUNDS):
        receiver.received.clear()
        with senders[0].app_context():
            keys = [f"{number}-{place}" for place in range(EVENTS)]
            state_of(senders[0]).people.enrollments.require(keys, actor="cli", notify=False)
        waiting = {row.id for row in rows(senders[0]) if row.state == "waiting"}
        done = at_once([lambda app=app: state_of(app).operations.event_delivery.run() for app in senders])
        assert sum(sent for sent, _ in done) == len(waiting)
        assert Counter(ids(receiver)) == Counter(waiting)
        clock.forward(minutes=1)
