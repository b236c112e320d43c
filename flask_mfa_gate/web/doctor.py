"""Faults and warnings of an app's set-up, each with the sentence that mends it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import Integer, inspect
from sqlalchemy.exc import SQLAlchemyError

from ..errors import HostCallbackFailed, MFAGateError, PolicyError
from ..services.directory import pages_of
from ..services.keys import KEY_FILE
from ..services.sessions import DROPPED
from ..store import schema
from .endpoints import unknown_endpoints
from .hooks import taken_rules
from .marks import is_marked_in_vain, marks_of
from .state import GateState

_UNSTABLE_KEYS = frozenset({"email", "email_address", "mail", "name", "username", "full_name", "display_name"})
_LATE_UPKEEP = timedelta(hours=2)
_LATE_MAIL = timedelta(days=1)
_NO_STAMP = (
    "The gate can't see when a password is changed, so sessions outlive it. "
    "Give session_stamp=, or call gate.password_changed(key)."
)
_LOST = (
    "A user is not found by the key that user_key= gives. The app's user loader has to take that key, "
    "or directory= has to find people by it."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend.

    :param level: ``fault``, which fails the command, or ``warning``.
    :param code: a stable word.
    """

    level: str
    code: str
    sentence: str


def findings(app: Flask, state: GateState) -> list[Finding]:
    """Everything found, faults first."""
    found = [
        *_endpoints(app, state),
        *_keys(state),
        *_mail(app, state),
        *_users(app, state),
        *_people(state),
        *_cookies(app),
        *_store(state),
    ]
    return sorted(found, key=lambda one: one.level)


def _warning(code: str, sentence: str) -> Finding:
    return Finding("warning", code, sentence)


def _fault(code: str, sentence: str) -> Finding:
    return Finding("fault", code, sentence)


def _store(state: GateState) -> Iterator[Finding]:
    """What only the tables can tell, when there are any."""
    try:
        if not schema.is_ready(state.store.database, prefix=state.settings.table_prefix):
            yield _fault("tables", "The gate's tables are missing or older than the code. Run: flask mfa upgrade")
            return
        yield from _rows(state)
        yield from _policies(state)
    except MFAGateError as error:
        yield _fault("database", str(error))


def _rows(state: GateState) -> Iterator[Finding]:
    now, store = state.clock(), state.store
    with store.database.read() as tx:
        for name in store.marks.names(tx, prefix=DROPPED):
            sentence = f"The session key {name!r} can't be kept while a sign-in waits, and is dropped."
            yield _warning("dropped-session-key", sentence)
        if store.enrollments.is_overdue(tx, since=now - _LATE_UPKEEP):
            yield _warning("upkeep-late", "Reminders or lapses wait for hours. Run from cron: flask mfa run-due")
        if problem := store.outbox.oldest_problem(tx, since=now - _LATE_MAIL):
            yield _warning("mail-late", f"Mail waits for over a day. The last problem was: {problem}.")
        for key in state.settings.break_glass:
            if not store.enrollments.standing(tx, key, now=now).factors & state.rules.enabled:
                yield _fault("break-glass", f"The account for emergencies {key!r} has no factor. Set one up.")
        # Without a model, what its users have is not known before one signs in.
        if not state.traits.has_stamp and (state.traits.user_model is not None or store.sessions.lack_stamps(tx)):
            yield _warning("no-session-stamp", _NO_STAMP)
        if _takes_get_id(state) and store.people.has_twins(tx):
            sentence = "Two user keys have one email address: does get_id() change? Give user_key= or user_model=."
            yield _warning("unstable-get-id", sentence)


def _policies(state: GateState) -> Iterator[Finding]:
    try:
        state.policies.current()
    except PolicyError as fault:
        yield _fault(
            "policies", f"The policies can't be read, so nobody is let in. Import others, or roll back. {fault}"
        )


def _takes_get_id(state: GateState) -> bool:
    return not state.traits.has_user_key and state.traits.user_model is None


