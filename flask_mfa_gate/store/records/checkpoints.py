"""How far jobs have come, and when they last ran."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..database.upsert import upsert
from ..tables.tables import Tables


@dataclass(frozen=True, slots=True)
class JobMark:
    """What a job left behind."""

    at: datetime
    value: str


class Checkpoints:
    """Rows of the mark table."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.mark

    def get(self, tx: Connection, name: str) -> JobMark | None:
        """The mark of this name, if there is one."""
        row = tx.execute(select(self._table).where(self._table.c.name == name)).first()
        return JobMark(row.at, row.value) if row else None

    def names(self, tx: Connection, *, prefix: str, since: datetime | None = None) -> list[str]:
        """The marks whose name begins so, without that beginning; with ``since``, those set after it."""
        mine = select(self._table.c.name).where(self._table.c.name.startswith(prefix, autoescape=True))
        if since is not None:
            mine = mine.where(self._table.c.at >= since)
        return [name.removeprefix(prefix) for name in tx.execute(mine.order_by(self._table.c.name)).scalars()]

    def put(self, tx: Connection, name: str, *, at: datetime, value: str = "") -> None:
        """Set it, whatever stood there."""
        upsert(tx, self._table, [{"name": name, "at": at, "value": value}], update=("at", "value"))

    def put_first(self, tx: Connection, name: str, *, at: datetime, value: str) -> None:
        """Set it unless somebody did before."""
        upsert(tx, self._table, [{"name": name, "at": at, "value": value}])

    def lock(self, tx: Connection, name: str, *, at: datetime) -> JobMark:
        """The mark, made when missing, held until the transaction ends."""
        upsert(tx, self._table, [{"name": name, "at": at, "value": ""}])
        row = tx.execute(select(self._table).where(self._table.c.name == name).with_for_update()).one()
        return JobMark(row.at, row.value)

    def try_move(self, tx: Connection, name: str, before: JobMark | None, *, at: datetime) -> bool:
        """Set it if nobody did since ``before`` was read; of two processes one continues."""
        if before is None:
            try:
                with tx.begin_nested():
                    tx.execute(insert(self._table).values(name=name, at=at, value=""))
            except IntegrityError:
                return False
            return True
        mine = (self._table.c.name == name, self._table.c.at == before.at)
        return tx.execute(update(self._table).where(*mine).values(at=at)).rowcount == 1

    def sweep(self, tx: Connection, *, prefix: str, before: datetime) -> int:
        """Delete the marks whose name begins so and that were set before then."""
        mine = self._table.c.name.startswith(prefix, autoescape=True)
        return tx.execute(delete(self._table).where(mine, self._table.c.at < before)).rowcount

    def drop(self, tx: Connection, name: str) -> None:
        """Forget it."""
        tx.execute(delete(self._table).where(self._table.c.name == name))
