"""Somebody whom the host has just named, as the gate writes him down."""

from __future__ import annotations

from typing import Any

from ..domain.person import Person
from ..services.directory import KnownPeople, ModelDirectory
from ..services.sessions import Newcomer
from .state import GateState


def newcomer(state: GateState, user: Any, key: str, *, host_user_id: str | None) -> Newcomer:
    """Who signs in, with what the host tells of him now."""
    return Newcomer(person_of(state, user, key), state.stamper.stamp(user, key), host_user_id)


def person_of(state: GateState, user: Any, key: str) -> Person:
    """By the host's own directory where it brought one; else from the user object."""
    if isinstance(state.directory, KnownPeople | ModelDirectory):
        return state.reader.read(user, key)
    return state.directory.get(key) or state.reader.read(user, key)