def _endpoints(app: Flask, state: GateState) -> Iterator[Finding]:
    for key, name in unknown_endpoints(app, state.settings):
        yield _fault("unknown-endpoint", f"{key} names the endpoint {name!r}, which the app does not have.")
    for name in state.settings.exempt_endpoints:
        if marks_of(app.view_functions.get(name)).wants_identity:
            yield _fault("exempt-mark", f"MFA_GATE_EXEMPT_ENDPOINTS opens {name!r}, which is marked all the same.")
    for endpoint, view in app.view_functions.items():
        if is_marked_in_vain(view):
            sentence = f"The mark of the view {endpoint!r} stands above its route. Put it below, next to the function."
            yield _fault("mark-above-route", sentence)
    for endpoint in taken_rules(app, state.settings.url_prefix):
        sentence = f"The endpoint {endpoint!r} has an address of the gate's pages. Set MFA_GATE_URL_PREFIX."
        yield _fault("taken-route", sentence)


def _keys(state: GateState) -> Iterator[Finding]:
    if state.settings.keys or not state.location.embedded:
        return
    path = state.location.folder / KEY_FILE
    yield _warning("key-file", f"Secrets are sealed with the key file {path}. Back it up, or set MFA_GATE_KEYS.")
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield _fault("key-file-mode", f"Others can read the key file {path}. Run: chmod 600 {path}")


def _mail(app: Flask, state: GateState) -> Iterator[Finding]:
    if "mail" not in app.extensions:
        yield _warning("no-mail", "Flask-Mail is not set up, so mails wait in the outbox.")
    if state.settings.base_url is None:
        yield _warning("no-base-url", "MFA_GATE_BASE_URL is not set, so mails carry no link.")


def _users(app: Flask, state: GateState) -> Iterator[Finding]:
    traits = state.traits
    if traits.key_column in _UNSTABLE_KEYS:
        sentence = f"The user key is the column {traits.key_column!r}, which can change. Let user_key= give another."
        yield _warning("unstable-key", sentence)
    if traits.user_model is not None and _comes_back(app, traits.user_model, traits.key_column):
        sentence = (
            "SQLite gives the key of a deleted last user to the next one. "
            "Set sqlite_autoincrement=True in __table_args__ of the user model."
        )
        yield _warning("reused-key", sentence)
    if getattr(app, "login_manager", None) is None and not traits.has_own_identity:
        yield _fault("no-identity", "There is neither Flask-Login nor identity=, so nobody can be identified.")


def _people(state: GateState) -> Iterator[Finding]:
    """Whether the app's users can be read and found again, tried with the first of them."""
    try:
        some = next((people for _mark, people in pages_of(state.directory, None, 1)), ())
    except HostCallbackFailed as error:
        yield _fault("unreadable-users", str(error))
        return
    except SQLAlchemyError:  # the host's own tables may not be there yet
        return
    if any(not _is_found(state, person.key) for person in some):
        yield _fault("lost-users", _LOST)


def _is_found(state: GateState, key: str) -> bool:
    try:
        return state.directory.get(key) is not None
    except HostCallbackFailed:
        return False


def _comes_back(app: Flask, model: type, key: str | None) -> bool:
    """Whether the host's database may hand out a key twice (https://www.sqlite.org/autoinc.html)."""
    if not str(app.config.get("SQLALCHEMY_DATABASE_URI", "")).startswith("sqlite"):
        return False
    mapper: Any = inspect(model)
    column = mapper.primary_key[0]
    if mapper.get_property_by_column(column).key != key:
        return False
    return isinstance(column.type, Integer) and not column.table.dialect_options["sqlite"]["autoincrement"]


def _cookies(app: Flask) -> Iterator[Finding]:
    if not app.config.get("SESSION_COOKIE_HTTPONLY", True):
        yield _warning("session-cookie", "SESSION_COOKIE_HTTPONLY is off, so scripts can read the app's session.")
