"""How many users a policy is about, counted in the tables of people and their groups."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, func, not_, or_, select

from ...domain.policy.document.users import EVERYBODY, Users, group_names, user_keys
from ..database.sets import among
from ..tables.tables import Tables


class Reach:
    """Reads people, and writes nothing."""

    def __init__(self, tables: Tables) -> None:
        self._person, self._group = tables.person, tables.person_group

    def count(self, tx: Connection, users: Users) -> int:
        """How many of those whom the gate knows are meant."""
        if EVERYBODY in users.exclude or not users.include:
            return 0
        meant = [] if EVERYBODY in users.include else [self._one_of(tx, users.include)]
        spared = [not_(self._one_of(tx, users.exclude))] if users.exclude else []
        return tx.execute(select(func.count()).select_from(self._person).where(*meant, *spared)).scalar_one()

    def _one_of(self, tx: Connection, texts: Sequence[str]) -> ColumnElement[bool]:
        groups, keys = group_names(texts), user_keys(texts)
        row, member = self._person.c, self._group.c
        named = [among(tx, row.user_key, keys)] if keys else []
        if groups:
            named.append(row.user_key.in_(select(member.user_key).where(among(tx, member.name, groups))))
        return or_(*named)
