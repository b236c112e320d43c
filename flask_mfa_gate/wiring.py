"""Puts the parts of one app's gate together."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from flask import Flask

from .crypto import Keyring
from .domain.access import APP, Access
from .domain.authorization.rules import Lapse, LockoutScope, Rules
from .domain.policy.conditions.condition_type import Source
from .domain.policy.conditions.registry import Registry
from .domain.records.mail_kind import MailKind
from .domain.sign_in.assurance import FactorKind
from .domain.sign_in.session import Lifetimes
from .errors import ConfigError, StoreError
from .factors.parts import FactorParts
from .factors.registry import FactorRegistry, build
from .host import Host, directory_of, identity_of, traits_of, user_key_of
from .mail.delivery import Delivery
from .mail.transport import make_sender
from .opening import app_id_of, is_command, location_of
from .services.actions.actions import ActionRunner
from .services.actions.state_changes import MoveWriter
from .services.audit.chain import AuditChain
from .services.audit.key_rotation import KeyRotation
from .services.audit.retention import AuditRetention
from .services.client.flood_guard import FloodGuard
from .services.client.geoip import Places
from .services.client.risk import RiskService
from .services.console import console_services
from .services.enrollment.access_passes import AccessPassService
from .services.enrollment.digest import DigestService
from .services.enrollment.enrollment_deferral import EnrollmentDeferral
from .services.enrollment.enrollment_eligibility import EnrollmentEligibility, FirstEnrollment
from .services.enrollment.enrollments import EnrollmentService
from .services.enrollment.factor_enrollment import FactorEnrollment
from .services.enrollment.recovery_codes import RecoveryCodeService
from .services.enrollment.upkeep import UpkeepService
from .services.keys import find_keyring
from .services.observations import Observations
from .services.people.daily_totals import DailyTotalsService
from .services.people.directory import UserDirectory
from .services.people.directory_sync import DirectorySync
from .services.people.lookup import UserLookup
from .services.people.persons import PersonReader
from .services.people.population import Population
from .services.people.user_list import UserListService
from .services.people.users import UserService
from .services.policies.history import PolicyHistory
from .services.policies.lint import PolicyLinter
from .services.policies.overview import PolicyOverview
from .services.policies.policies import PolicyService
from .services.policies.simulation import Simulator
from .services.sign_in.attempts import AttemptService
from .services.sign_in.challenges import ChallengeService
from .services.sign_in.login_view import LastLoginView
from .services.sign_in.reasons import SignInReasons
from .services.sign_in.revocation import RevocationService
from .services.sign_in.self_service import SelfService
from .services.sign_in.session_auth_hash import Stamper
from .services.sign_in.sessions import SessionService
from .services.table_setup import AppId, TableSetup
from .services.unit_of_work import TransactionRunner
from .settings import Settings
from .signals import Event, gate_signals
from .store import Store, build_store
from .store.database.engine import Database, make_engine
from .store.database.location import Location
from .store.people.user_list import UserList
from .web.host.remember import longest_cookie_life
from .web.responses.after_response import dispatcher
from .web.state import GateState


def build_state(gate: Any, app: Flask, host: Host) -> GateState:
    """Check the settings, open the store, and wire the services.

    :raises ConfigError: for anything that would only fail later.
    """
    settings = Settings.from_mapping(app.config)
    location = location_of(app, host.db, settings)
    # The file comes before its key, so that a key without a file is a file that was lost.
    database = Database(make_engine(location))
    testing, secret_key = bool(app.config.get("TESTING")), app.config.get("SECRET_KEY")
    keyring = find_keyring(settings, location, testing=testing, secret_key=secret_key)
    store = build_store(database, prefix=settings.table_prefix, keyring=keyring)
    delivery = Delivery(store, make_sender(app, settings), clock=settings.clock)
    worker = TransactionRunner(
        store, settings.clock, _publisher(app), dispatcher(delivery), frozenset(map(MailKind, settings.mail_disabled))
    )
    rules, parts = _rules(settings), FactorParts(store, keyring, settings, settings.issuer or app.name)
    reader = PersonReader(user_key_of(host), host.groups, host.admin_role)
    base = Base(
        settings=settings, store=store, worker=worker, keyring=keyring, rules=rules, delivery=delivery,
        lifetimes=_lifetimes(settings), places=Places(settings.geoip_database),
        host=host, directory=directory_of(host, store, reader, settings.clock),
        app_id=app_id_of(app, host, settings, location), factors=build(parts, rules.enabled),
    )  # fmt: skip
    admin = _admin_services(base)
    _set_up_tables(location, admin["tables"], is_served=not is_command(), may_begin=not settings.keys)
    return GateState(
        gate=gate, settings=settings, rules=base.rules, clock=settings.clock, keyring=keyring, store=store,
        worker=worker, directory=base.directory, user_key=reader.user_key, reader=reader,
        identity=identity_of(host, after_hooks=settings.decide == "last"),
        stamper=Stamper(keyring, host.session_stamp), location=location, delivery=delivery,
        traits=traits_of(host), factors=base.factors, **admin, **_account_services(base),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What every service rests on."""

    settings: Settings
    store: Store
    worker: TransactionRunner
    keyring: Keyring
    rules: Rules
    lifetimes: Lifetimes
    directory: UserDirectory
    delivery: Delivery
    app_id: AppId
    places: Places
    host: Host
    factors: FactorRegistry


