"""Several cron jobs at once, with a real mail server: each reminder, each lapse and each mail once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from flask import Flask

from tests.conftest import IS_SOAK, StillClock
from tests.mail.kit import smtp_server
from tests.race import due
from tests.race.processes import PROCESSES, Job

pytestmark = [pytest.mark.soak] if IS_SOAK else []
ROUNDS = 200 if IS_SOAK else 2
PEOPLE = 40


def test_each_once(app: Flask, clock: StillClock, portal_uri: str, in_processes: Any) -> None:
    with smtp_server() as (inbox, port):
        with app.app_context():
            due.run_due(app)
        for _ in range(ROUNDS):
            clock.forward(minutes=1)
            inbox.mails.clear()
            keys = due.add_people(app, PEOPLE)
            due.add_periods(app, keys)
            done = in_processes([Job(portal_uri, clock(), due.run_due, mail_port=port)] * PROCESSES)
            assert [sum(part) for part in zip(*done, strict=True)] == [PEOPLE // 2, PEOPLE // 2, PEOPLE, 0]
            assert due.words(app, keys) == due.expected_words(keys)
            assert due.unsent(app) == due.still_due(app) == 0
            assert due.recipients(inbox.mails) == Counter(f"{key}@example.org" for key in keys)
            assert set(due.message_ids(inbox.mails).values()) == {1}
