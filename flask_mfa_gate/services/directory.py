"""Who the host's users are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from sqlalchemy import func, select

from ..domain.person import Person

_NAME_ATTRIBUTES = ("name", "full_name", "display_name", "username")
_EMAIL_ATTRIBUTES = ("email", "email_address", "mail")


@runtime_checkable
class Directory(Protocol):
    """Looks people up for the gate. A host may bring its own."""

    def get(self, key: str) -> Person | None:
        """The person with this key, or None."""


class NoDirectory:
    """A host that told nothing about its users: every key is taken as given."""

    def get(self, key: str) -> Person | None:
        """A person of whom only the key is known."""
        return Person(key)


class ModelDirectory:
    """People in a mapped class of the host, read through the host's own Flask-SQLAlchemy session.

    Nothing is flushed and nothing is committed: the host's transaction stays the host's.
    """

    def __init__(self, db: Any, model: type, user_key: Callable[[Any], str], fallback: Callable[[str], Any]) -> None:
        self._db, self._model, self._user_key, self._fallback = db, model, user_key, fallback

    def get(self, key: str) -> Person | None:
        """By primary key where that is the key, else as the host's user loader finds it."""
        with self._db.session.no_autoflush:
            user = self._by_primary_key(key)
            if user is None or self._user_key(user) != key:
                user = self._fallback(key)
        if user is None or self._user_key(user) != key:
            return None
        return person_of(user, key)

    def find(self, email: str) -> Person | None:
        """By email, whatever case it is typed in; None when nobody or more than one has it."""
        column = next((getattr(self._model, name) for name in _EMAIL_ATTRIBUTES if hasattr(self._model, name)), None)
        if column is None:
            return None
        with self._db.session.no_autoflush:
            found = self._db.session.scalars(select(self._model).where(func.lower(column) == email.lower())).all()
        return person_of(found[0], self._user_key(found[0])) if len(found) == 1 else None

    def _by_primary_key(self, key: str) -> Any:
        column = self._model.__mapper__.primary_key[0]  # type: ignore[attr-defined]
        try:
            ident = column.type.python_type(key)
        except (ValueError, TypeError, NotImplementedError):
            return None
        return self._db.session.get(self._model, ident)


def person_of(user: Any, key: str) -> Person:
    """What the gate needs of a user object, from its usual attributes."""
    return Person(
        key=key,
        name=_first_text(user, _NAME_ATTRIBUTES),
        email=_first_text(user, _EMAIL_ATTRIBUTES),
        is_active=bool(getattr(user, "is_active", True)),
    )


def _first_text(user: Any, names: tuple[str, ...]) -> str:
    values = (getattr(user, name, None) for name in names)
    return next((value for value in values if isinstance(value, str) and value), "")
