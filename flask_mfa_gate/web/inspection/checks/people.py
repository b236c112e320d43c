"""The host's users: their keys, their passwords, and whether they are found again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Integer, inspect
from sqlalchemy.exc import SQLAlchemyError

from ....errors import HostCallbackFailed, NamelessUser
from ....sentences import Sentence
from ....services.observations import Observation
from ....services.people.directory_sync import HELD_BACK
from ...state import GateState
from ..findings import Finding, error, warning
from ..registry import Inspection, Needs, check

_UNSTABLE_KEYS = frozenset({"email", "email_address", "mail", "name", "username", "full_name", "display_name"})
_SHOWN = 5


@check()
def key_column(on: Inspection) -> Iterator[Finding]:
    """A key that people change, or that the database gives out twice."""
    traits = on.state.host.traits
    if traits.key_column in _UNSTABLE_KEYS:
        yield warning(
            "unstable-key",
            Sentence("The user key is the column %(key_column)r, which can change.", key_column=traits.key_column),
            fix="Let user_key= give one that never does.",
        )
    if traits.user_model is not None and _comes_back(on, traits.user_model, traits.key_column):
        yield warning(
            "reused-key",
            "SQLite gives the key of a deleted last user to the next one.",
            fix='Set __table_args__ = {"sqlite_autoincrement": True} in the user model.',
        )


def _comes_back(on: Inspection, model: type, key: str | None) -> bool:
    """Whether the host's database may hand out a key twice (https://www.sqlite.org/autoinc.html)."""
    if not str(on.app.config.get("SQLALCHEMY_DATABASE_URI", "")).startswith("sqlite"):
        return False
    mapper: Any = inspect(model)
    column = mapper.primary_key[0]
    if len(mapper.primary_key) > 1 or mapper.get_property_by_column(column).key != key:
        return False
    return isinstance(column.type, Integer) and not column.table.dialect_options["sqlite"]["autoincrement"]


@check()
def reading_people(on: Inspection) -> Iterator[Finding]:
    """Whether the app's users can be read and found again, tried with the first of them."""
    try:
        some = next((people for _mark, people in on.state.host.directory.pages(None, 1)), ())
    except HostCallbackFailed as failure:
        yield error("unreadable-users", str(failure), fix="Fix the callback that is named.")
        return
    except SQLAlchemyError:  # the host's own tables may not be there yet
        return
    if any(not _is_found(on.state, person.key) for person in some):
        yield error(
            "lost-users",
            "A user is not found by the key that user_key= gives.",
            fix="Make the app's user loader take that key, or give a directory= that finds people by it.",
        )


def _is_found(state: GateState, key: str) -> bool:
    try:
        return state.host.directory.get(key) is not None
    except HostCallbackFailed:
        return False


@check()
def nameless_users(on: Inspection) -> Iterator[Finding]:
    """Whether the login manager leaves its user where the gate looks, tried with a request of nobody's."""
    with on.app.test_request_context():
        try:
            on.state.host.identity.load_anew()
            on.state.host.identity.load()
        except NamelessUser as failure:
            yield _nameless(str(failure))
        except Exception:  # noqa: BLE001 - a loader may need what the app's hooks open
            return


@check(Needs.TABLES)
def observed_nameless_users(on: Inspection) -> Iterator[Finding]:
    """What only a request shows: a user of whom nothing tells who it is."""
    with on.store.database.read() as tx:
        seen = on.state.operations.observations.recent(tx, Observation.NAMELESS_USER)
    yield from map(_nameless, seen)


def _nameless(sentence: str) -> Finding:
    return error("nameless-user", sentence, fix="Give init_app what the sentence names, then sign in once more.")


@check(Needs.TABLES)
def late_identities(on: Inspection) -> Iterator[Finding]:
    """Users who appear when the gate can no longer keep a view from acting."""
    with on.store.database.read() as tx:
        endpoints = on.state.operations.observations.recent(tx, Observation.LATE_IDENTITY)
    for endpoint in endpoints:
        yield warning(
            "late-identity",
            Sentence(
                "The view %(endpoint)r identifies its user itself, and acts before the gate can stop it.",
                endpoint=endpoint,
            ),
            fix="In the decorator that authenticates, return what gate.ensure() gives if it is not None.",
        )


@check(Needs.TABLES)
def changing_keys(on: Inspection) -> Iterator[Finding]:
    """Two keys with one address give a ``get_id()`` away that changes."""
    if on.state.host.traits.has_user_key or on.state.host.traits.user_model is not None:
        return
    with on.store.database.read() as tx:
        has_twins = on.store.people.has_twins(tx)
    if has_twins:
        yield warning(
            "unstable-get-id",
            "Two user keys have one email address, as if get_id() changed.",
            fix="Give user_key= or user_model= to init_app.",
        )


