"""Who the host's users are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from ..clock import Clock
from ..domain.person import Person
from ..domain.roles import Role
from ..errors import HostCallbackFailed
from ..store import Store
from .words import kept_text

_NAME_ATTRIBUTES = ("name", "full_name", "display_name", "username")
_EMAIL_ATTRIBUTES = ("email", "email_address", "mail")
_LOCALE_ATTRIBUTES = ("locale", "language")
_TIMEZONE_ATTRIBUTES = ("timezone", "tz")
LONGEST_NAME, LONGEST_EMAIL, LONGEST_GROUP = 255, 320, 191


@runtime_checkable
class Directory(Protocol):
    """Looks people up for the gate. A host may bring its own."""

    def get(self, key: str) -> Person | None:
        """The person with this key, or None."""

    def page(self, after_key: str | None, limit: int) -> Sequence[Person]:
        """The next people in the order of their keys, at most ``limit``; empty at the end."""


@dataclass(frozen=True, slots=True)
class PersonReader:
    """What the gate needs of a user object: from its usual attributes, and from the host's callbacks.

    :param groups: names of the user's groups.
    :param admin_role: the user's role in the console, or None.
    """

    user_key: Callable[[Any], str]
    groups: Callable[[Any], Collection[str]] | None = None
    admin_role: Callable[[Any], str | None] | None = None

    def read(self, user: Any, key: str) -> Person:
        """The person that this user object is.

        :raises HostCallbackFailed: when a callback raises or answers nonsense: nobody is let in because of it.
        """
        return Person(
            key=key,
            name=_first_text(user, _NAME_ATTRIBUTES)[:LONGEST_NAME],
            email=_first_text(user, _EMAIL_ATTRIBUTES)[:LONGEST_EMAIL],
            is_active=bool(getattr(user, "is_active", True)),
            groups=self.groups_of(user),
            role=self.role_of(user),
            locale=_first_text(user, _LOCALE_ATTRIBUTES)[:35],
            timezone=_first_text(user, _TIMEZONE_ATTRIBUTES)[:64],
        )

    def groups_of(self, user: Any) -> frozenset[str]:
        """The names of the user's groups."""
        if self.groups is None:
            return frozenset()
        try:
            told = self.groups(user)
            # SECURITY: a generator looked through first would leave nothing to read, and the user in no group.
            names = told if isinstance(told, str) else tuple(told)
        except Exception as error:
            raise HostCallbackFailed("The groups callback failed, so nobody can be let in.") from error
        # SECURITY: a bare text would be read letter by letter, and a policy for the group would match nobody.
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise HostCallbackFailed("The groups callback has to give a list of texts.")
        return frozenset(kept_text(name)[:LONGEST_GROUP] for name in names)

    def role_of(self, user: Any) -> Role | None:
        """The user's role in the console."""
        if self.admin_role is None:
            return None
        try:
            word = self.admin_role(user)
            return None if word is None else Role(word)
        except Exception as error:
            known = ", ".join(repr(role.value) for role in Role)
            raise HostCallbackFailed(f"The admin_role callback has to give {known} or None.") from error


class KnownPeople:
    """A host that told nothing about its users: whom the gate has met, and every key as it is given."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def get(self, key: str) -> Person | None:
        """As last seen at a sign-in, else a person of whom only the key is known."""
        with self._store.database.read() as tx:
            known = self._store.people.known(tx, [key], now=self._clock()).get(key)
        return known.person if known else Person(key)

    def has_met(self, key: str) -> bool:
        """Whether anybody signed in by this key, or was acted on."""
        with self._store.database.read() as tx:
            return self._store.keys.is_known(tx, key)

    def page(self, after_key: str | None, limit: int) -> Sequence[Person]:
        """There is nobody else to ask."""
        return []


class ModelDirectory:
    """People in a mapped class of the host, read through the host's own Flask-SQLAlchemy session.

    Nothing is flushed and nothing is committed: the host's transaction stays the host's.
    """

    def __init__(self, db: Any, model: type, reader: PersonReader, fallback: Callable[[str], Any]) -> None:
        self._db, self._model, self._reader, self._fallback = db, model, reader, fallback

    def get(self, key: str) -> Person | None:
        """By primary key where that is the key, else as the host's user loader finds it."""
        user = self.user(key)
        return None if user is None else self._reader.read(user, key)

    def user(self, key: str) -> Any:
        """The host's own object of this user, or None."""
        with self._db.session.no_autoflush:
            user = self._by_primary_key(key)
            if user is None or self._reader.user_key(user) != key:
                user = self._fallback(key)
        return user if user is not None and self._reader.user_key(user) == key else None

    def find(self, email: str) -> Person | None:
        """By email, whatever case it is typed in; None when nobody or more than one has it."""
        column = next((getattr(self._model, name) for name in _EMAIL_ATTRIBUTES if hasattr(self._model, name)), None)
        if column is None:
            return None
        with self._db.session.no_autoflush:
            found = self._db.session.scalars(select(self._model).where(func.lower(column) == email.lower())).all()
        return self._person(found[0]) if len(found) == 1 else None

    def page(self, after_key: str | None, limit: int) -> Sequence[Person]:
        """In the order of the primary key."""
        return next((people for _mark, people in self.pages(after_key, limit)), [])

    def pages(self, after: str | None, limit: int) -> Iterator[tuple[str, Sequence[Person]]]:
        """Everybody in the order of the primary key, each page with the mark to go on behind it."""
        column = self._primary_key()
        mark = None if after is None else self._as_primary_key(after)
        while True:
            chosen: Select[Any] = select(self._model).order_by(column).limit(limit)
            with self._own_session() as session:
                users = session.scalars(chosen if mark is None else chosen.where(column > mark)).all()
                people = [self._person(user) for user in users]
                mark = getattr(users[-1], self._primary_key_name()) if users else None
            if mark is None:
                return
            yield str(mark), people

    def _own_session(self) -> Session:
        """A hundred thousand users must not pile up in the session of the host."""
        return Session(self._db.session.get_bind(mapper=self._model.__mapper__))  # type: ignore[attr-defined]

    def _person(self, user: Any) -> Person:
        return self._reader.read(user, self._reader.user_key(user))

    def _by_primary_key(self, key: str) -> Any:
        ident = self._as_primary_key(key)
        return None if ident is None else self._db.session.get(self._model, ident)

    def _as_primary_key(self, key: str) -> Any:
        try:
            return self._primary_key().type.python_type(key)
        except (ValueError, TypeError, NotImplementedError):
            return None

    def _primary_key_name(self) -> str:
        mapper = self._model.__mapper__  # type: ignore[attr-defined]
        return str(mapper.get_property_by_column(mapper.primary_key[0]).key)

    def _primary_key(self) -> Any:
        return getattr(self._model, self._primary_key_name())


def pages_of(directory: Directory, after: str | None, limit: int) -> Iterator[tuple[str, Sequence[Person]]]:
    """Everybody in a directory, page by page, each with the mark to go on behind it."""
    if isinstance(directory, ModelDirectory):
        yield from directory.pages(after, limit)
        return
    while people := directory.page(after, limit):
        after = people[-1].key
        yield after, people


def _first_text(user: Any, names: tuple[str, ...]) -> str:
    values = (getattr(user, name, None) for name in names)
    return kept_text(next((value for value in values if isinstance(value, str) and value), ""))
