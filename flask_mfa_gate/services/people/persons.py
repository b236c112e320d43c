"""How a user of the host, whatever it is made of, becomes a :class:`Person` that the tables can keep."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from inspect import getattr_static, isawaitable
from typing import Any

from ...domain.people.person import LONGEST_KEY, Person
from ...domain.people.roles import Role
from ...errors import HostCallbackFailed, NamelessUser
from ..text_validation import UNKEPT, kept_text
from .model_keys import ModelKey

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


def key_of(user: Any, user_key: Callable[[Any], Any]) -> str:
    """The stable key of a user.

    :raises HostCallbackFailed: when the callback fails.
    :raises NamelessUser: when it gives no usable key.
    """
    try:
        key = user_key(user)
    except HostCallbackFailed:
        raise
    except Exception as error:
        raise HostCallbackFailed("The user_key callback failed, so nobody can be identified.") from error
    # SECURITY: an empty or missing key would make one account out of many.
    if not is_key(key):
        raise NamelessUser(
            f"A user's key, from user_key= or get_id(), has to be a string of 1 to {LONGEST_KEY} characters without "
            "NUL, and not the word None."
        )
    return str(key)


def is_key(key: object) -> bool:
    """Whether this can be a user's key: a text, not empty and not the name of nothing, that every database keeps."""
    return isinstance(key, str) and key not in {"", "None"} and len(key) <= LONGEST_KEY and not UNKEPT.search(key)


def is_switched_on(user: Any) -> bool:
    """The host's word for an active account; a host without it has only such.

    :raises HostCallbackFailed: where the host has it, and it fails.
    """
    try:
        return bool(answer_of(user, "is_active", missing=True))
    except Exception as error:
        raise HostCallbackFailed("The user's is_active failed, so nobody is let in by it.") from error


def flask_login_id(user: Any) -> str:
    """What Flask-Login calls the user."""
    return str(user.get_id())


def answer_of(user: Any, name: str, *, missing: Any) -> Any:
    """What a user object answers by this name: an attribute, or a method as in Flask-Login before 0.3.

    :param missing: the answer of an object that has no such thing.
    """
    try:
        value = getattr(user, name)
    except AttributeError:
        # SECURITY: a property that fails over a missing attribute looks like none, and would switch an account on.
        if getattr_static(user, name, None) is None:
            return missing
        raise
    # Nearly every user answers so, several times a request.
    return value if value is True or value is False else called(value)


def called(value: Any) -> Any:
    """The value itself, or what it gives where it is a method.

    :raises TypeError: for one that can't be told without waiting for it.
    """
    # SECURITY: a method that nobody calls is true, whatever it would say.
    answer = value() if callable(value) else value
    if isawaitable(answer):
        raise TypeError("a coroutine is no answer")
    return answer


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
