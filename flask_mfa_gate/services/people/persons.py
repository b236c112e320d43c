"""How a user of the host, whatever it is made of, becomes a :class:`Person` that the tables can keep."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from ...domain.people.person import Person
from ...domain.people.roles import Role
from ...errors import HostCallbackFailed
from ..text_validation import kept_text
from .model_keys import ModelKey
from .user_objects import called, is_key, is_switched_on

_NAME_ATTRIBUTES = ("name", "full_name", "display_name", "username")
_LOGIN_ATTRIBUTES = ("user_name", "login", "nickname")
EMAIL_ATTRIBUTES = ("email", "email_address", "mail")
_LOCALE_ATTRIBUTES = ("locale", "language")
_TIMEZONE_ATTRIBUTES = ("timezone", "tz")
LONGEST_NAME, LONGEST_EMAIL, LONGEST_GROUP, LONGEST_LOCALE, LONGEST_TIMEZONE = 255, 320, 191, 35, 64


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
            name=_name(user),
            email=_email(user),
            is_active=is_switched_on(user),
            groups=self.groups_of(user),
            role=self.role_of(user),
            locale=_first_text(user, _LOCALE_ATTRIBUTES)[:LONGEST_LOCALE],
            timezone=_first_text(user, _TIMEZONE_ATTRIBUTES)[:LONGEST_TIMEZONE],
        )

    def groups_of(self, user: Any) -> frozenset[str]:
        """The names of the user's groups."""
        if self.groups is None:
            return frozenset()
        try:
            return _group_names(self.groups(user))
        except Exception as error:
            raise HostCallbackFailed("The groups callback must return a list of strings.") from error

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


def shown_name(user: Any) -> str:
    """What a user object calls its user: a name, else an email address, else nothing."""
    return _name(user) or _email(user)


def shown_account(user: Any) -> str:
    """What the user is told apart by at other apps: an email address, else a name, else nothing."""
    return _email(user) or _name(user)


def login_names(user: Any) -> frozenset[str]:
    """What this user may type to sign in, as far as the user object, or the person, tells; empty where it doesn't."""
    found = (
        _first_text(user, (attribute,)) for attribute in (*_NAME_ATTRIBUTES, *_LOGIN_ATTRIBUTES, *EMAIL_ATTRIBUTES)
    )
    return frozenset(name for name in found if name)


def _name(user: Any) -> str:
    return _first_text(user, _NAME_ATTRIBUTES)[:LONGEST_NAME]


def _email(user: Any) -> str:
    return _first_text(user, EMAIL_ATTRIBUTES)[:LONGEST_EMAIL]


def _group_names(names: Any) -> frozenset[str]:
    # SECURITY: a bare text would be read letter by letter, and a policy for the group would match nobody.
    if isinstance(names, str):
        raise TypeError("a bare text is no list of groups")
    return frozenset(kept_text(name)[:LONGEST_GROUP] for name in names)


def checked(person: Person) -> Person:
    """The same, as far as the tables can keep it."""
    if not is_key(person.key):
        raise TypeError("a key is a string that is not empty")
    return replace(
        person,
        name=kept_text(person.name)[:LONGEST_NAME],
        email=kept_text(person.email)[:LONGEST_EMAIL],
        is_active=bool(called(person.is_active)),
        groups=_group_names(person.groups),
        role=None if person.role is None else Role(person.role),
        locale=kept_text(person.locale)[:LONGEST_LOCALE],
        timezone=kept_text(person.timezone)[:LONGEST_TIMEZONE],
    )


class _Stand:
    """Stands in for a user. Each attribute is a string that shows any change made to it."""

    def __getattr__(self, name: str) -> str:
        return f" {name} X"


def read_attribute(user_key: Callable[[Any], Any]) -> str | None:
    """The attribute whose value, as text, ``user_key`` gives; None where it makes the key in another way."""
    if isinstance(user_key, ModelKey):
        return user_key.attribute
    try:
        key = user_key(_Stand())
    except Exception:  # noqa: BLE001 - the host's function expects a user
        return None
    return key[1:-2] if isinstance(key, str) and key == f" {key[1:-2]} X" else None


def _first_text(user: Any, names: tuple[str, ...]) -> str:
    values = (getattr(user, name, None) for name in names)
    return kept_text(next((value for value in values if isinstance(value, str) and value), ""))
