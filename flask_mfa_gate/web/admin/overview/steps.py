"""What to do next, in words: at most three sentences, each with one button."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from urllib.parse import urlencode

from ....domain.people.user_filter import UserFilter
from ....domain.people.user_list import UserNumbers, UserQuery, UserSort
from ...translation import gettext, ngettext
from ..console import Console, console_url
from ..users.verbs import verbs_for
from ..words import locks_out
from .numbers import QUERIES

MOST = 3
_WITHOUT = {"required": "no", "mfa": "no"}


@dataclass(frozen=True, slots=True)
class NextStep:
    """Something that is due.

    :param at: the moment that ``detail`` speaks of.
    :param button: what the button says; it leads to the confirmation of ``action``, or to ``url`` without one.
    :param query: the filter of those whom it is about.
    """

    text: str
    detail: str
    at: datetime | None
    button: str
    action: str
    query: str
    url: str
    tone: str


@dataclass(frozen=True, slots=True)
class _Advice:
    """What is advised where a number is not zero.

    :param within: days within which the first deadline is told.
    """

    query: Mapping[str, str]
    action: str
    sentence: Callable[[int], str]
    detail: str
    button: str
    tone: str
    within: int | None = None


def next_steps(console: Console, numbers: UserNumbers) -> list[NextStep]:
    """The most urgent first. Roles that may not do it are led to the list."""
    return list(islice(_steps(console, numbers), MOST))


def _steps(console: Console, numbers: UserNumbers) -> Iterator[NextStep]:
    may = {word for word, _label in verbs_for(console)}
    for name, advice in _urgent().items():
        count: int = getattr(numbers, name)
        if name == "lapsing_7d" and count == numbers.lapsing_24h:
            continue
        if count:
            yield _step(console, advice, count, may)
    if not numbers.break_glass:
        yield NextStep(
            gettext("No break-glass account is named."),
            gettext("Name one in MFA_GATE_BREAK_GLASS, so that a mistaken policy can't lock everyone out."), None,
            gettext("Open settings"), "", "", console_url("settings"), "info",
        )  # fmt: skip
    left = console.state.people.user_list.count(UserFilter(required=False, holds_any=False))
    if left:
        yield _step(console, _rest(), left, may)


def _step(console: Console, advice: _Advice, count: int, may: set[str]) -> NextStep:
    can = advice.action in may
    return NextStep(
        advice.sentence(count), advice.detail, None if advice.within is None else _first_end(console, advice.within),
        advice.button if can else gettext("See who"), advice.action if can else "", urlencode(advice.query),
        console_url("users", **advice.query), advice.tone,
    )  # fmt: skip


def _first_end(console: Console, days: int) -> datetime | None:
    query = UserQuery(users=UserFilter(ends_within=timedelta(days=days)), sort=UserSort.DEADLINE, per_page=20)
    first = console.state.people.user_list.page(query).items[:1]
    return first[0].ends_at if first else None


def _urgent() -> Mapping[str, _Advice]:
    """By number, the most urgent first."""
    deadline = gettext("The first deadline:")
    return {
        "lapsing_24h": _Advice(
            QUERIES["lapsing_24h"], "remind",
            lambda n: ngettext("%(num)s user lapses within a day.", "%(num)s users lapse within a day.", n),
            deadline, gettext("Remind them"), "warn", 1,
        ),
        "lapsed": _Advice(
            QUERIES["lapsed"], "extend",
            _lapsed,
            gettext("Their time to set up MFA has ended."), gettext("Extend the deadline"), "bad",
        ),
        "admins_without_mfa": _Advice(
            QUERIES["admins_without_mfa"], "require",
            lambda n: ngettext("%(num)s administrator has no MFA.", "%(num)s administrators have no MFA.", n),
            gettext("Only a password protects their account."), gettext("Require MFA"), "bad",
        ),
        "lapsing_7d": _Advice(
            QUERIES["lapsing_7d"], "remind",
            lambda n: ngettext("%(num)s user lapses within a week.", "%(num)s users lapse within a week.", n),
            deadline, gettext("Remind them"), "info", 7,
        ),
    }  # fmt: skip


def _lapsed(number: int) -> str:
    if locks_out():
        return ngettext("%(num)s user is locked out.", "%(num)s users are locked out.", number)
    return ngettext("%(num)s user has lapsed.", "%(num)s users have lapsed.", number)


def _rest() -> _Advice:
    return _Advice(
        _WITHOUT, "require",
        lambda n: ngettext(
            "%(num)s user isn't required to use MFA.", "%(num)s users aren't required to use MFA.", n
        ),
        gettext("They have no factor yet."), gettext("Require MFA"), "info",
    )  # fmt: skip