def _admin_services(base: Base) -> dict[str, Any]:
    """What admins, command line and cron use."""
    store, worker, rules, clock = base.store, base.worker, base.rules, base.settings.clock
    everybody = rules.default_access.get(APP) is Access.REQUIRE
    user_list = UserList(store.tables, enabled=rules.enabled, everybody_required=everybody)
    writer = MoveWriter(store, base.factors.ways_back, base.factors.companion, reminders=base.settings.reminders)
    runner = ActionRunner(store, worker, base.directory, user_list, writer, clock=clock, rules=rules)
    audit = AuditChain(store, worker, base.keyring, clock=clock)
    access = _policy_services(base, runner)
    sync = DirectorySync(store, worker, base.directory, writer, clock=clock)
    rotation = KeyRotation(store, worker, base.keyring, clock=clock)
    users = UserService(store, worker, base.directory, sync, access["policies"], audit, rotation, clock=clock)
    listed = UserListService(store, user_list, rules, clock=clock, takes_any_key=runner.takes_any_key)
    lookup = UserLookup(store, base.directory, users.is_sync_due, clock)
    enrollments = EnrollmentService(
        store, worker, runner, writer, rules, clock=clock, default_days=base.settings.enrollment_days
    )
    daily = DailyTotalsService(store, worker, rules, clock=clock)
    console = console_services(
        store, worker, enrollments, listed, lookup, directory=base.directory, policies=access["policies"],
        lifetimes=base.lifetimes, clock=clock,
    )  # fmt: skip
    return {
        "user_list": listed,
        "daily_totals": daily,
        **access,
        "audit": audit,
        "tables": TableSetup(store, base.keyring, base.settings, audit, base.app_id),
        "key_rotation": rotation,
        "users": users,
        "lookup": lookup,
        "enrollments": enrollments,
        **console,
        "access_passes": AccessPassService(store, worker, runner, base.factors.access_passes, clock=clock),
        "upkeep": UpkeepService(
            store, worker, writer, users, DigestService(store, worker, user_list, clock=clock), audit,
            _retention(base), base.delivery, daily, jobs=console["action_jobs"], clock=clock, lifetimes=base.lifetimes,
            reminders=base.settings.reminders, cookie_life=longest_cookie_life,
        ),
    }  # fmt: skip


def _policy_services(base: Base, runner: ActionRunner) -> dict[str, Any]:
    """Conditional access."""
    store, rules, clock, registry = base.store, base.rules, base.settings.clock, base.host.conditions
    if not isinstance(registry, Registry):
        raise ConfigError("conditions=", "is no registry of condition words", allowed="BUILT_IN.with_word(...)")
    population = Population(store, base.directory, clock=clock)
    linter = PolicyLinter(
        store, registry, rules, population, clock=clock, sources=_sources(base),
        trusted_proxies=base.settings.trusted_proxies,
    )  # fmt: skip
    policies = PolicyService(
        store, base.worker, runner, registry, clock=clock, check=linter.require_no_new_errors,
        population=population,
    )  # fmt: skip
    history = PolicyHistory(store, registry)
    return {
        "policies": policies,
        "policy_history": history,
        "policy_overview": PolicyOverview(store),
        "sign_in_reasons": SignInReasons(store, registry, history),
        "linter": linter,
        "simulator": Simulator(
            store, policies, base.directory, runner, rules, population, places=base.places, clock=clock
        ),
        "places": base.places,
        "risk": RiskService(store, base.places, clock=clock),
    }


