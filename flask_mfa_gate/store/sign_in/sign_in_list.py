"""Everybody's sign-ins as lists show them: newest first, filtered, from an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select

from ...domain.authorization.decision import reason_of_policy
from ...domain.people.user_list import Position
from ...domain.sign_in.sign_in_outcome import SignInOutcome, asks_of
from ..database.keyset import behind
from ..every_table.unreadable import FAULTS, read_well
from ..tables.tables import Tables
from .sign_ins import SignInRecord, read_record


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFilter:
    """Sign-ins for which everything that is given holds.

    :param policy: the name, at that time, of the policy that decided.
    :param reference: of a refusal.
    :param until: the first moment that is too late.
    """

    user_key: str | None = None
    outcome: SignInOutcome | None = None
    policy: str | None = None
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignInSlice:
    """The next sign-ins of a list.

    :param count: how many there are, with those that can't be read.
    :param unreadable: of rows that somebody edited so that nothing can read them.
    """

    records: Sequence[SignInRecord]
    count: int
    unreadable: tuple[str, ...]


class SignInList:
    """Reads rows of the sign-in table."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.sign_in

    def page(
        self, tx: Connection, wanted: SignInFilter, *, before: Position | None, limit: int
    ) -> SignInSlice:  # fmt: skip
        """The next sign-ins behind a place, newest first."""
        row = self._table.c
        columns = (row.at, row.lineage)
        chosen = select(self._table).where(*self._tests(wanted))
        if before is not None:
            chosen = chosen.where(behind(tx, columns, before, is_descending=True))
        newest = [column.desc() for column in columns]
        chosen = chosen.order_by(*newest).limit(limit)
        try:
            records = [read_record(one) for one in tx.execute(chosen)]
            return SignInSlice(records, len(records), ())
        except FAULTS:
            keys = tx.execute(chosen.with_only_columns(row.lineage)).scalars().all()

        def each(lineages: Sequence[str]) -> list[SignInRecord]:
            mine = select(self._table).where(row.lineage.in_(lineages)).order_by(*newest)
            return [read_record(one) for one in tx.execute(mine)]

        records, bad = read_well(each, keys)
        return SignInSlice(records, len(keys), tuple(bad))

    def _tests(self, wanted: SignInFilter) -> Iterator[ColumnElement[bool]]:
        row = self._table.c
        if wanted.user_key is not None:
            yield row.user_key == wanted.user_key
        if wanted.policy is not None:
            yield row.reason_id == reason_of_policy(wanted.policy)
        if wanted.reference is not None:
            yield row.reference == wanted.reference
        if wanted.since is not None:
            yield row.at >= wanted.since
        if wanted.until is not None:
            yield row.at < wanted.until
        if wanted.outcome is SignInOutcome.VERIFIED:
            yield row.proved_at.is_not(None)
        elif wanted.outcome is not None:
            yield row.verdict.in_(sorted(asks_of(wanted.outcome)))
            yield row.proved_at.is_(None)
