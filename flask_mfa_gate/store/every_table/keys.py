"""User keys wherever they stand: one user renamed or forgotten in every table at once."""

from __future__ import annotations

from sqlalchemy import Connection, Table, delete, exists, or_, select, update

from ..tables.tables import Tables


class Keys:
    """Every table that has a user's key in it."""

    def __init__(self, tables: Tables) -> None:
        self._audit = tables.audit
        self._owned: list[Table] = [
            table for table in tables.metadata.sorted_tables if "user_key" in table.c and table is not tables.audit
        ]
        self._acted_as = tables.impersonation
        self._actors = (
            tables.enrollment.c.required_by,
            tables.access_pass.c.issued_by,
            tables.policy_version.c.author,
            tables.action_request.c.actor,
        )

    def is_known(self, tx: Connection, key: str) -> bool:
        """Whether any table has something about this user."""
        found = [
            *(exists().where(table.c.user_key == key) for table in self._owned),
            exists().where(self._audit.c.subject == key),
            *(exists().where(column == f"user:{key}") for column in (self._audit.c.actor, *self._actors)),
        ]
        return bool(tx.execute(select(or_(*found))).scalar())

    def rename(self, tx: Connection, old: str, new: str) -> None:
        """Everything of the one key is the other's, audit records apart."""
        for table in self._owned:
            tx.execute(update(table).where(table.c.user_key == old).values(user_key=new))
        acted_as = self._acted_as.c.subject_key
        tx.execute(update(self._acted_as).where(acted_as == old).values(subject_key=new))
        self._rename_actor(tx, old, new)

    def forget(self, tx: Connection, key: str, *, pseudonym: str) -> None:
        """Rows go, audit records apart; what somebody did to others was done by somebody without a name."""
        for table in self._owned:
            tx.execute(delete(table).where(table.c.user_key == key))
        tx.execute(delete(self._acted_as).where(self._acted_as.c.subject_key == key))
        self._rename_actor(tx, key, pseudonym)

    def _rename_actor(self, tx: Connection, old: str, new: str) -> None:
        for column in self._actors:
            mine = update(column.table).where(column == f"user:{old}")
            tx.execute(mine.values({column.name: f"user:{new}"}))
