"""Whether the object that a host's loader left behind is anybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.local import LocalProxy

from ...services.people.persons import answer_of


def unwrapped(user: Any) -> Any:
    """The object behind a proxy, such as Flask-Login's ``current_user``."""
    while isinstance(user, LocalProxy):
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
