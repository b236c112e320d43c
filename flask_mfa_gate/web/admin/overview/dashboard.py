"""The first page: how many, what to do next, and how it has been going."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, timedelta
from typing import Any

from flask import Response

from ....domain.people.user_list import UserNumbers
from ....domain.records.daily_totals import EVERYBODY
from ....services.people.daily_totals import DailyCounts
from ...responses import answers
from ...translation import gettext
from ..console import Console, ConsoleRoute
from ..listing import ListState, are_one_of
from ..representation import Format, csv_file, format_wanted
from .chart_data import ChartData, adoption_data, sign_in_data
from .numbers import TABLE, number_cards, number_rows
from .steps import NextStep, next_steps

FILTERS = ("group", "days")
PERIODS = ("30", "90", "365")


@dataclass(frozen=True, slots=True)
class ChartCard:
    """A chart, and what it was drawn from."""

    data: ChartData
    svg: str


def dashboard(console: Console) -> Response:
    """The numbers as a page, as JSON with the days behind the charts, or as CSV."""
    state = ListState("dashboard", FILTERS)
    kind = format_wanted(console, Format.HTML, Format.JSON, Format.CSV)
    days, group = _days(state), state.text("group")
    numbers = console.state.people.user_list.numbers()
    if kind is Format.CSV:
        return csv_file(TABLE, number_rows(numbers))
    since = console.now.astimezone(UTC).date() - timedelta(days=days)
    counts = console.state.people.daily_totals.read(since=since, group=group)
    steps = next_steps(console, numbers)
    if kind is Format.JSON:
        return answers.json_answer(_as_json(numbers, steps, counts))
    return console.page(
        "dashboard.html", cards=list(number_cards(numbers)), steps=steps, charts=_charts(counts), state=state,
        group=group or "", groups=_groups(counts, group), days=str(days), periods=_periods(),
    )  # fmt: skip


def _days(state: ListState) -> int:
    word = state.text("days") or "90"
    are_one_of([word], PERIODS, "days")
    return int(word)


def _periods() -> list[tuple[str, str]]:
    return [("30", gettext("30 days")), ("90", gettext("90 days")), ("365", gettext("A year"))]


def _groups(counts: DailyCounts, group: str | None) -> list[tuple[str, str]]:
    names = {*counts.groups, *([group] if group else [])}
    return [("", gettext("Largest groups")), *((name, name) for name in sorted(names))]


def _charts(counts: DailyCounts) -> Sequence[ChartCard]:
    """None before the first day is over."""
    from .charts import column_chart, line_chart  # noqa: PLC0415 - only this page draws

    drawn = ((adoption_data(counts), line_chart), (sign_in_data(counts), column_chart))
    return [ChartCard(data, draw(data)) for data, draw in drawn if data is not None]


def _as_json(numbers: UserNumbers, steps: Sequence[NextStep], counts: DailyCounts) -> Mapping[str, Any]:
    return {
        **asdict(numbers),
        "next_steps": [{"text": one.text, "action": one.action or None, "url": one.url} for one in steps],
        "adoption": [
            {
                "day": one.day.isoformat(), "group": name if name != EVERYBODY else None,
                "people": one.adoption.people, "enrolled": one.adoption.enrolled,
            }
            for name, days in counts.adoption.items() for one in days
        ],
        "sign_ins": [
            {"day": one.day.isoformat(), **{word.value: number for word, number in one.counts.items()}}
            for one in counts.sign_ins
        ],
    }  # fmt: skip


ROUTES = (ConsoleRoute(rule="/", name="dashboard", view=dashboard),)
