"""Puts the parts of one app's gate together."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask, current_app, has_request_context
from sqlalchemy import URL, inspect
from sqlalchemy.orm import Mapper

from .clock import Clock
from .crypto import Keyring
from .domain.assurance import FactorKind, Method
from .domain.roles import Role
from .domain.session import Lifetimes
from .domain.verdict import APP, Access, Lapse, LockoutScope, Rules
from .errors import ConfigError
from .factors.access_pass import AccessPassFactor
from .factors.protocol import Verifier
from .factors.recovery_code import RecoveryCodeFactor
from .factors.totp import TotpFactor
from .mail.delivery import Delivery
from .mail.transport import make_sender
from .services.access_passes import AccessPassService
from .services.actions import ActionRunner
from .services.attempts import AttemptService
from .services.challenges import ChallengeService
from .services.digest import DigestService
from .services.directory import Directory, HostDirectory, KnownPeople, ModelDirectory
from .services.enrollments import EnrollmentService
from .services.keys import find_keyring
from .services.moves import MoveWriter
from .services.persons import PersonReader
from .services.self_service import SelfService
from .services.sessions import SessionService
from .services.stamps import ATTRIBUTES, Stamper
from .services.totp_enrollment import FirstEnrollment, TotpEnrollmentService
from .services.upkeep import UpkeepService
from .services.users import UserService
from .services.work import Worker
from .settings import Settings
from .signals import Event, gate_signals
from .store import Store, build_store
from .store.engine import Database, make_engine
from .store.location import Location, locate
from .store.schema import upgrade
from .store.selection import Selection
from .web.after_response import try_soon
from .web.identity import FlaskLoginIdentity, HostIdentity, IdentitySource
from .web.state import GateState, HostTraits


@dataclass(frozen=True, slots=True)
class Host:
    """What the host told of itself."""

    db: Any = None
    user_model: type | None = None
    directory: Directory | None = None
    user_key: Callable[[Any], str] | None = None
    groups: Callable[[Any], Collection[str]] | None = None
    admin_role: Callable[[Any], str | None] | None = None
    session_stamp: Callable[[Any], Any] | None = None
    identity: Any = None


def build_state(gate: Any, app: Flask, host: Host) -> GateState:
    """Check the settings, open the store, and wire the services.

    :raises ConfigError: for anything that would only fail later.
    """
    settings = Settings.from_mapping(app.config)
    location = _locate(app, host, settings)
    testing, secret_key = bool(app.config.get("TESTING")), app.config.get("SECRET_KEY")
    keyring = find_keyring(settings, location, testing=testing, secret_key=secret_key)
    store = _open_store(location, settings)
    delivery = Delivery(store, make_sender(app, settings), clock=settings.clock)
    worker = Worker(store, settings.clock, _publisher(app), _dispatcher(delivery), frozenset(settings.mail_disabled))
    reader = PersonReader(user_key_of(host), host.groups, host.admin_role)
    base = Base(
        settings=settings, store=store, worker=worker, keyring=keyring, rules=_rules(settings), delivery=delivery,
        lifetimes=_lifetimes(settings), directory=_directory(host, store, reader, settings.clock),
    )  # fmt: skip
    return GateState(
        gate=gate, settings=settings, rules=base.rules, clock=settings.clock, keyring=keyring, store=store,
        worker=worker, directory=base.directory, identity=_identity(host), user_key=reader.user_key, reader=reader,
        stamper=Stamper(keyring, host.session_stamp), location=location, delivery=delivery,
        traits=_traits(host), **_admin_services(base), **_account_services(base),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What every service rests on."""

    settings: Settings
    store: Store
    worker: Worker
    keyring: Keyring
    rules: Rules
    lifetimes: Lifetimes
    directory: Directory
    delivery: Delivery


def _admin_services(base: Base) -> dict[str, Any]:
    """What admins, command line and cron use."""
    store, worker, rules, clock = base.store, base.worker, base.rules, base.settings.clock
    everybody = rules.default_access.get(APP) is Access.REQUIRE
    selection = Selection(store.tables, enabled=rules.enabled, everybody_required=everybody)
    writer = MoveWriter(store, reminders=base.settings.reminders)
    runner = ActionRunner(store, worker, base.directory, selection, writer, clock=clock, enabled=rules.enabled)
    users = UserService(store, worker, base.directory, writer, clock=clock)
    return {
        "selection": selection,
        "users": users,
        "enrollments": EnrollmentService(
            store, worker, runner, writer, rules, clock=clock, default_days=base.settings.enrollment_days
        ),
        "access_passes": AccessPassService(
            store, worker, runner, AccessPassFactor(store, base.keyring), clock=clock
        ),
        "upkeep": UpkeepService(
            store, worker, writer, users, DigestService(store, worker, selection, clock=clock), base.delivery,
            clock=clock, lifetimes=base.lifetimes, reminders=base.settings.reminders,
        ),
    }  # fmt: skip


