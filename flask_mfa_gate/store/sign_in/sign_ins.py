"""Records of sign-ins: what was known, what was decided, and what policies that are only reported would have said."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from ..database.sets import among
from ..database.upsert import upsert
from ..tables.tables import Tables

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class SignInRecord:
    """One sign-in.

    :param lineage: of the session it began.
    :param client: platform and browser, as far as they are known.
    :param facts: what policies could look at, as JSON values.
    :param report: by name of a policy that is only reported, what it would have done.
    :param policies: names of the policies that decided, as they were then; None where that was not kept.
    :param policy_version: of the policies that were in force.
    :param default_access: the default access of the app at that time.
    :param reference: of the refusal, where it was one.
    """

    lineage: str
    user_key: str
    at: datetime
    address: str | None
    client: str | None
    facts: Mapping[str, Any]
    verdict: str
    reason_id: str
    report: Mapping[str, str] = field(default_factory=dict)
    proved_at: datetime | None = None
    policies: Sequence[str] | None = None
    policy_version: int | None = None
    default_access: str | None = None
    reference: str | None = None


class SignIns:
    """Rows of the sign-in table."""

    def __init__(self, tables: Tables) -> None:
        self._table, row = tables.sign_in, tables.sign_in.c
        first = func.coalesce(row.proved_at, bindparam("now", type_=row.proved_at.type))
        self._proving = update(tables.sign_in).where(row.lineage == bindparam("of")).values(proved_at=first, slot=None)
        self._adding = insert(tables.sign_in)

    def add(self, tx: Connection, record: SignInRecord) -> None:
        """A new sign-in."""
        tx.execute(self._adding, {name: getattr(record, name) for name in record.__slots__})

    def keep(self, tx: Connection, record: SignInRecord, *, slot: str) -> None:
        """A new sign-in, in the place of the one with the same slot in which nothing was proved."""
        row = {name: getattr(record, name) for name in record.__slots__}
        upsert(tx, self._table, [{**row, "slot": slot}], update=tuple(row), key="slot")

    def note_proof(self, tx: Connection, lineage: str, *, now: datetime) -> bool:
        """A second factor was proved in this sign-in, of which the first time counts; False when it has no record."""
        return tx.execute(self._proving, {"of": lineage, "now": now}).rowcount == 1

    def add_report(self, tx: Connection, lineage: str, report: Mapping[str, str]) -> bool:
        """Note what reported policies said later in this sign-in; False when nothing of it is new."""
        mine = self._table.c.lineage == lineage
        row = tx.execute(select(self._table.c.report).where(mine).with_for_update()).first()
        if row is None or all(row.report.get(name) == word for name, word in report.items()):
            return False
        tx.execute(update(self._table).where(mine).values(report={**row.report, **report}))
        return True

    def proven(self, tx: Connection, user_key: str, *, since: datetime) -> list[SignInRecord]:
        """Sign-ins of this user in which a second factor was proved, newest first."""
        row = self._table.c
        mine = select(self._table).where(row.user_key == user_key, row.proved_at > since)
        return [read_record(found) for found in tx.execute(mine.order_by(row.proved_at.desc()).limit(_PAGE))]

    def of(self, tx: Connection, user_key: str, *, until: datetime, limit: int) -> list[SignInRecord]:
        """The last sign-ins of this user up to a time, newest first."""
        row = self._table.c
        mine = select(self._table).where(row.user_key == user_key, row.at <= until)
        return [read_record(found) for found in tx.execute(mine.order_by(row.at.desc()).limit(limit))]

    def since(self, tx: Connection, moment: datetime) -> Iterator[SignInRecord]:
        """Every sign-in since then."""
        for row in tx.execute(select(self._table).where(self._table.c.at >= moment).order_by(self._table.c.at)):
            yield read_record(row)

    def delete(self, tx: Connection, keys: Collection[str]) -> None:
        """These users never signed in."""
        tx.execute(delete(self._table).where(among(tx, self._table.c.user_key, keys)))

    def sweep(self, tx: Connection, *, now: datetime, older_than: timedelta) -> int:
        """Delete what is too old to tell anything."""
        return tx.execute(delete(self._table).where(self._table.c.at < now - older_than)).rowcount


def read_record(row: Row[Any]) -> SignInRecord:
    """A row of the table as a record."""
    return SignInRecord(**{name: getattr(row, name) for name in SignInRecord.__slots__})
