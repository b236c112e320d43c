"""User keys wherever they stand: one user renamed or forgotten in every table at once."""

from __future__ import annotations

from sqlalchemy import Connection, Table, delete, exists, or_, select, update

from .tables import Tables


class Keys:
    """Every table that has a user's key in it."""

    def __init__(self, tables: Tables) -> None:
        self._audit = tables.audit
        self._owned: list[Table] = [
            table for table in tables.metadata.sorted_tables if "user_key" in table.c and table is not tables.audit
        ]
        self._actors = (self._audit.c.actor, tables.enrollment.c.required_by, tables.access_pass.c.issued_by)

    def is_known(self, tx: Connection, key: str) -> bool:
        """Whether any table has something about this user."""
        found = [
            *(exists().where(table.c.user_key == key) for table in self._owned),
            exists().where(self._audit.c.subject == key),
            *(exists().where(column == f"user:{key}") for column in self._actors),
        ]
        return bool(tx.execute(select(or_(*found))).scalar())

    def rename(self, tx: Connection, old: str, new: str) -> None:
        """Everything of the one key is the other's; of audit records the chain covers no longer who it was."""
        for table in self._owned:
            tx.execute(update(table).where(table.c.user_key == old).values(user_key=new))
        tx.execute(update(self._audit).where(self._audit.c.subject == old).values(subject=new, salt=None))
        self._rename_actor(tx, old, new)

    def forget(self, tx: Connection, key: str, *, stranger: str) -> None:
        """Rows go; of audit records only what happened when stays, to somebody without a name."""
        for table in self._owned:
            tx.execute(delete(table).where(table.c.user_key == key))
        mine = update(self._audit).where(self._audit.c.subject == key)
        tx.execute(mine.values(subject=stranger, address=None, user_agent=None, reason=None, details={}, salt=None))
        self._rename_actor(tx, key, stranger)

    def _rename_actor(self, tx: Connection, old: str, new: str) -> None:
        """What somebody did to others names him too."""
        for column in self._actors:
            mine = update(column.table).where(column == f"user:{old}")
            unsealed = {"salt": None} if column.table is self._audit else {}
            tx.execute(mine.values({column.name: f"user:{new}", **unsealed}))
