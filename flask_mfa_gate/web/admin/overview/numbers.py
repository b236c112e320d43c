"""The numbers of the dashboard, each with the list that it counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ....domain.enrollment.enrollment import Status
from ....domain.people.roles import Role
from ....domain.people.user_list import UserNumbers
from ...translation import gettext
from ..console import console_url
from ..representation import Table
from ..words import locks_out

# The filters of the list that each number counts, as its URL has them.
QUERIES: Mapping[str, Mapping[str, str]] = {
    "users": {},
    "required": {"required": "yes"},
    "enrolled": {"status": Status.ENROLLED.value},
    "in_period": {"status": Status.IN_ENROLLMENT.value},
    "lapsed": {"status": Status.ENROLLMENT_EXPIRED.value},
    "lapsing_24h": {"ends_within": "1"},
    "lapsing_7d": {"ends_within": "7"},
    "admins_without_mfa": {"role": Role.ADMIN.value, "mfa": "no"},
    "throttled": {"throttled": "yes"},
}


@dataclass(frozen=True, slots=True)
class NumberCard:
    """One number, and where it leads.

    :param tone: ``warn`` or ``bad`` where somebody has to act on it.
    """

    name: str
    label: str
    count: int
    hint: str
    url: str
    tone: str = ""


def number_cards(numbers: UserNumbers) -> Iterator[NumberCard]:
    """Every number in the order in which an admin reads them."""
    users = max(numbers.users, 1)
    share = gettext("%(percent)s%% of users", percent=round(100 * numbers.enrolled / users))
    yield _card("users", gettext("Users"), numbers, gettext("known to the gate"))
    yield _card("enrolled", gettext("Enrolled"), numbers, share)
    yield _card(
        "required",
        gettext("MFA required"),
        numbers,
        gettext("%(percent)s%% of users", percent=round(100 * numbers.required / users)),
    )
    yield _card("in_period", gettext("In enrollment"), numbers, gettext("may still set up later"))
    yield _card("lapsing_24h", gettext("Lapse in a day"), numbers, gettext("in the next 24 hours"), "warn")
    yield _card("lapsing_7d", gettext("Lapse in a week"), numbers, gettext("in the next 7 days"))
    lapsed = gettext("locked out") if locks_out() else gettext("must set up now")
    yield _card("lapsed", gettext("Lapsed"), numbers, lapsed, "bad")
    yield _card("admins_without_mfa", gettext("Admins without MFA"), numbers, gettext("hold no factor"), "bad")
    yield _card("throttled", gettext("Throttled now"), numbers, gettext("incorrect codes"), "warn")
    yield NumberCard(
        "break_glass", gettext("Break-glass"), numbers.break_glass, gettext("accounts in the settings"),
        console_url("settings"), "" if numbers.break_glass else "warn",
    )  # fmt: skip


def _card(name: str, label: str, numbers: UserNumbers, hint: str, tone: str = "") -> NumberCard:
    count: int = getattr(numbers, name)
    return NumberCard(name, label, count, hint, console_url("users", **QUERIES[name]), tone if count else "")


@dataclass(frozen=True, slots=True)
class NumberRow:
    """One line of the file."""

    name: str
    count: int


def number_rows(numbers: UserNumbers) -> Iterator[NumberRow]:
    """Every number under the name that programs know."""
    for name in UserNumbers.__slots__:
        yield NumberRow(name, getattr(numbers, name))


def _row(row: NumberRow) -> Mapping[str, Any]:
    return {"name": row.name, "count": row.count}


TABLE = Table("dashboard", ("name", "count"), _row)
