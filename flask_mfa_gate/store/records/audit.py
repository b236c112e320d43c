"""The audit log."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, or_, select, update

from ...domain.authorization.decision import reason_of_policy
from ...domain.records.event_name import LOUD, EventName
from ...signals import Event
from ..database.keyset import behind
from ..database.sets import insert_cells, insert_many
from ..every_table.unreadable import FAULTS, read_well
from ..tables.tables import Tables

_PAGE = 1000
_LONGEST_WORD = 64
_LOOKED_BACK = 1000
_OF_POLICIES = frozenset({EventName.POLICY_CHANGED, EventName.GRACE_RESTARTED})


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the log.

    :param number: place in the chain, counted from 1; None until it is sealed.
    :param mac: links it to the record before.
    :param personal: salted digest of everything that names somebody.
    :param salt: gone when what it covers was changed on behalf of somebody who was renamed or forgotten.
    :param amended: vouches for what such a record says since.
    """

    id: int
    event: Event
    number: int | None
    mac: str | None
    personal: str | None
    salt: str | None
    amended: str | None

    @property
    def is_bare(self) -> bool:
        """Whether it is in the chain and can no longer show what it said there."""
        return self.number is not None and self.salt is None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Records for which everything that is given holds.

    :param actor: as records have it, e.g. ``user:KEY``.
    :param reason_id: why something was refused, or the policy that a record is about.
    :param reference: of a refusal.
    :param until: the first moment that is too late.
    """

    event: str | None = None
    actor: str | None = None
    subject: str | None = None
    reason_id: str | None = None
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class RecordPlace(NamedTuple):
    """Where a record stands in a list: the log is read by time, which a clock that was set back makes another order.

    :param value: when it was written.
    :param key: its id.
    """

    value: datetime
    key: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The next records of a list.

    :param count: how many there are, with those that can't be read.
    :param unreadable: ids of rows that somebody edited so that nothing can read them.
    """

    records: Sequence[Record]
    count: int
    unreadable: tuple[int, ...]


