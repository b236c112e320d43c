"""Everybody's sign-ins as lists show them: newest first, filtered, from an index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select

from ...domain.authorization.decision import reason_of_policy
from ...domain.people.user_list import Position
from ...domain.sign_in.sign_in_outcome import SignInOutcome, asks_of
from ..database.keyset import behind
from ..tables.tables import Tables
from .sign_ins import SignInRecord, read_record


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFilter:
    """Sign-ins for which everything that is given holds.

    :param policy: the name, at that time, of the policy that decided.
    :param until: the first moment that is too late.
    """

    user_key: str | None = None
    outcome: SignInOutcome | None = None
    policy: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class SignInList:
    """Reads rows of the sign-in table."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.sign_in

    def page(
        self, tx: Connection, wanted: SignInFilter, *, before: Position | None, limit: int
    ) -> list[SignInRecord]:  # fmt: skip
        """The next sign-ins behind a place, newest first."""
        row = self._table.c
        columns = (row.at, row.lineage)
        chosen = select(self._table).where(*self._tests(wanted))
        if before is not None:
            chosen = chosen.where(behind(tx, columns, before, is_descending=True))
        found = tx.execute(chosen.order_by(*(column.desc() for column in columns)).limit(limit))
        return [read_record(one) for one in found]

    def _tests(self, wanted: SignInFilter) -> Iterator[ColumnElement[bool]]:
        row = self._table.c
        if wanted.user_key is not None:
            yield row.user_key == wanted.user_key
        if wanted.policy is not None:
            yield row.reason_id == reason_of_policy(wanted.policy)
        if wanted.since is not None:
            yield row.at >= wanted.since
        if wanted.until is not None:
            yield row.at < wanted.until
        if wanted.outcome is SignInOutcome.VERIFIED:
            yield row.proved_at.is_not(None)
        elif wanted.outcome is not None:
            yield row.verdict.in_(sorted(asks_of(wanted.outcome)))
            yield row.proved_at.is_(None)
