"""What the charts show: adoption by group, and sign-ins by outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ....domain.records.daily_totals import EVERYBODY, AdoptionDay, days_between
from ....domain.sign_in.sign_in_outcome import SignInOutcome
from ....services.people.daily_totals import DailyCounts
from ...translation import gettext
from ..words import outcome_word

_NOTHING = "\N{EN DASH}"
_TONES: Mapping[SignInOutcome, str] = {
    SignInOutcome.VERIFIED: "good",
    SignInOutcome.PASSED: "rest",
    SignInOutcome.PROMPTED: "info",
    SignInOutcome.UNFINISHED: "warn",
    SignInOutcome.DENIED: "bad",
    SignInOutcome.LOCKED: "locked",
}


@dataclass(frozen=True, slots=True)
class Strand:
    """One line, or one layer of the columns.

    :param tone: the end of the class that gives its colour.
    :param values: one a day; None where nothing is known.
    """

    label: str
    tone: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartData:
    """What is drawn, and what stands in the table beside it.

    :param name: of the chart in the page, unique there.
    :param description: what it shows, in a sentence.
    :param written: a value as text.
    """

    name: str
    title: str
    description: str
    days: Sequence[date]
    strands: Sequence[Strand]
    written: Callable[[float | None], str]

    @property
    def rows(self) -> list[tuple[date, list[str]]]:
        """The cells of each day, the newest first."""
        return [
            (day, [self.written(strand.values[place]) for strand in self.strands])
            for place, day in reversed(list(enumerate(self.days)))
        ]


def adoption_data(counts: DailyCounts) -> ChartData | None:
    """Enrolled in percent, of everybody and of groups; None before the first day is over."""
    days = [one.day for one in counts.adoption[EVERYBODY]]
    if not days:
        return None
    strands = [
        Strand(gettext("Everyone") if name == EVERYBODY else name, f"line{place}", _percentages(found, days))
        for place, (name, found) in enumerate(counts.adoption.items())
    ]
    last = strands[0].values[-1]
    return ChartData(
        name="adoption", title=gettext("Adoption"), days=days, strands=strands,
        description=gettext("Share of users who are enrolled, by day. Last: %(share)s.", share=_percent(last)),
        written=_percent,
    )  # fmt: skip


def sign_in_data(counts: DailyCounts) -> ChartData | None:
    """Sign-ins of each day by outcome; None before the first day is over."""
    counted = {one.day: one.counts for one in counts.sign_ins}
    over = [one.day for one in counts.adoption[EVERYBODY]] or list(counted)
    if not over:
        return None
    days = list(days_between(over[0], over[-1]))
    strands = [
        Strand(outcome_word(word).text, _TONES[word], [counted.get(day, {}).get(word, 0) for day in days])
        for word in SignInOutcome
    ]
    total = sum(sum(one.values()) for one in counted.values())
    return ChartData(
        name="sign-ins", title=gettext("Sign-ins"), days=days, strands=strands, written=_number,
        description=gettext("Sign-ins of each day by outcome; %(num)s in all.", num=f"{total:,}"),
    )  # fmt: skip


def _percentages(found: Sequence[AdoptionDay], days: Sequence[date]) -> list[float | None]:
    by_day = {one.day: 100 * one.adoption.enrolled / one.adoption.people for one in found if one.adoption.people}
    return [by_day.get(day) for day in days]


def _percent(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.0f}%"


def _number(value: float | None) -> str:
    return f"{value or 0:,}"