class AuditLog:
    """Rows of the audit table, written in the transaction of the act they speak of."""

    def __init__(self, tables: Tables) -> None:
        self._table, self._adding = tables.audit, insert(tables.audit)

    def write(self, tx: Connection, events: Collection[Event]) -> None:
        """One record for each event."""
        insert_many(tx, self._adding, [_row(event) for event in events])

    def write_for(self, tx: Connection, event: Event, subjects: Collection[str]) -> None:
        """One record for each subject, alike in all else."""
        shared = _row(event)
        del shared["subject"]
        insert_cells(tx, insert(self._table), shared, ["subject"], [[subject] for subject in subjects])

    def recent(self, tx: Connection, subject: str, *, limit: int) -> Sequence[Event]:
        """The latest events about one user, newest first.

        There may be as many again of the loud ones, which never take the place of others.
        """
        row = self._table.c
        before = (
            select(func.max(row.id))
            .where(row.subject == subject, row.event == EventName.USER_DELETED)
            .scalar_subquery()
        )
        # SECURITY: what somebody did whose key has come back, and from where, is not for the new owner's eyes.
        mine = select(row.id).where(row.subject == subject, row.id > func.coalesce(before, 0))
        newest = mine.order_by(row.at.desc(), row.id.desc()).limit(_LOOKED_BACK).subquery()
        told = select(self._table).join_from(self._table, newest, row.id == newest.c.id)
        told = told.order_by(row.at.desc(), row.id.desc())
        # SECURITY: anyone who has the password could sign in and fail until a removed factor is no longer in sight.
        quiet = tx.execute(told.where(row.event.not_in(LOUD)).limit(limit)).all()
        loud = tx.execute(told.where(row.event.in_(LOUD)).limit(limit)).all()
        latest = sorted((*quiet, *loud), key=lambda one: (one.at, one.id), reverse=True)
        return [_read(one).event for one in latest]

    def page(self, tx: Connection, wanted: AuditFilter, *, before: RecordPlace | None, limit: int) -> Slice:
        """The latest records that fit, newest first, behind ``before``."""
        latest = self.latest(tx, wanted, before=before, limit=limit)
        try:
            found = [_read(row) for row in tx.execute(latest)]
            return Slice(found, len(found), ())
        except FAULTS:
            keys = tx.execute(latest.with_only_columns(self._table.c.id)).scalars().all()
        found, bad = read_well(lambda ids: self._each(tx, ids), keys)
        return Slice(found, len(keys), tuple(bad))

    def _each(self, tx: Connection, ids: Sequence[int]) -> Sequence[Record]:
        row = self._table.c
        mine = select(self._table).where(row.id.in_(ids)).order_by(row.at.desc(), row.id.desc())
        return [_read(found) for found in tx.execute(mine)]

    def latest(
        self, tx: Connection, wanted: AuditFilter, *, before: RecordPlace | None, limit: int
    ) -> Select[Any]:  # fmt: skip
        """The statement of :meth:`page`: whatever is wanted, an index leads to the first and ends with the last."""
        row = self._table.c
        names = ("event", "actor", "subject", "reason_id", "reference")
        conditions = [row[name] == value for name in names if (value := getattr(wanted, name)) is not None]
        conditions += [row.at >= wanted.since] if wanted.since is not None else []
        conditions += [row.at < wanted.until] if wanted.until is not None else []
        conditions += [behind(tx, (row.at, row.id), before, is_descending=True)] if before is not None else []
        latest = select(self._table).where(*conditions).order_by(row.at.desc(), row.id.desc()).limit(limit)
        if conditions:
            return latest
        # MariaDB would rather read and sort all of a log that is not yet long.
        hint = f"FORCE INDEX (ix_{self._table.name}_at)"
        return latest.with_hint(self._table, hint, "mysql").with_hint(self._table, hint, "mariadb")

    def newest_id(self, tx: Connection) -> int:
        """The highest id of a record; 0 without any."""
        return int(tx.execute(select(func.max(self._table.c.id))).scalar() or 0)

    def records(
        self, tx: Connection, *, since: datetime | None = None, subject: str | None = None, after: int = 0
    ) -> Iterator[Record]:  # fmt: skip
        """Every record behind this id in the order of writing."""
        row = self._table.c
        conditions = ([row.at >= since] if since else []) + ([row.subject == subject] if subject is not None else [])
        while True:
            page = select(self._table).where(*conditions, row.id > after).order_by(row.id).limit(_PAGE)
            found = tx.execute(page).all()
            yield from map(_read, found)
            if len(found) < _PAGE:
                return
            after = found[-1].id

    def newer(self, tx: Connection, *, after: int) -> Sequence[Record]:
        """The records behind this id that can be read, in the order of writing."""
        row = self._table.c
        behind_it = select(self._table).where(row.id > after).order_by(row.id)
        try:
            return [_read(found) for found in tx.execute(behind_it)]
        except FAULTS:
            ids = tx.execute(behind_it.with_only_columns(row.id)).scalars().all()
        return sorted(read_well(lambda some: self._each(tx, some), ids)[0], key=lambda record: record.id)

    def unsealed(self, tx: Connection, *, limit: int) -> Sequence[Record]:
        """Records that have no place in the chain yet, oldest first."""
        waiting = select(self._table).where(self._table.c.number.is_(None))
        return [_read(row) for row in tx.execute(waiting.order_by(self._table.c.id).limit(limit))]

    def count_unsealed(self, tx: Connection) -> int:
        """How many those are."""
        return tx.execute(select(func.count()).where(self._table.c.number.is_(None))).scalar_one()

    def seal(self, tx: Connection, seals: Sequence[Mapping[str, Any]]) -> None:
        """Give records their place: ``record_id``, ``number``, ``mac``, ``personal``, ``salt``."""
        names = ("number", "mac", "personal", "salt")
        placed = update(self._table).where(self._table.c.id == bindparam("record_id"))
        tx.execute(placed.values({name: bindparam(f"new_{name}") for name in names}), _renamed(seals, names))

    def sealed(self, tx: Connection, *, after: int, limit: int) -> Sequence[Record]:
        """The next records of the chain behind this number."""
        row = self._table.c
        chain = select(self._table).where(row.number > after).order_by(row.number).limit(limit)
        return [_read(found) for found in tx.execute(chain)]

    def remove(self, tx: Connection, *, up_to: int) -> None:
        """Delete the beginning of the chain; records without a place in it stay."""
        tx.execute(delete(self._table).where(self._table.c.number <= up_to))

    def naming(self, tx: Connection, key: str, *, after: int, limit: int) -> Sequence[Record]:
        """The next records behind this id that are about a user or of what they did."""
        row = self._table.c
        mine = select(self._table).where(or_(row.subject == key, row.actor == f"user:{key}"), row.id > after)
        return [_read(found) for found in tx.execute(mine.order_by(row.id).limit(limit))]

    def bare(self, tx: Connection, *, after: int, limit: int) -> Sequence[Record]:
        """The next records behind this id that can no longer show what they said."""
        row = self._table.c
        mine = select(self._table).where(row.number.is_not(None), row.salt.is_(None), row.id > after)
        return [_read(found) for found in tx.execute(mine.order_by(row.id).limit(limit))]

    def rewrite(self, tx: Connection, records: Sequence[Record]) -> None:
        """Write what these records say since somebody was renamed or forgotten."""
        if not records:
            return
        names = (
            "actor", "subject", "address", "user_agent", "reason", "details", "reference", "reason_id", "salt",
            "amended",
        )  # fmt: skip
        rows = [{**_row(one.event), "record_id": one.id, "salt": one.salt, "amended": one.amended} for one in records]
        placed = update(self._table).where(self._table.c.id == bindparam("record_id"))
        tx.execute(placed.values({name: bindparam(f"new_{name}") for name in names}), _renamed(rows, names))


def _renamed(seals: Sequence[Mapping[str, Any]], names: Collection[str]) -> list[dict[str, Any]]:
    """A parameter must not be called like the column that it is for."""
    return [{"record_id": seal["record_id"], **{f"new_{name}": seal[name] for name in names}} for seal in seals]


def _row(event: Event) -> dict[str, Any]:
    return {
        "at": event.at,
        "event": str(event.name),
        "actor": event.actor,
        "subject": event.subject,
        "address": event.address,
        "user_agent": event.user_agent,
        "reason": event.reason,
        "details": dict(event.details),
        "reference": _word(event.details.get("reference")),
        "reason_id": _reason_of(event),
    }


def _reason_of(event: Event) -> str | None:
    """Why something was refused; of an act on one policy, the word of that policy."""
    policy = event.details.get("policy")
    is_network = str(event.details.get("act", "")).startswith("network")
    if event.name in _OF_POLICIES and policy and not is_network:
        return reason_of_policy(str(policy))
    return _word(event.details.get("reason_id"))


def _word(value: object) -> str | None:
    return value[:_LONGEST_WORD] if isinstance(value, str) and value else None


def _read(row: Row[Any]) -> Record:
    event = Event(
        name=row.event,
        at=row.at,
        actor=row.actor,
        subject=row.subject,
        address=row.address,
        user_agent=row.user_agent,
        reason=row.reason,
        details=row.details,
    )
    return Record(row.id, event, row.number, row.mac, row.personal, row.salt, row.amended)
