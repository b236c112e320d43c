"""Authenticators of each user: a key waiting for its first code, live ones, and the record of void ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from ...domain.sign_in.assurance import FactorKind
from ..database.sets import among
from ..people.user_facets import UserFacets
from ..tables.tables import Tables
from .states import KEY_LIFETIME

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Factor:
    """One authenticator.

    :param data: what its kind has to know of it, e.g. the digits of its codes; None where that was not noted.
    """

    id: str
    user_key: str
    kind: FactorKind
    name: str
    sealed: bytes = field(repr=False)
    created_at: datetime
    confirmed_at: datetime | None
    last_used_at: datetime | None
    data: Mapping[str, Any] | None
    counter: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFactor:
    """A key that a user was shown.

    :param lineage: of the sign-in that asked for it.
    """

    id: str
    user_key: str
    kind: FactorKind
    name: str
    sealed: bytes = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)
    lineage: str


class Factors:
    """Rows of the factor table."""

    def __init__(self, tables: Tables) -> None:
        self._table, self._session = tables.factor, tables.session
        self._facets = UserFacets(tables)
        self._confirmed, self._advancing = _confirmed(tables.factor), _advancing(tables.factor)

    def sweep(self, tx: Connection, *, now: datetime) -> int:
        """Delete keys that no code has confirmed in time: each sign-in with a password alone may leave one."""
        row = self._table.c
        doomed = (row.confirmed_at.is_(None), row.created_at <= now - KEY_LIFETIME)
        keys = tx.execute(select(row.user_key).distinct().where(*doomed)).scalars().all()
        count = tx.execute(delete(self._table).where(*doomed)).rowcount
        for start in range(0, len(keys), _AT_ONCE):
            self._facets.refresh(tx, keys[start : start + _AT_ONCE])
        return count

    def add_pending(self, tx: Connection, new: NewFactor, *, now: datetime) -> None:
        """A key that belongs to one gate session until a code confirms it."""
        self._drop_orphans(tx, new.user_key)
        tx.execute(
            insert(self._table).values(
                id=new.id, user_key=new.user_key, kind=new.kind, name=new.name, secret=new.sealed,
                data=dict(new.data), lineage=new.lineage, created_at=now,
            )
        )  # fmt: skip
        self._facets.refresh(tx, [new.user_key])

    def _drop_orphans(self, tx: Connection, user_key: str) -> None:
        """Delete the keys of sessions that are no more, which nobody can confirm."""
        mine, session = self._table.c, self._session.c
        is_theirs = (session.user_key == user_key, session.lineage == mine.lineage, session.ended_at.is_(None))
        # SECURITY: sessions have a bound, and with it what each sign-in with a password alone leaves behind.
        tx.execute(
            delete(self._table).where(
                mine.user_key == user_key, mine.confirmed_at.is_(None), ~exists().where(*is_theirs)
            )
        )

    def pending(self, tx: Connection, user_key: str, kind: FactorKind, *, lineage: str, now: datetime) -> Factor | None:
        """The key of this kind that this gate session was shown, if it still lives."""
        mine = (
            self._alive(user_key),
            self._table.c.kind == kind,
            self._table.c.confirmed_at.is_(None),
            self._table.c.lineage == lineage,
            self._table.c.created_at > now - KEY_LIFETIME,
        )
        row = tx.execute(select(self._table).where(*mine).order_by(self._table.c.created_at)).first()
        return read_factor(row) if row else None

    def confirmed(self, tx: Connection, user_key: str) -> Sequence[Factor]:
        """Every live authenticator, oldest first."""
        return [read_factor(row) for row in tx.execute(self._confirmed, {"key": user_key})]

    def record(self, tx: Connection, user_key: str) -> Sequence[Factor]:
        """Every authenticator that was ever confirmed, void ones too, for the auditor."""
        ever = select(self._table).where(self._table.c.user_key == user_key, self._table.c.confirmed_at.is_not(None))
        return [read_factor(row) for row in tx.execute(ever.order_by(self._table.c.confirmed_at))]

    def try_confirm(
        self, tx: Connection, factor_id: str, *, counter: int | None, name: str, now: datetime
    ) -> bool:  # fmt: skip
        """Make a pending key live and burn the confirming code; False when it is live or void already."""
        if not self._try_confirm(tx, factor_id, counter=counter, name=name, now=now):
            return False
        owner = select(self._table.c.user_key).where(self._table.c.id == factor_id)
        self._facets.refresh(tx, tx.execute(owner).scalars().all())
        return True

    def try_confirm_alone(
        self, tx: Connection, waiting: Factor, *, counter: int | None, name: str, now: datetime
    ) -> bool:
        """The same, and void all others of its kind, waiting and live. Lists wait for ``Enrollments.note_factor``."""
        if not self._try_confirm(tx, waiting.id, counter=counter, name=name, now=now):
            return False
        others = (self._alive(waiting.user_key), self._table.c.id != waiting.id, self._table.c.kind == waiting.kind)
        tx.execute(update(self._table).where(*others).values(voided_at=now, secret=None, lineage=None))
        return True

    def _try_confirm(self, tx: Connection, factor_id: str, *, counter: int | None, name: str, now: datetime) -> bool:
        changed = tx.execute(
            update(self._table)
            .where(
                self._table.c.id == factor_id, self._table.c.confirmed_at.is_(None), self._table.c.voided_at.is_(None)
            )
            .values(confirmed_at=now, counter=counter, last_used_at=now, lineage=None, name=name)
        )
        return changed.rowcount == 1

    def try_advance(self, tx: Connection, factor_id: str, *, counter: int, now: datetime) -> bool:
        """Use up a time step or a counter; False when it or a later one was used before (RFC 6238 section 5.2)."""
        return tx.execute(self._advancing, {"of": factor_id, "used": counter, "now": now}).rowcount == 1

    def rename(self, tx: Connection, factor_id: str, *, user_key: str, name: str) -> bool:
        """Give a live authenticator of this user another name."""
        changed = tx.execute(
            update(self._table).where(self._table.c.id == factor_id, self._alive(user_key)).values(name=name)
        )
        return changed.rowcount == 1

    def void(self, tx: Connection, user_key: str, *, now: datetime, only: str | None = None) -> None:
        """Void authenticators, waiting and live, and forget their secrets."""
        doomed = [self._alive(user_key)]
        doomed += [self._table.c.id == only] if only else []
        tx.execute(update(self._table).where(*doomed).values(voided_at=now, secret=None, lineage=None))
        self._facets.refresh(tx, [user_key])

    def void_all(self, tx: Connection, keys: Collection[str], *, now: datetime) -> None:
        """Void every authenticator of these users."""
        doomed = (among(tx, self._table.c.user_key, keys), self._table.c.voided_at.is_(None))
        tx.execute(update(self._table).where(*doomed).values(voided_at=now, secret=None, lineage=None))
        self._facets.refresh(tx, keys)

    def void_kind(
        self, tx: Connection, keys: Collection[str], kind: FactorKind, *, now: datetime, only: str | None = None
    ) -> None:
        """Make the confirmed factors of this kind of these users worthless for ever, or only one of them."""
        row = self._table.c
        theirs = [among(tx, row.user_key, keys), row.kind == kind, row.confirmed_at.is_not(None)]
        theirs += [row.id == only] if only is not None else []
        tx.execute(update(self._table).where(*theirs, row.voided_at.is_(None)).values(voided_at=now, secret=None))
        self._facets.refresh(tx, keys)

    def held(self, tx: Connection, keys: Collection[str]) -> dict[str, tuple[tuple[str, FactorKind], ...]]:
        """Id and kind of each confirmed factor of these users."""
        row = self._table.c
        live = (among(tx, row.user_key, keys), row.confirmed_at.is_not(None), row.voided_at.is_(None))
        found: dict[str, tuple[tuple[str, FactorKind], ...]] = {}
        for user_key, factor_id, kind in tx.execute(select(row.user_key, row.id, row.kind).where(*live)):
            found[user_key] = (*found.get(user_key, ()), (factor_id, FactorKind(kind)))
        return found

    def note_data(self, tx: Connection, kind: FactorKind, data: Mapping[str, Any]) -> int:
        """Give every authenticator of a kind that lacks it its data; counts them."""
        bare = (self._table.c.kind == kind, self._table.c.data.is_(None))
        return tx.execute(update(self._table).where(*bare).values(data=dict(data))).rowcount

    def _alive(self, user_key: str) -> ColumnElement[bool]:
        return (self._table.c.user_key == user_key) & self._table.c.voided_at.is_(None)


@cache
def _confirmed(table: Table) -> Select[Any]:
    row = table.c
    live = (row.user_key == bindparam("key"), row.voided_at.is_(None), row.confirmed_at.is_not(None))
    return select(table).where(*live).order_by(row.confirmed_at)


@cache
def _advancing(table: Table) -> Update:
    row, used = table.c, bindparam("used", type_=table.c.counter.type)
    # SECURITY: one conditional UPDATE, so that of all requests with one code only one finds it unused.
    unused = or_(row.counter.is_(None), row.counter < used)
    mine = update(table).where(row.id == bindparam("of"), row.voided_at.is_(None), unused)
    return mine.values(counter=used, last_used_at=bindparam("now", type_=row.last_used_at.type))


def read_factor(row: Row[Any]) -> Factor:
    """A row of the table."""
    return Factor(
        id=row.id,
        user_key=row.user_key,
        kind=FactorKind(row.kind),
        name=row.name,
        sealed=row.secret or b"",
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
        last_used_at=row.last_used_at,
        data=row.data,
        counter=row.counter,
    )
