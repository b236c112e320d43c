"""What the host tells of itself and of its users."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from flask import current_app

from .clock import Clock
from .domain.policy.conditions.registry import BUILT_IN, Registry
from .services.oidc.subjects import ClaimsHook
from .services.people.directory import Directory, HostDirectory, ModelDirectory, UserDirectory
from .services.people.known_people import KnownPeople
from .services.people.model_keys import ModelKey
from .services.people.persons import PersonReader, read_attribute
from .services.people.user_objects import flask_login_id
from .services.sign_in.session_auth_hash import ATTRIBUTES
from .store import Store
from .web.host.login_manager import FlaskLoginIdentity
from .web.host.own_identity import HostIdentity
from .web.host.source import IdentitySource
from .web.state import HostTraits


class HostOptions(TypedDict, total=False):
    """The arguments of ``init_app``; their meaning is that of :class:`Host`."""

    db: Any
    user_model: type | None
    directory: Directory | None
    user_key: Callable[[Any], str] | None
    groups: Callable[[Any], Collection[str]] | None
    admin_role: Callable[[Any], str | None] | None
    session_stamp: Callable[[Any], Any] | None
    conditions: Registry
    is_managed: Callable[[Any], bool | None] | None
    risk_signals: Callable[[Any, Any], Mapping[str, bool | None]] | None
    identity: Any
    resources: Collection[str]
    oidc_claims: ClaimsHook | None
    upstream_user: Callable[[str, str, Mapping[str, Any]], Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What the host told of itself.

    :param db: its Flask-SQLAlchemy; the gate uses the URL, never the session's transaction.
    :param user_model: mapped class of its users.
    :param directory: in place of ``user_model``, an object with ``get(key)`` and ``page(after_key, limit)``.
    :param user_key: gives a user's key: a text that never changes nor returns. Default: the primary key of
        ``user_model``, else ``get_id()``.
    :param groups: gives the names of a user's groups.
    :param admin_role: gives ``admin``, ``helpdesk``, ``auditor`` or None. Default: nobody has a role.
    :param session_stamp: gives what changes with a user's password; another value voids their sessions. Default: the
        attribute ``password_hash``, ``password`` or ``fs_uniquifier``.
    :param conditions: the condition words of policies, with those of the host.
    :param is_managed: gives of a request whether its device is managed; None when it can't be told.
    :param risk_signals: gives of a user and a request, by name, which of the host's risk signals are raised; None for
        one that can't be told.
    :param identity: for hosts without Flask-Login, an object with ``load(request)`` that gives the user or None.
    :param resources: names that no view is marked with, which the host judges by itself (``gate.ensure``).
    :param oidc_claims: gives of a user, a client and its scopes what an app that signs in here is told beside the
        standard claims; called as ``oidc_claims(user, client, scopes)``.
    :param upstream_user: finds or makes the user whom a provider of ``MFA_GATE_UPSTREAMS`` signed in, or gives None;
        called as ``upstream_user(issuer, subject, claims)``. Issuer and subject together say who it is, and no other
        claim does.
    """

    db: Any = None
    user_model: type | None = None
    directory: Directory | None = None
    user_key: Callable[[Any], str] | None = None
    groups: Callable[[Any], Collection[str]] | None = None
    admin_role: Callable[[Any], str | None] | None = None
    session_stamp: Callable[[Any], Any] | None = None
    conditions: Registry = BUILT_IN
    is_managed: Callable[[Any], bool | None] | None = None
    risk_signals: Callable[[Any, Any], Mapping[str, bool | None]] | None = None
    identity: Any = None
    resources: Collection[str] = ()
    oidc_claims: ClaimsHook | None = None
    upstream_user: Callable[[str, str, Mapping[str, Any]], Any] | None = None


def user_key_of(host: Host) -> Callable[[Any], str]:
    """As given; else the primary key of the model; else what Flask-Login calls the user."""
    if host.user_key is not None:
        return host.user_key
    if host.user_model is not None:
        return ModelKey(host.user_model)
    return flask_login_id


def directory_of(host: Host, store: Store, reader: PersonReader, clock: Clock) -> UserDirectory:
    """Where people are looked up: the host's own directory, its model, else whom the gate has met."""
    if host.directory is not None:
        return HostDirectory(host.directory)
    if host.user_model is None or host.db is None:
        return KnownPeople(store, reader, load_user, clock=clock)
    return ModelDirectory(host.db, host.user_model, reader, load_user)


def traits_of(host: Host) -> HostTraits:
    """What the doctor and the facts of a request need of it."""
    has_stamp = host.session_stamp is not None or any(hasattr(host.user_model, name) for name in ATTRIBUTES)
    return HostTraits(
        key_column=read_attribute(user_key_of(host)), user_model=host.user_model,
        has_user_key=host.user_key is not None, has_own_identity=host.identity is not None,
        tells_fresh=host.identity is None or hasattr(host.identity, "is_fresh"), has_stamp=has_stamp,
        is_managed=host.is_managed, risk_signals=host.risk_signals,
        upstream_user=host.upstream_user, resources=frozenset(host.resources),
    )  # fmt: skip


def load_user(key: str) -> Any:
    """The host's own user loader may know a key that is no primary key."""
    manager = getattr(current_app, "login_manager", None)
    loader = getattr(manager, "_user_callback", None)
    return loader(key) if loader is not None else None


def identity_of(host: Host, *, after_hooks: bool) -> IdentitySource:
    """Who says who is signed in.

    :param after_hooks: whether the host's loader needs what its own hooks open.
    """
    user_key = user_key_of(host)
    if host.identity is None:
        return FlaskLoginIdentity(user_key, after_hooks=after_hooks)
    return HostIdentity(host.identity, user_key, after_hooks=after_hooks)
