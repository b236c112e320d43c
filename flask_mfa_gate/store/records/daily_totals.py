"""Totals of each day, so that a chart of a year reads a few hundred rows and not millions of sign-ins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime

from sqlalchemy import Connection, delete, distinct, func, or_, select

from ...domain.records.daily_totals import EVERYBODY, Adoption, AdoptionDay, SignInDay, bounds_of
from ...domain.sign_in.assurance import FactorKind
from ...domain.sign_in.sign_in_outcome import SignInOutcome, outcome_of
from ..database.upsert import upsert
from ..tables.tables import Tables

_WORDS = frozenset(SignInOutcome)


class DailyTotals:
    """Counts a day, and keeps what was counted.

    Groups and people are those of today: what they were at the end of an earlier day is not kept anywhere.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._adoption, self._sign_ins = tables.adoption_day, tables.sign_in_day

    def first_record(self, tx: Connection) -> datetime | None:
        """The time of the oldest sign-in or enrollment that is kept."""
        oldest = (
            tx.execute(select(func.min(self._tables.sign_in.c.at))).scalar_one(),
            tx.execute(select(func.min(self._tables.factor.c.confirmed_at))).scalar_one(),
        )
        return min((at for at in oldest if at is not None), default=None)

    def count_adoption(
        self, tx: Connection, *, at: datetime, kinds: Collection[FactorKind]
    ) -> Mapping[str, Adoption]:  # fmt: skip
        """People and enrolled at this moment, by group and of ``EVERYBODY``.

        :param kinds: of factors that make somebody enrolled.
        """
        person, member, factor = self._tables.person.c, self._tables.person_group.c, self._tables.factor.c
        held = (
            factor.kind.in_(list(kinds)), factor.confirmed_at < at,
            or_(factor.voided_at.is_(None), factor.voided_at >= at),
        )  # fmt: skip
        holders = func.count(distinct(factor.user_key))
        groups = tx.execute(select(member.name, func.count()).group_by(member.name)).all()
        by_group = select(member.name, holders).where(member.user_key == factor.user_key, *held)
        enrolled = {name: count for name, count in tx.execute(by_group.group_by(member.name))}  # noqa: C416
        everybody = tx.execute(select(func.count()).select_from(self._tables.person)).scalar_one()
        all_enrolled = tx.execute(select(holders).where(person.user_key == factor.user_key, *held)).scalar_one()
        counted = {name: Adoption(count, enrolled.get(name, 0)) for name, count in groups}
        return {**counted, EVERYBODY: Adoption(everybody, all_enrolled)}

    def count_sign_ins(self, tx: Connection, day: date) -> Mapping[SignInOutcome, int]:
        """Sign-ins of a day by their outcome."""
        row, (start, end) = self._tables.sign_in.c, bounds_of(day)
        is_proved = row.proved_at.is_not(None).label("is_proved")
        found = select(row.verdict, is_proved, func.count()).where(row.at >= start, row.at < end)
        counts: dict[SignInOutcome, int] = {}
        for verdict, proved, count in tx.execute(found.group_by(row.verdict, is_proved)):
            outcome = outcome_of(verdict, is_proved=bool(proved))
            counts[outcome] = counts.get(outcome, 0) + count
        return counts

    def put(
        self, tx: Connection, day: date, adoption: Mapping[str, Adoption], sign_ins: Mapping[SignInOutcome, int]
    ) -> None:  # fmt: skip
        """Keep what was counted of a day, in place of what was counted of it before."""
        word = day.isoformat()
        people = [
            {"day": word, "group_name": name, "people": one.people, "enrolled": one.enrolled}
            for name, one in adoption.items()
        ]
        counts = [{"day": word, "outcome": outcome.value, "count": count} for outcome, count in sign_ins.items()]
        upsert(tx, self._adoption, people, update=("people", "enrolled"))
        if counts:
            upsert(tx, self._sign_ins, counts, update=("count",))

    def adoption(self, tx: Connection, group: str, *, since: date) -> list[AdoptionDay]:
        """Of a group, or of ``EVERYBODY``, the oldest day first."""
        row = self._adoption.c
        mine = select(row.day, row.people, row.enrolled).where(row.group_name == group, row.day >= since.isoformat())
        return [
            AdoptionDay(date.fromisoformat(day), Adoption(people, enrolled))
            for day, people, enrolled in tx.execute(mine.order_by(row.day))
        ]

    def largest_groups(self, tx: Connection, *, limit: int) -> list[str]:
        """Groups of the last day that was counted, the largest first."""
        row = self._adoption.c
        last = select(func.max(row.day)).where(row.group_name == EVERYBODY).scalar_subquery()
        mine = select(row.group_name).where(row.day == last, row.group_name != EVERYBODY)
        return list(tx.execute(mine.order_by(row.people.desc(), row.group_name).limit(limit)).scalars())

    def sign_ins(self, tx: Connection, *, since: date) -> list[SignInDay]:
        """The oldest day first; a day without sign-ins is missing."""
        row = self._sign_ins.c
        days: dict[date, dict[SignInOutcome, int]] = {}
        mine = select(row.day, row.outcome, row.count).where(row.day >= since.isoformat(), row.outcome.in_(_WORDS))
        for day, outcome, count in tx.execute(mine.order_by(row.day)):
            days.setdefault(date.fromisoformat(day), {})[SignInOutcome(outcome)] = count
        return [SignInDay(day, counts) for day, counts in days.items()]

    def sweep(self, tx: Connection, *, before: date) -> int:
        """Delete the totals of days before this one."""
        tables = (self._adoption, self._sign_ins)
        return sum(tx.execute(delete(table).where(table.c.day < before.isoformat())).rowcount for table in tables)
