"""What a user object of the host says, whatever it is made of: who it is, whether anybody, whether switched on."""

from __future__ import annotations

from collections.abc import Callable
from inspect import getattr_static, isawaitable
from typing import Any

from ...domain.people.person import LONGEST_KEY
from ...errors import HostCallbackFailed, NamelessUser
from ..text_validation import UNKEPT

_BEHIND = "_get_current_object"


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


def unwrapped(user: Any) -> Any:
    """The object behind a proxy of Werkzeug's, such as Flask-Login's ``current_user``."""
    # A class may answer to any name by its metaclass, without any of its objects doing so.
    while hasattr(type(user), _BEHIND) and any(_BEHIND in vars(one) for one in type(user).__mro__):
        user = user._get_current_object()
    return user


def is_anonymous(user: Any, make_stand_in: Callable[[], Any] | None = None) -> bool:
    """Whether a user object stands for nobody: it says that it is not signed in and has no id, or is a stand-in.

    :param make_stand_in: the manager's ``anonymous_user``: a class of the host, or a function.
    """
    # SECURITY: every other object is somebody, whatever its is_anonymous says: the host may let it in.
    says_signed_in = bool(answer_of(user, "is_authenticated", missing=True))
    if not says_signed_in and hasattr(user, "get_id") and _id_of(user) is None:
        return True
    if make_stand_in is None or (isinstance(make_stand_in, type) and type(user) is not make_stand_in):
        return False
    stand_in = _stand_in_like(user, make_stand_in)
    # SECURITY: a stand-in that the host lets in is somebody, such as the owner of a key that it found in the request.
    if stand_in is None or is_let_in(user):
        return False
    # SECURITY: where signed-in users are of that class too, another id than that of a new one makes them somebody.
    if _id_of(stand_in) == _id_of(user):
        return True
    return not says_signed_in and bool(answer_of(user, "is_anonymous", missing=False))


def is_let_in(user: Any) -> bool:
    """Whether an object says that it is signed in; one that does not know the question doesn't."""
    return bool(answer_of(user, "is_authenticated", missing=False))


def _stand_in_like(user: Any, make_stand_in: Callable[[], Any]) -> Any:
    """A new stand-in of the manager, if it is of the same class as this object; a subclass may be a user's."""
    stand_in = unwrapped(make_stand_in())
    return stand_in if type(stand_in) is type(user) else None


def _id_of(user: Any) -> str | None:
    """What ``get_id()`` gives, as text; None where it gives nothing or, as Flask-Login's mixin says, there is none."""
    try:
        found = answer_of(user, "get_id", missing=None)
    except NotImplementedError:
        return None
    return None if found is None else str(found) or None
