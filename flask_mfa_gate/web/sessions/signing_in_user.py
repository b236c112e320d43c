"""Somebody whom the host has just named, as the gate writes him down."""

from __future__ import annotations

from typing import Any

from ...domain.people.person import Person
from ...services.sign_in.arrival import SigningInUser
from ..state import GateState


def signing_in_user(
    state: GateState, user: Any, key: str, *, host_user_id: str | None, endpoint: str | None = None
) -> SigningInUser:
    """Who signs in, with what the host tells of them now; at the view of this endpoint, if at one."""
    return SigningInUser(person_of(state, user, key), state.host.stamper.stamps(user, key), host_user_id, endpoint)


def person_of(state: GateState, user: Any, key: str) -> Person:
    """By the host's own directory where it brought one; else from the user object."""
    if state.host.directory.reads_user_objects:
        return state.host.reader.read(user, key)
    return state.host.directory.get(key) or state.host.reader.read(user, key)


def groups_of(state: GateState, user: Any, key: str) -> frozenset[str] | None:
    """The user's groups; None where nobody tells of them.

    :param user: the host's user object; None where it isn't loaded.
    """
    asks_user = state.host.directory.reads_user_objects and user is not None
    person = state.host.reader.read(user, key) if asks_user else state.host.directory.get(key)
    if person is not None:
        return person.groups
    # SECURITY: a directory without the user doesn't know their groups, and that is not the same as no groups.
    return None if user is None or state.host.reader.groups is None else state.host.reader.groups_of(user)