def _account_services(base: Base) -> dict[str, Any]:
    """What the user's own pages use."""
    store, worker, rules, clock = base.store, base.worker, base.rules, base.settings.clock
    totp, codes = TotpFactor(store, base.keyring, base.settings), RecoveryCodeFactor(store, base.keyring)
    verifiers: dict[Method, Verifier] = {
        one.method: one for one in (totp, codes, AccessPassFactor(store, base.keyring))
    }
    attempts = AttemptService(store, worker, clock=clock)
    sessions = SessionService(store, worker, base.keyring, rules, clock=clock, lifetimes=base.lifetimes)
    return {
        "verifiers": verifiers,
        "totp": totp,
        "attempts": attempts,
        "sessions": sessions,
        "challenges": ChallengeService(store, attempts, sessions, verifiers, clock=clock),
        "totp_enrollment": TotpEnrollmentService(
            store, worker, attempts, sessions, totp, codes, rules, _first_enrollment(base), clock=clock
        ),
        "self_service": SelfService(store, worker, codes, rules, clock=clock),
    }


def _first_enrollment(base: Base) -> FirstEnrollment:
    def role_of(key: str) -> Role | None:
        person = base.directory.get(key)
        return person.role if person is not None else None

    return FirstEnrollment(
        everybody_by_pass=base.settings.first_enrollment == "pass",
        admins_by_pass=base.settings.admin_enrollment == "pass",
        role_of=role_of,
    )


def user_key_of(host: Host) -> Callable[[Any], str]:
    """As given; else the primary key of the model; else what Flask-Login calls the user."""
    if host.user_key is not None:
        return host.user_key
    if host.user_model is not None:
        name = _key_column(host) or ""
        return lambda user: str(getattr(user, name))
    return lambda user: str(user.get_id())


def _key_column(host: Host) -> str | None:
    """The attribute that is the key, where the model says so."""
    if host.user_key is not None or host.user_model is None:
        return None
    mapper: Mapper[Any] = inspect(host.user_model)
    return str(mapper.get_property_by_column(mapper.primary_key[0]).key)


def _locate(app: Flask, host: Host, settings: Settings) -> Location:
    host_uri = app.config.get("SQLALCHEMY_DATABASE_URI") if host.db is not None else None
    if host.db is not None and host_uri is None and settings.database_uri is None:
        raise ConfigError(
            "SQLALCHEMY_DATABASE_URI", "has to be set before init_app", allowed="the address of the app's database"
        )
    return locate(
        configured=settings.database_uri,
        host_uri=_as_text(host_uri),
        instance_path=app.instance_path,
    )


def _as_text(uri: str | URL | None) -> str | None:
    """The whole address: SQLAlchemy's own text of a URL object masks the password."""
    return uri.render_as_string(hide_password=False) if isinstance(uri, URL) else uri


def _open_store(location: Location, settings: Settings) -> Store:
    """Only the gate's own file, and memory, get their tables by themselves."""
    database = Database(make_engine(location))
    if location.embedded or location.memory:
        upgrade(database, prefix=settings.table_prefix)
    return build_store(database, prefix=settings.table_prefix)


def _publisher(app: Flask) -> Callable[[Event], None]:
    sender = weakref.ref(app)

    def publish(event: Event) -> None:
        gate_signals.signal(event.name).send(sender(), event=event)

    return publish


def _dispatcher(delivery: Delivery) -> Callable[[Collection[str]], None]:
    def dispatch(message_ids: Collection[str]) -> None:
        """Outside of a request the messages wait for ``run-due``."""
        if has_request_context():
            try_soon(current_app._get_current_object(), delivery, message_ids)  # type: ignore[attr-defined]

    return dispatch


def _directory(host: Host, store: Store, reader: PersonReader, clock: Clock) -> Directory:
    if host.directory is not None:
        return HostDirectory(host.directory)
    if host.user_model is None or host.db is None:
        return KnownPeople(store, clock=clock)
    return ModelDirectory(host.db, host.user_model, reader, _by_user_loader)


def _traits(host: Host) -> HostTraits:
    has_stamp = host.session_stamp is not None or any(hasattr(host.user_model, name) for name in ATTRIBUTES)
    return HostTraits(
        key_column=_key_column(host), user_model=host.user_model, has_user_key=host.user_key is not None,
        has_own_identity=host.identity is not None, has_stamp=has_stamp,
    )  # fmt: skip


def _by_user_loader(key: str) -> Any:
    """The host's own user loader may know a key that is no primary key."""
    manager = getattr(current_app, "login_manager", None)
    loader = getattr(manager, "_user_callback", None)
    return loader(key) if loader is not None else None


def _identity(host: Host) -> IdentitySource:
    return FlaskLoginIdentity() if host.identity is None else HostIdentity(host.identity, user_key_of(host))


def _rules(settings: Settings) -> Rules:
    return Rules(
        default_access={name: Access(word) for name, word in settings.default_access.items()},
        enabled=frozenset(FactorKind(word) for word in settings.factors),
        satisfying=frozenset(FactorKind(word) for word in settings.period_satisfied_by),
        lapse=Lapse(settings.lapsed),
        lockout_scope=LockoutScope(settings.lockout_scope),
        challenge_unrequired=settings.challenge_unrequired,
        prompt_interval=settings.prompt_interval,
    )


def _lifetimes(settings: Settings) -> Lifetimes:
    return Lifetimes(timedelta(minutes=settings.pending_minutes), settings.session_idle, settings.session_max_age)
