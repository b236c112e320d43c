"""Sealed values wherever they stand, to be moved to another key or to another user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Column, ColumnElement, Connection, bindparam, literal, select, update

from ..tables.tables import Tables


@dataclass(frozen=True, slots=True)
class SealedRow:
    """One value.

    :param place: the row that it is bound to, and ``user`` whose.
    """

    id: str
    place: str
    user: str
    sealed: bytes = field(repr=False)


class SealedValues:
    """Every column with a sealed value in it, by table: secrets, digests of codes, what is parked."""

    def __init__(self, tables: Tables) -> None:
        factor, session = tables.factor.c, tables.session.c
        code, access_pass = tables.recovery_code.c, tables.access_pass.c
        acting = tables.impersonation.c
        signing_key, nobody = tables.oidc_signing_key.c, literal("")
        self._columns: dict[str, tuple[Column[str], Column[str], ColumnElement[str], Column[bytes]]] = {
            "factor": (factor.id, factor.id, factor.user_key, factor.secret),
            "session": (session.id_digest, session.lineage, session.user_key, session.parked),
            "recovery_code": (code.id, code.id, code.user_key, code.sealed),
            "access_pass": (access_pass.id, access_pass.id, access_pass.user_key, access_pass.sealed),
            "impersonation": (acting.lineage, acting.lineage, acting.user_key, acting.sealed),
            "oidc_signing_key": (signing_key.kid, signing_key.kid, nobody, signing_key.sealed),
        }

    def columns(self) -> dict[str, str]:
        """By table the name of its column, as what is sealed there is bound to it."""
        return {table: value.name for table, (_key, _place, _user, value) in self._columns.items()}

    def page(self, tx: Connection, table: str, *, after: str, limit: int) -> Sequence[SealedRow]:
        """The next values behind this id."""
        key, *_rest = self._columns[table]
        return self._rows(tx, table, key > after, limit=limit)

    def of_user(self, tx: Connection, table: str, user_key: str) -> Sequence[SealedRow]:
        """The values of one user."""
        _key, _place, user, _value = self._columns[table]
        return self._rows(tx, table, user == user_key)

    def replace(self, tx: Connection, table: str, fresh: Sequence[tuple[SealedRow, bytes]]) -> None:
        """Write the same values, sealed again, unless somebody changed one meanwhile."""
        key, _place, _user, value = self._columns[table]
        unchanged = update(key.table).where(key == bindparam("of"), value == bindparam("before"))
        if fresh:
            rows = [{"of": row.id, "before": row.sealed, "after": sealed} for row, sealed in fresh]
            tx.execute(unchanged.values({value.name: bindparam("after")}), rows)

    def _rows(
        self, tx: Connection, table: str, wanted: ColumnElement[bool], *, limit: int | None = None
    ) -> list[SealedRow]:
        key, place, user, value = self._columns[table]
        chosen = select(key, place, user, value).where(wanted, value.is_not(None)).order_by(key).limit(limit)
        return [SealedRow(*row) for row in tx.execute(chosen)]
