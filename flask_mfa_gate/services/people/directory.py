"""Who the host's users are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeVar, cast, runtime_checkable

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, func, literal, select, tuple_

from ...domain.people.person import Person
from ...errors import HostCallbackFailed
from .persons import EMAIL_ATTRIBUTES, PersonReader, checked, read_attribute
from .user_objects import key_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

T = TypeVar("T")
LONGEST_INTEGER = 63


@runtime_checkable
class Directory(Protocol):
    """What a host may bring to have its users looked up."""

    def get(self, key: str) -> Person | None:
        """The person with this key, or None."""

    def page(self, after_key: str | None, limit: int) -> Sequence[Person]:
        """The next people in the order of their keys, at most ``limit``; empty at the end."""


class HostAccount(NamedTuple):
    """What a directory knows of the account behind a key.

    :param is_open: False where the account is gone or deactivated.
    :param user: the host's own object of the user; None where the directory has none to give.
    """

    is_open: bool
    user: Any = None


class UserDirectory(Protocol):
    """Looks people up for the gate, whatever the host told about its users.

    :cvar lists_users: whether the host says who its users are. If not, any key may be somebody's, and nothing tells a
        typing error from somebody new.
    :cvar reads_user_objects: whether a person is read from the host's user object and not asked for by key.
    """

    lists_users: ClassVar[bool]
    reads_user_objects: ClassVar[bool]

    def get(self, key: str) -> Person | None:
        """The person with this key, or None."""

    def existing(self, key: str) -> Person | None:
        """The same; None also for a key that nobody has used where any key may be somebody's."""

    def as_shown(self, person: Person) -> Person | None:
        """The same as the host shows them this moment; None where it can't be asked about them."""

    def account(self, key: str) -> HostAccount:
        """What has become of the account with this key."""

    def find(self, email: str) -> Sequence[Person] | None:
        """Everybody with this email, whatever case it is typed in; None where emails can't be asked for."""

    def pages(self, after: str | None, limit: int) -> Iterator[tuple[str, Sequence[Person]]]:
        """Everybody, page by page, each with the mark to go on behind it."""


class HostDirectory:
    """A directory that the host brought. What it answers is checked, and whatever it raises is the host's failure.

    :raises HostCallbackFailed: from every method; nobody becomes unknown because of a failure.
    """

    lists_users: ClassVar[bool] = True
    reads_user_objects: ClassVar[bool] = False

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def get(self, key: str) -> Person | None:
        """The person with this very key, or None."""
        person = self._asked(lambda: checked(found) if (found := self._directory.get(key)) is not None else None)
        if person is not None and person.key != key:
            raise HostCallbackFailed("The directory gave somebody else than it was asked for.")
        return person

    def existing(self, key: str) -> Person | None:
        """Whom the host has."""
        return self.get(key)

    def as_shown(self, person: Person) -> Person:
        """As the directory has them, or had them."""
        return self.get(person.key) or person

    def account(self, key: str) -> HostAccount:
        """Open if the person is there and active. There is no object of the user."""
        person = self.get(key)
        return HostAccount(person is not None and person.is_active)

    def find(self, email: str) -> None:
        """A host's directory is asked by key alone."""

    def pages(self, after: str | None, limit: int) -> Iterator[tuple[str, Sequence[Person]]]:
        """As the host orders them.

        :raises HostCallbackFailed: for a directory that comes back to a page that it gave already.
        """
        behind = {after}
        while people := self._page(after, limit):
            after = people[-1].key
            # SECURITY: a directory that goes in circles would keep a sync, and with it cron, busy for ever.
            if after in behind:
                raise HostCallbackFailed("The directory gives the same pages again and again.")
            behind.add(after)
            yield after, people

    def _page(self, after_key: str | None, limit: int) -> Sequence[Person]:
        return self._asked(lambda: [checked(person) for person in self._directory.page(after_key, limit)])

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except Exception as error:
            raise HostCallbackFailed("The directory of users failed or gave what is no Person.") from error


