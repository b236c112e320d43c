"""Totals of each day for the charts: counted once by ``run-due`` after the day is over, read by the dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta

from ...domain.authorization.rules import Rules
from ...domain.records.daily_totals import EVERYBODY, KEPT_DAYS, AdoptionDay, SignInDay, bounds_of, is_over, next_day
from ...domain.sign_in.assurance import FactorKind
from ...store.records.checkpoints import JobMark
from ..text_validation import kept_text
from ..unit_of_work import TransactionRunner, UnitOfWork

MARK = "daily-totals"
# So that the first run on a site with a long past keeps nothing else waiting; the next runs go on.
_DAYS_AT_ONCE = 31
_GROUPS_SHOWN = 3
_GROUPS_LISTED = 100


@dataclass(frozen=True, slots=True)
class DailyCounts:
    """What the charts show: days that are over, the oldest first.

    :param adoption: of ``EVERYBODY``, and then by group.
    :param groups: the largest groups of the last day, the largest first.
    """

    adoption: Mapping[str, Sequence[AdoptionDay]]
    groups: Sequence[str]
    sign_ins: Sequence[SignInDay]


class DailyTotalsService:
    """Counts each day once, also those on which no cron job ran."""

    def __init__(self, worker: TransactionRunner, rules: Rules) -> None:
        self._store, self._worker, self._clock = worker.store, worker, worker.clock
        self._kinds = FactorKind.of_status & rules.enabled

    def count_due(self) -> int:
        """Count the days that are over and not counted yet.

        :returns: how many they were.
        """
        with self._store.database.read() as tx:
            mark = self._store.checkpoints.get(tx, MARK)
        if mark is not None and not self._is_due(_last_day(mark)):
            return 0
        days = 0
        while days < _DAYS_AT_ONCE and self._worker.run(self._count_next):
            days += 1
        return days

    def read(self, *, since: date, group: str | None = None) -> DailyCounts:
        """The days from this one on.

        :param group: whose adoption beside everybody's; None for that of the largest groups.
        """
        totals = self._store.daily_totals
        with self._store.database.read() as tx:
            groups = totals.largest_groups(tx, limit=_GROUPS_LISTED)
            names = [EVERYBODY, *(groups[:_GROUPS_SHOWN] if group is None else [kept_text(group)])]
            return DailyCounts(
                {name: totals.adoption(tx, name, since=since) for name in names}, groups,
                totals.sign_ins(tx, since=since),
            )  # fmt: skip

    def _is_due(self, last: date | None) -> bool:
        return last is None or is_over(next_day(last, None, self._clock()), self._clock())

    def _count_next(self, work: UnitOfWork) -> bool:
        """Count one day, unless another process is ahead: the mark is held until the commit."""
        now, store = self._clock(), self._store
        last = _last_day(store.checkpoints.lock(work.tx, MARK, at=now))
        first = store.daily_totals.first_record(work.tx) if last is None else None
        day = next_day(last, first, now)
        if not is_over(day, now):
            if last is None:
                store.checkpoints.put(work.tx, MARK, at=now, value=(day - timedelta(days=1)).isoformat())
            return False
        adoption = store.daily_totals.count_adoption(work.tx, at=bounds_of(day)[1], kinds=self._kinds)
        store.daily_totals.put(work.tx, day, adoption, store.daily_totals.count_sign_ins(work.tx, day))
        store.daily_totals.sweep(work.tx, before=now.astimezone(UTC).date() - timedelta(days=KEPT_DAYS))
        store.checkpoints.put(work.tx, MARK, at=now, value=day.isoformat())
        return True


def _last_day(mark: JobMark) -> date | None:
    """The last day that was counted; None where there is none, or nothing that can be read."""
    try:
        return date.fromisoformat(mark.value)
    except ValueError:
        return None
