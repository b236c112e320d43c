"""Schedules as people say them."""

from __future__ import annotations

from typing import Any

import pytest

from flask_mfa_gate.domain.policy.condition_tree import Condition
from flask_mfa_gate.domain.policy.conditions.schedule_text import schedule_text
from flask_mfa_gate.domain.policy.evaluation.trace import condition_trace
from flask_mfa_gate.domain.policy.facts import MatchResult

BERLIN = {"zone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"days": ("mon-fri",), "hours": "08:00-18:00"}, "Mon to Fri, 08:00 to 18:00 Europe/Berlin"),
        ({"days": ("sat", "sun")}, "Sat or Sun, Europe/Berlin"),
        ({"days": ("mon", "wed-thu", "fri-fri")}, "Mon, Wed to Thu or Fri, Europe/Berlin"),
        ({"hours": "22:00-06:00"}, "22:00 to 06:00 Europe/Berlin"),
        ({}, "any time, Europe/Berlin"),
        (
            {"hours": "22:00-06:00", "holidays": ("2026-12-25", "2027-01-01")},
            "22:00 to 06:00 Europe/Berlin, except on 2026-12-25 or 2027-01-01",
        ),
        ({"days": ["sun"], "holidays": ("2026-12-25",)}, "Sun, Europe/Berlin, except on 2026-12-25"),
    ],
)
def test_it_is_said_in_words(table: dict[str, Any], text: str) -> None:
    assert schedule_text({**table, **BERLIN}) == text


def test_the_trace_of_the_command_line_says_it_so() -> None:
    wanted = Condition("schedule", {"days": ("mon-fri",), "hours": "08:00-18:00", **BERLIN})
    trace = condition_trace(wanted, MatchResult.MISS, "Sat 2026-03-07 08:00 Europe/Berlin")
    said = "Sat 2026-03-07 08:00 Europe/Berlin does not match Mon to Fri, 08:00 to 18:00 Europe/Berlin."
    assert trace.reason == said