class ModelDirectory:
    """People in a mapped class of the host, read through the host's own Flask-SQLAlchemy session.

    Nothing is flushed and nothing is committed: the host's transaction stays the host's.
    """

    lists_users: ClassVar[bool] = True
    reads_user_objects: ClassVar[bool] = True

    def __init__(self, db: Any, model: type, reader: PersonReader, fallback: Callable[[str], Any]) -> None:
        self._db, self._model, self._reader, self._fallback = db, model, reader, fallback
        self._built: dict[bool, Select[Any]] = {}

    def get(self, key: str) -> Person | None:
        """By the column that is the key; where a key is made in another way, as the host's user loader finds it."""
        with self._db.session.no_autoflush:
            user = self._user(key)
            return None if user is None else self._reader.read(user, key)

    def existing(self, key: str) -> Person | None:
        """Everybody in the table."""
        return self.get(key)

    def as_shown(self, person: Person) -> Person:
        """As they are in the table, or were."""
        return self.get(person.key) or person

    def account(self, key: str) -> HostAccount:
        """Open if there is such a user; whether they are active is up to who reads the object."""
        user = self._user(key)
        return HostAccount(user is not None, user)

    def _user(self, key: str) -> Any:
        with self._db.session.no_autoflush:
            found = (user for user in self._candidates(key) if key_of(user, self._reader.user_key) == key)
            return next(found, None)

    def find(self, email: str) -> Sequence[Person] | None:
        """Everybody with this email, whatever case it is typed in; None where no column holds emails."""
        column = next((getattr(self._model, name) for name in EMAIL_ATTRIBUTES if hasattr(self._model, name)), None)
        if column is None or not hasattr(column, "type"):
            return None
        with self._db.session.no_autoflush:
            same: Select[Any] = select(self._model).where(func.lower(column) == email.lower())
            people = [self._person(user) for user in self._db.session.scalars(same).unique()]
            # Some databases take letters with and without an accent for the same.
            return [person for person in people if person.email.lower() == email.lower()]

    def pages(self, after: str | None, limit: int) -> Iterator[tuple[str, Sequence[Person]]]:
        """Everybody in the order of the primary key, each page with the mark to go on behind it."""
        columns = self._primary_key()
        mark = None if after is None else self._as_primary_key(after)
        while True:
            chosen: Select[Any] = select(self._model).order_by(*columns).limit(limit)
            with self._own_session() as session:
                users = session.scalars(chosen if mark is None else chosen.where(_behind(columns, mark))).unique().all()
                people = [self._person(user) for user in users]
                mark = tuple(getattr(users[-1], column.key) for column in columns) if users else None
            if mark is None:
                return
            yield _as_text(mark), people

    def _own_session(self) -> Session:
        """A hundred thousand users must not pile up in the session of the host."""
        from sqlalchemy.orm import Session  # noqa: PLC0415 - loaded by an app that has such users

        return Session(self._db.session.get_bind(mapper=self._model.__mapper__))  # type: ignore[attr-defined]

    def _person(self, user: Any) -> Person:
        return self._reader.read(user, key_of(user, self._reader.user_key))

    def _candidates(self, key: str) -> Sequence[Any]:
        column = self._key_column()
        if column is None:
            user = self._load(key)
            return [] if user is None else [user]
        value = _as_value(column, key)
        if value is None:
            return []
        finding = self._finding(column, is_number=isinstance(value, int))
        return list(self._db.session.scalars(finding, {"wanted": value}).unique())

    def _finding(self, column: Any, *, is_number: bool) -> Select[Any]:
        """Kept, as building it takes as long as running it, and a page of the gate asks at each request."""
        if is_number not in self._built:
            # A number beyond the column's own type would be an error of the host's database.
            wanted = bindparam("wanted", type_=BigInteger() if is_number else column.type)
            self._built[is_number] = select(self._model).where(column == wanted)
        return self._built[is_number]

    def _key_column(self) -> Any:
        name = read_attribute(self._reader.user_key)
        mapped = self._model.__mapper__.column_attrs  # type: ignore[attr-defined]
        if name is None or name not in mapped:
            return None
        column = getattr(self._model, name)
        return column if _is_readable(column) else None

    def _load(self, key: str) -> Any:
        try:
            return self._fallback(key)
        except Exception as error:
            raise HostCallbackFailed("The user loader failed, so nobody can be identified.") from error

    def _as_primary_key(self, text: str) -> tuple[Any, ...] | None:
        columns = self._primary_key()
        values = tuple(map(_as_value, columns, [text] if len(columns) == 1 else json.loads(text)))
        return None if None in values else values

    def _primary_key(self) -> Sequence[Any]:
        mapper = self._model.__mapper__  # type: ignore[attr-defined]
        return [getattr(self._model, mapper.get_property_by_column(column).key) for column in mapper.primary_key]


def _behind(columns: Sequence[Any], mark: tuple[Any, ...]) -> ColumnElement[bool]:
    """What comes after this place in the order of these columns."""
    if len(columns) == 1:
        return cast(ColumnElement[bool], columns[0] > mark[0])
    return tuple_(*columns) > tuple_(*map(literal, mark, (column.type for column in columns)))


def _as_text(mark: tuple[Any, ...]) -> str:
    return str(mark[0]) if len(mark) == 1 else json.dumps([str(value) for value in mark])


def _is_readable(column: Any) -> bool:
    try:
        return column.type.python_type is not None
    except NotImplementedError:
        return False


def _as_value(column: Any, key: str) -> Any:
    """The key as a value of this column; None when it can be none."""
    try:
        value = column.type.python_type(key)
    except (ValueError, TypeError, NotImplementedError):
        return None
    return None if isinstance(value, int) and value.bit_length() > LONGEST_INTEGER else value
