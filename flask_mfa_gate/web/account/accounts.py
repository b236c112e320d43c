"""What has become of an account, asked where the row alone would not know."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, NamedTuple

from flask import current_app

from ...domain.session import GateSession
from ...services.people.directory import KnownPeople, ModelDirectory
from ...services.people.persons import is_switched_on
from ..state import GateState


class Account(Enum):
    """Whether a session may go on for its user."""

    ON = auto()
    OFF = auto()
    CHANGED = auto()


class AccountState(NamedTuple):
    """What has become of it, and the user that was asked; None where nobody could be."""

    account: Account
    user: Any = None


def account_of(state: GateState, session: GateSession) -> AccountState:
    """By the directory, where the host told who its users are; else as its user loader finds the user.

    A directory that fails lets nobody on; a loader may need hooks of the host that do not run for these pages, so one
    that fails says nothing, and the next page of the app itself refuses.
    """
    if isinstance(state.directory, ModelDirectory):
        user = state.directory.user(session.user_key)
        return AccountState(Account.OFF) if user is None else _judge(state, session, user)
    if not isinstance(state.directory, KnownPeople):
        person = state.directory.get(session.user_key)
        if person is None or not person.is_active:
            return AccountState(Account.OFF)
    user = _by_loader(session.host_user_id)
    return AccountState(Account.ON) if user is None else _judge(state, session, user)


def _judge(state: GateState, session: GateSession, user: Any) -> AccountState:
    if not is_switched_on(user):
        return AccountState(Account.OFF, user)
    is_stale = state.stamper.is_stale(session.stamp, user, session.user_key)
    return AccountState(Account.CHANGED if is_stale else Account.ON, user)


def _by_loader(host_user_id: str | None) -> Any:
    loader = getattr(getattr(current_app, "login_manager", None), "_user_callback", None)
    if loader is None or host_user_id is None:
        return None
    try:
        return loader(host_user_id)
    except Exception:  # noqa: BLE001
        return None
