"""What has become of an account, asked where the row alone would not know."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, NamedTuple

from flask import current_app

from ...domain.sign_in.session import GateSession
from ...services.people.user_objects import is_switched_on, key_of
from ..sessions.shown_user import shown_user
from ..state import GateState


class Account(Enum):
    """Whether a session may go on for its user."""

    ON = auto()
    OFF = auto()
    CHANGED = auto()
    GONE = auto()
    UNKNOWN = auto()


class AccountState(NamedTuple):
    """What has become of it, and the user that was asked; None where nobody could be."""

    account: Account
    user: Any = None


def account_of(state: GateState, session: GateSession, *, shown: Any = None) -> AccountState:
    """By the directory, where the host told who its users are; else by the user that its loader or this request shows.

    A directory that fails lets nobody on. Of a pending sign-in without a directory only the loader may tell: that may
    need hooks of the host that do not run for these pages, and the next page of the app itself asks again.

    :param shown: the user of the session as this request shows them, where that is known already.
    """
    if shown is not None and state.host.directory.reads_user_objects:
        return _judge(state, session, shown)
    found = state.host.directory.account(session.user_key)
    if not found.is_open:
        return AccountState(Account.OFF)
    user = _by_loader(session.host_user_id) if found.user is None else found.user
    if user is not None:
        return _judge(state, session, user)
    if session.is_pending:
        return AccountState(Account.ON)
    told = _as_shown(state, session)
    # SECURITY: a directory does not know of passwords; the user whom the request shows may have another one by now.
    return AccountState(Account.ON) if state.host.directory.lists_users and told.user is None else told


def _as_shown(state: GateState, session: GateSession) -> AccountState:
    """What has become of somebody whom nothing tells of but the request itself."""
    try:
        user = _by_request(state, session, after_hooks=False) or _by_request(state, session, after_hooks=True)
    except Exception:  # noqa: BLE001 - the host's loader may raise anything
        return AccountState(Account.UNKNOWN)
    # SECURITY: whom the host shows no more is not let on by what the gate remembers.
    return AccountState(Account.GONE) if user is None else _judge(state, session, user)


def _by_request(state: GateState, session: GateSession, *, after_hooks: bool) -> Any:
    """The user of the session, if the host takes this request for theirs."""
    user = shown_user(state, after_hooks=after_hooks)
    return user if user is not None and key_of(user, state.host.user_key) == session.user_key else None


def _judge(state: GateState, session: GateSession, user: Any) -> AccountState:
    if not is_switched_on(user):
        return AccountState(Account.OFF, user)
    is_stale = state.host.stamper.is_stale(session.stamp, user, session.user_key)
    return AccountState(Account.CHANGED if is_stale else Account.ON, user)


def _by_loader(host_user_id: str | None) -> Any:
    loader = getattr(getattr(current_app, "login_manager", None), "_user_callback", None)
    if loader is None or host_user_id is None:
        return None
    try:
        return loader(host_user_id)
    except Exception:  # noqa: BLE001
        return None
