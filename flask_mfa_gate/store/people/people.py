"""Whom the gate knows of the host's users."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, Update, bindparam, delete, func, insert, select, update

from ...domain.people.person import Person
from ...domain.people.roles import Role
from ...domain.people.user_list import NEVER, NO_DEADLINE
from ...domain.people.user_search import searched_words, sort_name
from ..database.sets import among, insert_many
from ..database.upsert import upsert
from ..tables.tables import Tables
from .memberships import Memberships
from .person_changes import FACTS, change_of, facts_of, is_as_before, is_noted_already, is_recent
from .user_facets import Stage, UserFacets


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person as the gate last saw him.

    :param former_email: the address before the last change; empty when there is none, or the change is long ago.
    """

    person: Person
    former_email: str
    last_sign_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class Addressee:
    """As much of a person as a mail needs.

    :param former_email: as of :class:`KnownPerson`.
    """

    key: str
    name: str
    email: str
    former_email: str
    locale: str
    timezone: str

    @property
    def addresses(self) -> list[str]:
        """Where news of a changed factor goes: a thief of today's mailbox must not be the only one told."""
        return [address for address in (self.email, self.former_email) if address]


class People:
    """Rows of the person table and of their groups."""

    def __init__(self, tables: Tables) -> None:
        self._table, self._group, self._word = tables.person, tables.person_group, tables.person_word
        self._facets, self._memberships = UserFacets(tables), Memberships(tables)
        self._marking = _marking(tables.person)
        self._one = select(tables.person).where(tables.person.c.user_key == bindparam("key"))

    def write(self, tx: Connection, people: Sequence[Person], *, now: datetime, signs_in: bool = False) -> None:
        """Keep what is known of these people now; an address that changed is remembered for a while."""
        if people:
            before = self._rows(tx, [person.key for person in people])
            self._write(tx, people, before, now=now, signs_in=signs_in)

    def _write(
        self, tx: Connection, people: Sequence[Person], before: Mapping[str, Row[Any]], *, now: datetime, signs_in: bool
    ) -> None:
        mark = {"last_sign_in_at": now, "signed_in_sort": now} if signs_in else {}
        first = {"signed_in_sort": NEVER, "deadline_sort": NO_DEADLINE, "facets": Stage.NOTHING.value}
        rows = {person.key: {**first, **facts_of(person, before.get(person.key), now), **mark} for person in people}
        upsert(tx, self._table, list(rows.values()), update=(*FACTS, *mark))
        self._write_what_finds(tx, people, before, signs_in=signs_in)

    def _write_what_finds(
        self, tx: Connection, people: Sequence[Person], before: Mapping[str, Row[Any]], *, signs_in: bool
    ) -> None:  # fmt: skip
        """Groups, words and facets of those in whom they may have changed."""
        self._facets.refresh(tx, [person.key for person in people if person.key not in before])
        is_other = {person.key: change_of(person, before.get(person.key)) for person in people}
        self._memberships.write(tx, [person for person in people if is_other[person.key].groups])
        moved = [key for key, change in is_other.items() if not change.groups and (change.in_order or signs_in)]
        self._memberships.refresh(tx, moved)
        self._write_words(tx, [person for person in people if is_other[person.key].words])

    def note_sign_in(self, tx: Connection, person: Person, *, now: datetime, before: Row[Any] | None = None) -> None:
        """The same for one who signs in. The time is noted to the minute, as the last use of a session is.

        :param before: the row that there is, where the caller has just read it.
        """
        if before is None:
            self.write(tx, [person], now=now, signs_in=True)
        elif not is_as_before(person, before, now):
            self._write(tx, [person], {person.key: before}, now=now, signs_in=True)
        elif not is_noted_already(before.last_sign_in_at, now):
            tx.execute(self._marking, {"key": person.key, "now": now})
            self._memberships.refresh(tx, [person.key] if person.groups else [])

    def known(self, tx: Connection, keys: Collection[str], *, now: datetime) -> dict[str, KnownPerson]:
        """Those of these users whom the gate has met."""
        return {key: _read(row, now) for key, row in self._rows(tx, keys).items()}

    def names(self, tx: Connection, keys: Collection[str]) -> dict[str, str]:
        """What lists call these users, as far as the gate has met them; whatever else their rows hold."""
        row = self._table.c
        found = tx.execute(select(row.user_key, row.name, row.email).where(among(tx, row.user_key, keys))).all()
        return {key: name or email for key, name, email in found}

    def addressees(self, tx: Connection, keys: Collection[str], *, now: datetime) -> dict[str, Addressee]:
        """Those of these users whom the gate has met, for mail."""
        row = self._table.c
        columns = (row.user_key, row.name, row.email, row.former_email, row.locale, row.timezone, row.email_changed_at)
        found = tx.execute(select(*columns).where(among(tx, row.user_key, keys))).all()
        return {
            key: Addressee(key, name, email, former if is_recent(changed_at, now) else "", locale, timezone)
            for key, name, email, former, locale, timezone, changed_at in found
        }

    def unseen(self, tx: Connection, *, since: datetime, after: str, limit: int | None) -> Sequence[str]:
        """Keys of people whom nothing has seen since then, in order."""
        row = self._table.c
        found = select(row.user_key).where(row.seen_at < since, row.user_key > after)
        return tx.execute(found.order_by(row.user_key).limit(limit)).scalars().all()

    def first(self, tx: Connection, *, limit: int) -> Sequence[Person]:
        """Some people, in the order of their keys."""
        chosen = select(*person_columns(self._table)).order_by(self._table.c.user_key).limit(limit)
        return [person_of(row) for row in tx.execute(chosen).all()]

    def note_missing(self, tx: Connection, keys: Collection[str], *, now: datetime) -> Mapping[str, datetime]:
        """The directory does not show these people; of each whom the gate has met, since when."""
        mine = among(tx, self._table.c.user_key, keys)
        tx.execute(update(self._table).where(mine, self._table.c.missing_since.is_(None)).values(missing_since=now))
        return {key: since or now for key, since in self.missing_since(tx, keys).items()}

    def missing_since(self, tx: Connection, keys: Collection[str]) -> Mapping[str, datetime | None]:
        """Of each of these whom the gate has met, since when no directory has shown them."""
        row = self._table.c
        found = tx.execute(select(row.user_key, row.missing_since).where(among(tx, row.user_key, keys)))
        return {person.user_key: person.missing_since for person in found}

    def count(self, tx: Connection) -> int:
        """How many there are."""
        return tx.execute(select(func.count()).select_from(self._table)).scalar_one()

    def knows_anybody(self, tx: Connection) -> bool:
        """Whether there is anybody at all."""
        return tx.execute(select(self._table.c.user_key).limit(1)).first() is not None

    def holders(self, tx: Connection, role: Role, *, now: datetime) -> Sequence[KnownPerson]:
        """Every active user with a role."""
        mine = select(self._table).where(self._table.c.role == role, self._table.c.is_active.is_(True))
        return [_read(row, now) for row in tx.execute(mine.order_by(self._table.c.user_key))]

    def keys_of_email(self, tx: Connection, email: str) -> Sequence[str]:
        """Keys of everybody with this address, in any case."""
        row = self._table.c
        same = tx.execute(select(row.user_key, row.email).where(func.lower(row.email) == email.lower()))
        # Some databases take letters with and without an accent for the same.
        return [found.user_key for found in same if found.email.lower() == email.lower()]

    def has_twins(self, tx: Connection) -> bool:
        """Whether two keys have one address, as when a key is made again at each sign-in."""
        email = func.lower(self._table.c.email)
        twins = select(email).where(self._table.c.email != "").group_by(email).having(func.count() > 1)
        return tx.execute(twins.limit(1)).first() is not None

    def has_addresses_for_keys(self, tx: Connection) -> bool:
        """Whether somebody's key is also their email address."""
        row = self._table.c
        return tx.execute(select(row.user_key).where(row.email == row.user_key).limit(1)).first() is not None

    def group_names(self, tx: Connection) -> Sequence[str]:
        """Every group that somebody is in."""
        return tx.execute(select(self._group.c.name).distinct().order_by(self._group.c.name)).scalars().all()

    def delete(self, tx: Connection, keys: Collection[str]) -> None:
        """Know them no more."""
        for table in (self._word, self._group, self._table):
            tx.execute(delete(table).where(among(tx, table.c.user_key, keys)))

    def _rows(self, tx: Connection, keys: Collection[str]) -> dict[str, Row[Any]]:
        if len(keys) == 1:
            found = tx.execute(self._one, {"key": next(iter(keys))}).all()
        else:
            found = tx.execute(select(self._table).where(among(tx, self._table.c.user_key, keys))).all()
        return {row.user_key: row for row in found}

    def _write_words(self, tx: Connection, people: Iterable[Person]) -> None:
        words = {person.key: sorted(searched_words(person)) for person in people}
        if not words:
            return
        tx.execute(delete(self._word).where(among(tx, self._word.c.user_key, words)))
        insert_many(tx, insert(self._word), [{"user_key": key, "word": one} for key in words for one in words[key]])

    def rewrite_words(self, tx: Connection, key: str) -> None:
        """The key of this person is another now."""
        people = [read_person(row) for row in self._rows(tx, [key]).values()]
        for person in people:
            tx.execute(update(self._table).where(self._table.c.user_key == key).values(name_sort=sort_name(person)))
        self._memberships.refresh(tx, [key])
        self._write_words(tx, people)