@check(Needs.TABLES)
def session_stamps(on: Inspection) -> Iterator[Finding]:
    """Whether a changed password is noticed. Without a model, what its users have shows when one signs in."""
    traits = on.state.host.traits
    if traits.has_stamp:
        return
    with on.store.database.read() as tx:
        lack_stamps = traits.user_model is not None or on.store.sessions.lack_stamps(tx)
    if lack_stamps:
        yield warning(
            "no-session-stamp",
            "The gate can't see when a password is changed, so sessions outlive it.",
            fix="Give session_stamp= to init_app, or call gate.password_changed(key).",
        )


@check(Needs.TABLES)
def untold_passwords(on: Inspection) -> Iterator[Finding]:
    """Views after which the password was another one, and nothing showed that they had changed it."""
    with on.store.database.read() as tx:
        endpoints = on.state.operations.observations.recent(tx, Observation.UNTOLD_PASSWORD)
    for endpoint in endpoints:
        yield warning(
            "untold-password",
            Sentence(
                "While the view %(endpoint)r ran, the password of its user changed, and the gate could not see that "
                "the view had done it, so that user was signed out too.",
                endpoint=endpoint,
            ),
            fix="If the view changes passwords, call gate.password_changed(key) in it, after the commit.",
        )


@check(Needs.TABLES)
def upstream_users(on: Inspection) -> Iterator[Finding]:
    """People who wanted to set up a first factor, and whom no password of the app's own brings in."""
    with on.store.database.read() as tx:
        servers = on.state.operations.observations.recent(tx, Observation.UPSTREAM_USER)
    for server in servers:
        yield warning(
            "upstream-user",
            Sentence(
                "Users whom each request names by %(server)s can't set up their first factor by themselves: the gate "
                "can't tell when they signed in.",
                server=server,
            ),
            fix="Give each an access pass: flask mfa access-pass USER",
        )


@check(Needs.TABLES)
def break_glass(on: Inspection) -> Iterator[Finding]:
    """Accounts that have to work when nothing else does."""
    for key in on.settings.break_glass:
        if on.state.host.directory.existing(key) is None:
            yield error(
                "break-glass-unknown",
                Sentence("MFA_GATE_BREAK_GLASS names %(key)r, and nobody has this key.", key=key),
                fix="Correct MFA_GATE_BREAK_GLASS: it takes user keys, as `flask mfa status --all` lists them.",
            )
            continue
        with on.store.database.read() as tx:
            held = on.store.enrollments.state(tx, key, now=on.now).factors
        if not held & on.state.rules.enabled:
            yield error(
                "break-glass",
                Sentence("The break-glass account %(key)r has no factor.", key=key),
                fix="Sign in with it and set up a factor.",
            )


@check()
def model_without_db(on: Inspection) -> Iterator[Finding]:
    """A model that the gate was shown and can't read."""
    if on.state.host.traits.user_model is not None and not on.state.host.directory.lists_users:
        yield warning(
            "model-without-db",
            "user_model= was given without db=, so the gate knows only users who have signed in.",
            fix="Give db= to init_app too.",
        )


@check(Needs.TABLES)
def required_and_never_met(on: Inspection) -> Iterator[Finding]:
    """Orders about keys that may be nobody's: without a directory, nothing tells a typing error from a newcomer."""
    if on.state.host.directory.lists_users:
        return
    with on.store.database.read() as tx:
        keys = on.store.enrollments.required_and_never_met(tx, limit=_SHOWN + 1)
    if keys:
        more = " and others" if len(keys) > _SHOWN else ""
        yield warning(
            "required-never-met",
            Sentence(
                "MFA is required of %(known)s%(more)s, and nobody has signed in by these keys.",
                known=", ".join(map(repr, keys[:_SHOWN])),
                more=more,
            ),
            fix="Check the keys. To take one back: flask mfa remove KEY",
        )


@check(Needs.TABLES)
def keys_that_are_addresses(on: Inspection) -> Iterator[Finding]:
    """Without a model the key is ``get_id()``; what that is shows once people have signed in."""
    if on.state.host.traits.key_column is not None:
        return
    with on.store.database.read() as tx:
        are_addresses = on.store.people.has_addresses_for_keys(tx)
    if are_addresses:
        yield warning(
            "email-as-key",
            "User keys are email addresses, which can change and pass to somebody else.",
            fix="Let user_key= give something that never does.",
        )


@check(Needs.TABLES)
def missing_people(on: Inspection) -> Iterator[Finding]:
    """Whom the last sync would have voided, were they not so many."""
    with on.store.database.read() as tx:
        mark = on.store.checkpoints.get(tx, HELD_BACK)
    if mark is not None:
        yield warning(
            "sync-held-back",
            Sentence(
                "%(value)s users have been missing from the directory for a day, too many to void at once.",
                value=mark.value,
            ),
            fix="Fix the directory. If they are really gone: flask mfa sync --void-missing",
        )
