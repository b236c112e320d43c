"""Who acts, from what a caller says."""

from __future__ import annotations

from ...domain.people.roles import Actor, ActorLike, is_reserved
from ...errors import BadRequest
from ..text_validation import check_words
from .directory import UserDirectory
from .user_objects import is_key

_AMBIGUOUS = (
    "A user has the key {0!r}, so as an actor it could mean that user or not. "
    "Pass Actor.user({0!r}), or what else was meant: Actor.CLI, Actor.HOST, Actor.SYSTEM, Actor.user(KEY)."
)


def actor_of(given: ActorLike, directory: UserDirectory) -> Actor:
    """The actor, without any role: what the caller says of that counts for nothing.

    :raises BadRequest: for text that may mean a word or a user.
    :raises NotAllowed: for nobody in particular.
    """
    check_words(given, None)
    if isinstance(given, Actor):
        return Actor(given.name)
    # SECURITY: who chose the key `cli`, or `user:1`, must not be taken for the operator or for user 1 where a host
    # passes on a key; nor is it recorded so.
    if is_reserved(given) and is_somebody(directory, given):
        raise BadRequest(_AMBIGUOUS.format(given))
    return Actor.parse(given)


def acting_user(directory: UserDirectory, key: str) -> Actor:
    """This user as an actor, with the role that the host gives them now; a disabled one has none."""
    person = directory.get(key) if is_key(key) else None
    # SECURITY: whom the host has taken the role from acts no more, though the gate has not met them since.
    if person is not None and not directory.lists_users:
        person = directory.as_shown(person) or person
    return Actor(Actor.user(key).name, person.role if person is not None and person.is_active else None)


def is_somebody(directory: UserDirectory, key: str) -> bool:
    """Whether a user has this very key; where nobody can be asked, whether the gate has met one."""
    return is_key(key) and directory.existing(key) is not None
