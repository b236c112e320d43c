"""Who is in which group, and in what order a list shows the members."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Update, delete, insert, select, update

from ...domain.people.person import Person
from ..database.sets import among, insert_many
from ..tables.tables import Tables

_SORTED_BY = ("name_sort", "deadline_sort", "signed_in_sort")


class Memberships:
    """Rows of the group table. What they are sorted by is copied from ``person``, here and nowhere else."""

    def __init__(self, tables: Tables) -> None:
        self._person, self._group, self._copying = tables.person, tables.person_group, _copying(tables)

    def write(self, tx: Connection, people: Iterable[Person]) -> None:
        """Keep the groups of these people, whose own rows are written."""
        groups = {person.key: sorted(person.groups) for person in people}
        if not groups:
            return
        tx.execute(delete(self._group).where(among(tx, self._group.c.user_key, groups)))
        orders = self._orders(tx, [key for key, names in groups.items() if names])
        rows = [{"name": name, "user_key": key, **orders[key]} for key in orders for name in groups[key]]
        insert_many(tx, insert(self._group), rows)

    def refresh(self, tx: Connection, keys: Collection[str]) -> None:
        """After any change of what these users are sorted by, in the same transaction."""
        if keys:
            tx.execute(self._copying.where(among(tx, self._group.c.user_key, keys)))

    def _orders(self, tx: Connection, keys: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
        if not keys:
            return {}
        row = self._person.c
        columns = [row[name] for name in _SORTED_BY]
        found = tx.execute(select(row.user_key, *columns).where(among(tx, row.user_key, keys))).all()
        return {key: dict(zip(_SORTED_BY, order, strict=True)) for key, *order in found}


@cache
def _copying(tables: Tables) -> Update:
    person, group = tables.person.c, tables.person_group
    return update(group).values(
        {name: select(person[name]).where(person.user_key == group.c.user_key).scalar_subquery() for name in _SORTED_BY}
    )
