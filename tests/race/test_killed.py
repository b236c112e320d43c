"""``kill -9`` at any moment of a run: the next one does the rest, and nobody is half done."""

from __future__ import annotations

import random
import time
from datetime import datetime
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.domain.people.user_filter import UserFilter
from flask_mfa_gate.mail.delivery import CLAIM
from tests.conftest import IS_SOAK, StillClock, state_of
from tests.mail.kit import smtp_server
from tests.race import due
from tests.race.processes import Job

pytestmark = [pytest.mark.soak] if IS_SOAK else []
KILLS = 50 if IS_SOAK else 2
DUE_PEOPLE = 300 if IS_SOAK else 60
BULK_PEOPLE = 2500 if IS_SOAK else 1000
EVERYBODY = UserFilter(text=due.STRANGERS)
# What a server needs to notice that the process is gone, and to undo what it had begun.
PAUSE_SECONDS = 0.3


def moments(usual: float) -> list[float]:
    """When the processes die: spread over the time that a whole run takes."""
    part = usual / KILLS
    return [part * (number + random.random()) for number in range(KILLS)]


def test_a_killed_cron_job(app: Flask, clock: StillClock, portal_uri: str, in_a_process_that_dies: Any) -> None:
    with smtp_server() as (inbox, port):
        with app.app_context():
            due.run_due(app)

        def job() -> Job:
            return Job(portal_uri, clock(), due.run_due, mail_port=port)

        def people() -> list[str]:
            inbox.mails.clear()
            keys = due.add_people(app, DUE_PEOPLE)
            due.add_periods(app, keys)
            return keys

        people()
        _, usual = in_a_process_that_dies(job())
        for life in moments(usual):
            keys = people()
            code, _ = in_a_process_that_dies(job(), life=life)
            time.sleep(PAUSE_SECONDS)
            # A message that was claimed by the dead is free again when the claim is over.
            clock.forward(seconds=CLAIM.total_seconds())
            in_a_process_that_dies(job())
            assert due.words(app, keys) == due.expected_words(keys)
            assert due.unsent(app) == due.still_due(app) == 0
            assert set(due.recipients(inbox.mails)) == {f"{key}@example.org" for key in keys}
            copies = sorted(due.message_ids(inbox.mails).values())
            # Killed between handing a message over and noting it, the sender repeats that one, under its own id.
            assert copies[:-1] == [1] * (DUE_PEOPLE - 1), code
            assert copies[-1] <= (2 if code else 1)


def require(app: Flask) -> None:
    state_of(app).people.enrollments.require(EVERYBODY, days=7, actor="cli")


def reset(app: Flask) -> None:
    state_of(app).people.enrollments.reset(EVERYBODY, days=9, actor="cli")


def agreed(app: Flask, keys: list[str], *, event: str, mail: str, began: datetime) -> list[int]:
    """How often each user was acted upon; state, record and mail have to say the same."""
    starts, times = due.starts(app), []
    for key, (events, mails) in due.words(app, keys).items():
        assert set(events) <= {event}
        assert mails == [mail] * len(events)
        assert (starts.get(key) is not None and starts[key] >= began) == bool(events), key
        times.append(len(events))
    return times


@pytest.mark.parametrize("name", ["require", "reset"])
def test_a_killed_bulk_action(
    app: Flask, clock: StillClock, portal_uri: str, in_a_process_that_dies: Any, name: str
) -> None:
    function, event, mail = {
        "require": (require, "enrollment_started", "start"), "reset": (reset, "mfa_reset", "reset"),
    }[name]  # fmt: skip

    def job() -> Job:
        return Job(portal_uri, clock(), function)

    def people() -> list[str]:
        clock.forward(minutes=1)
        keys = due.add_people(app, BULK_PEOPLE)
        if name == "reset":
            due.add_periods(app, keys)
        return keys

    people()
    _, usual = in_a_process_that_dies(job())
    for life in moments(usual):
        keys = people()
        began = clock().replace(microsecond=0)
        in_a_process_that_dies(job(), life=life)
        time.sleep(PAUSE_SECONDS)
        first = agreed(app, keys, event=event, mail=mail, began=began)
        in_a_process_that_dies(job())
        second = agreed(app, keys, event=event, mail=mail, began=began)
        assert second == ([1] * len(keys) if name == "require" else [times + 1 for times in first])