def _retention(base: Base) -> AuditRetention:
    days = base.settings.audit_retention_days
    keep = timedelta(days=days) if days else None
    return AuditRetention(base.store, base.worker, base.keyring, clock=base.settings.clock, keep=keep)


def _sources(base: Base) -> frozenset[Source]:
    """Certificates are up to the server in front, which nothing here can ask."""
    found = {Source.CERTIFICATE}
    found |= {Source.GEOIP} if base.places.is_known else set()
    found |= {Source.GROUPS} if base.host.groups is not None or base.host.directory is not None else set()
    found |= {Source.CLIENT} if find_spec("ua_parser") is not None else set()
    found |= {Source.MANAGED} if base.host.is_managed is not None else set()
    return frozenset(found)


def _account_services(base: Base) -> dict[str, Any]:
    """What the user's own pages use."""
    store, worker, rules, clock = base.store, base.worker, base.rules, base.settings.clock
    companion, attempts = base.factors.companion, AttemptService(store, worker, clock=clock)
    eligibility = EnrollmentEligibility(rules, FirstEnrollment.of(base.settings, base.directory), clock=clock)
    sessions = SessionService(store, worker, base.keyring, rules, clock=clock, lifetimes=base.lifetimes)
    return {
        "observations": Observations(store, worker, clock=clock),
        "last_login_view": LastLoginView(store, worker, clock=clock),
        "attempts": attempts,
        "flood_guard": _flood_guard(base),
        "sessions": sessions,
        "revocations": RevocationService(store, worker, clock=clock, lifetimes=base.lifetimes),
        "challenges": ChallengeService(
            store, worker, attempts, sessions, verifiers=base.factors.verifiers, clock=clock
        ),
        "factor_enrollment": FactorEnrollment(
            store, worker, attempts=attempts, sessions=sessions, eligibility=eligibility, companion=companion,
            rules=rules, clock=clock,
        ),
        "enrollment_eligibility": eligibility,
        "enrollment_deferral": EnrollmentDeferral(store, worker, sessions, clock=clock),
        "recovery_codes": RecoveryCodeService(store, worker, companion, clock=clock),
        "self_service": SelfService(store, worker, companion, rules, clock=clock),
    }  # fmt: skip


def _flood_guard(base: Base) -> FloodGuard:
    """Apps on one Redis server count apart."""
    settings, app = base.settings, base.app_id.configured or base.app_id.name
    name = f"mfa_gate:{app}:{settings.table_prefix}"
    return FloodGuard(settings.flood_limit, settings.flood_storage, name=name, clock=settings.clock)


def _set_up_tables(location: Location, tables: TableSetup, *, is_served: bool, may_begin: bool) -> None:
    """Only the gate's own file, and memory, get their tables by themselves.

    :param is_served: tables of another app are refused here and not at the first request; commands say so themselves.
    :param may_begin: whether a file without tables is a new one, and not what is left of one.
    """
    if is_served:
        with suppress(StoreError):
            tables.require_own(claim=False)
    # SECURITY: a file that lost its tables, as one that was copied without its log, is as good as gone.
    if location.memory or (location.embedded and not location.is_lost and (may_begin or tables.has_begun())):
        tables.make()
    if is_served:
        tables.require_own_once()


def _publisher(app: Flask) -> Callable[[Event], None]:
    sender = weakref.ref(app)

    def publish(event: Event) -> None:
        gate_signals.signal(event.name).send(sender(), event=event)

    return publish


def _rules(settings: Settings) -> Rules:
    return Rules(
        default_access={name: Access(word) for name, word in settings.default_access.items()},
        enabled=frozenset(FactorKind(word) for word in settings.factors),
        satisfying=frozenset(FactorKind(word) for word in settings.period_satisfied_by),
        lapse=Lapse(settings.lapsed),
        lockout_scope=LockoutScope(settings.lockout_scope),
        challenge_unrequired=settings.challenge_unrequired,
        prompt_interval=settings.prompt_interval,
        break_glass=frozenset(settings.break_glass),
    )


def _lifetimes(settings: Settings) -> Lifetimes:
    return Lifetimes(timedelta(minutes=settings.pending_minutes), settings.session_idle, settings.session_max_age)
