"""What may be wrong with an app's gate, each finding with the sentence that mends it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask

from ..errors import MFAGateError
from ..services.keys import KEY_FILE
from ..store import schema
from .endpoints import unknown_endpoints
from .hooks import taken_rules
from .state import GateState

_UNSTABLE_KEYS = frozenset({"email", "email_address", "mail", "name", "username", "full_name", "display_name"})


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
        *_tables(state),
        *_endpoints(app, state),
        *_keys(state),
        *_mail(app, state),
        *_users(app, state),
        *_cookies(app),
    ]
    return sorted(found, key=lambda one: one.level)


def _tables(state: GateState) -> Iterator[Finding]:
    try:
        if not schema.is_ready(state.store.database, prefix=state.settings.table_prefix):
            yield Finding(
                "fault", "tables", "The gate's tables are missing or older than the code. Run: flask mfa upgrade"
            )
    except MFAGateError as error:
        yield Finding("fault", "database", str(error))


def _endpoints(app: Flask, state: GateState) -> Iterator[Finding]:
    for key, name in unknown_endpoints(app, state.settings):
        yield Finding("fault", "unknown-endpoint", f"{key} names the endpoint {name!r}, which the app does not have.")
    for endpoint in taken_rules(app, state.settings.url_prefix):
        yield Finding(
            "fault",
            "taken-route",
            f"The endpoint {endpoint!r} has an address of the gate's pages. Set MFA_GATE_URL_PREFIX.",
        )


def _keys(state: GateState) -> Iterator[Finding]:
    if state.settings.keys or not state.location.embedded:
        return
    path = state.location.folder / KEY_FILE
    sentence = f"Secrets are sealed with the key file {path}. Back it up, or set MFA_GATE_KEYS."
    yield Finding("warning", "key-file", sentence)
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding("fault", "key-file-mode", f"Others can read the key file {path}. Run: chmod 600 {path}")


def _mail(app: Flask, state: GateState) -> Iterator[Finding]:
    if "mail" not in app.extensions:
        yield Finding("warning", "no-mail", "Flask-Mail is not set up, so mails wait in the outbox.")
    if state.settings.base_url is None:
        yield Finding("warning", "no-base-url", "MFA_GATE_BASE_URL is not set, so mails carry no link.")


def _users(app: Flask, state: GateState) -> Iterator[Finding]:
    if state.traits.key_column in _UNSTABLE_KEYS:
        yield Finding(
            "warning",
            "unstable-key",
            f"The user key is the column {state.traits.key_column!r}, which can change. Give user_key=.",
        )
    if getattr(app, "login_manager", None) is None and not state.traits.has_own_identity:
        yield Finding(
            "fault", "no-identity", "There is neither Flask-Login nor identity=, so nobody can be identified."
        )


def _cookies(app: Flask) -> Iterator[Finding]:
    if not app.config.get("SESSION_COOKIE_HTTPONLY", True):
        yield Finding(
            "warning", "session-cookie", "SESSION_COOKIE_HTTPONLY is off, so scripts can read the app's session."
        )
