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

from .domain.assurance import Method
from .domain.session import Lifetimes
from .domain.verdict import Access, Lapse, Rules
from .errors import ConfigError
from .factors.protocol import Verifier
from .factors.recovery_code import RecoveryCodeFactor
from .factors.totp import TotpFactor
from .mail.delivery import Delivery
from .mail.transport import make_sender
from .services.attempts import AttemptService
from .services.challenges import ChallengeService
from .services.directory import Directory, ModelDirectory, NoDirectory
from .services.enrollments import EnrollmentService
from .services.keys import find_keyring
from .services.self_service import SelfService
from .services.sessions import SessionService
from .services.totp_enrollment import TotpEnrollmentService
from .services.upkeep import UpkeepService
from .services.work import Worker
from .settings import Settings
from .signals import Event, gate_signals
from .store import Store, build_store
from .store.engine import Database, make_engine
from .store.location import Location, locate
from .store.schema import upgrade
from .web.after_response import try_soon
from .web.identity import FlaskLoginIdentity, HostIdentity, IdentitySource
from .web.state import GateState


@dataclass(frozen=True, slots=True)
class Host:
    """What the host told of itself."""

    db: Any = None
    user_model: type | None = None
    directory: Directory | None = None
    user_key: Callable[[Any], str] | None = None
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
    worker = Worker(store, settings.clock, _publisher(app), _dispatcher(delivery))
    rules = _rules(settings)
    lifetimes = _lifetimes(settings)
    totp, codes = TotpFactor(store, keyring, settings), RecoveryCodeFactor(store, keyring)
    verifiers: dict[Method, Verifier] = {totp.method: totp, codes.method: codes}
    attempts = AttemptService(store, worker, clock=settings.clock)
    sessions = SessionService(store, worker, keyring, rules, clock=settings.clock, lifetimes=lifetimes)
    directory = _directory(host)
    return GateState(
        gate=gate, settings=settings, rules=rules, clock=settings.clock, keyring=keyring, store=store, worker=worker,
        directory=directory, identity=_identity(host), user_key=user_key_of(host), verifiers=verifiers, totp=totp,
        attempts=attempts, sessions=sessions, location=location, key_column=_key_column(host),
        has_own_identity=host.identity is not None,
        challenges=ChallengeService(attempts, sessions, verifiers, clock=settings.clock),
        totp_enrollment=TotpEnrollmentService(store, worker, attempts, sessions, totp, codes, clock=settings.clock),
        enrollments=EnrollmentService(
            store, worker, directory, rules, clock=settings.clock, default_days=settings.enrollment_days,
            muted_mails=settings.mail_disabled,
        ),
        self_service=SelfService(store, worker, codes, rules, clock=settings.clock),
        delivery=delivery,
        upkeep=UpkeepService(store, worker, delivery, clock=settings.clock, lifetimes=lifetimes),
    )  # fmt: skip


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


def _directory(host: Host) -> Directory:
    if host.directory is not None:
        return host.directory
    if host.user_model is None or host.db is None:
        return NoDirectory()
    return ModelDirectory(host.db, host.user_model, user_key_of(host), _by_user_loader)


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
        lapse=Lapse(settings.lapsed),
        challenge_unrequired=settings.challenge_unrequired,
        prompt_interval=settings.prompt_interval,
    )


def _lifetimes(settings: Settings) -> Lifetimes:
    return Lifetimes(timedelta(minutes=settings.pending_minutes), settings.session_idle, settings.session_max_age)