@cache
def _marking(table: Table) -> Update:
    """Somebody of whom nothing else is new signed in."""
    now = bindparam("now", type_=table.c.seen_at.type)
    mine = update(table).where(table.c.user_key == bindparam("key"))
    return mine.values(seen_at=now, last_sign_in_at=now, signed_in_sort=now)


def _read(row: Row[Any], now: datetime) -> KnownPerson:
    former = row.former_email if is_recent(row.email_changed_at, now) else ""
    return KnownPerson(person=read_person(row), former_email=former, last_sign_in_at=row.last_sign_in_at)


PERSON_COLUMNS = ("user_key", "name", "email", "is_active", "groups", "role", "locale", "timezone")


def person_columns(table: Table) -> list[Column[Any]]:
    """What :func:`person_of` takes."""
    return [table.c[name] for name in PERSON_COLUMNS]


def person_of(facts: Sequence[Any]) -> Person:
    """The person of these columns, read by place: a page has a thousand."""
    key, name, email, is_active, groups, role, locale, timezone = facts
    return Person(key, name, email, is_active, frozenset(groups), Role(role) if role else None, locale, timezone)


def read_person(row: Row[Any]) -> Person:
    """The same of a whole row."""
    return person_of([getattr(row, name) for name in PERSON_COLUMNS])
