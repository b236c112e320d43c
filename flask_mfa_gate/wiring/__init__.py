"""Puts the parts of one app's gate together."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from flask import Flask

from ..domain.records.mail_kind import MailKind
from ..errors import StoreError
from ..events.sender import EventSender
from ..factors.parts import FactorParts
from ..factors.registry import build
from ..host import Host, directory_of, identity_of, traits_of, user_key_of
from ..mail.delivery import Delivery
from ..mail.transport import make_sender
from ..opening import app_id_of, is_command, location_of
from ..outbound import Channels, Outbound
from ..services.client.geoip import Places
from ..services.keys import find_keyring
from ..services.people.persons import PersonReader
from ..services.sign_in.session_auth_hash import Stamper
from ..services.table_setup import TableSetup
from ..services.unit_of_work import TransactionRunner
from ..settings import Settings
from ..signals import Event, gate_signals
from ..store import Store, build_store
from ..store.database.engine import Database, make_engine
from ..store.database.location import Location
from ..web.responses.after_response import dispatcher, event_dispatcher
from ..web.state import GateState, HostParts
from .base import Base, lifetimes_of, rules_of
from .delegation import delegation_services
from .oidc import oidc_services
from .people import AdminWiring
from .sign_in import account_services
from .upstreams import upstream_clients


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
    outbound = Outbound(Channels(settings.outbound_networks))
    sender = EventSender(
        store, settings.destinations, clock=settings.clock, app=settings.issuer or app.name, outbound=outbound
    )
    worker = _worker(app, settings, store, delivery, sender)
    rules, parts = rules_of(settings), FactorParts(store, keyring, settings, settings.issuer or app.name)
    reader = PersonReader(user_key_of(host), host.groups, host.admin_role)
    base = Base(
        settings=settings, store=store, worker=worker, keyring=keyring, rules=rules, delivery=delivery,
        lifetimes=lifetimes_of(settings), places=Places(settings.geoip_database),
        host=host, directory=directory_of(host, store, reader, settings.clock),
        app_id=app_id_of(app, host, settings, location), factors=build(parts, rules.enabled),
        outbound=outbound, event_sender=sender,
    )  # fmt: skip
    admin = AdminWiring(base)
    _set_up_tables(location, admin.operations.tables, is_served=not is_command(), may_begin=not settings.keys)
    sign_in, factors = account_services(base, admin.access.history)
    parts_of_host = _host_parts(base, reader)
    oidc = oidc_services(base, parts_of_host, admin.access.policies, admin.oidc, admin.runner)
    return GateState(
        gate=gate, settings=settings, rules=rules, clock=settings.clock, keyring=keyring, location=location,
        store=store, worker=worker, host=parts_of_host, sign_in=sign_in, factors=factors,
        people=admin.people, access=admin.access,
        delegation=delegation_services(base, admin.runner),
        operations=admin.operations, oidc=oidc,
        upstreams=upstream_clients(base),
    )  # fmt: skip


def _worker(
    app: Flask, settings: Settings, store: Store, delivery: Delivery, sender: EventSender
) -> TransactionRunner:  # fmt: skip
    return TransactionRunner(
        store, settings.clock, _publisher(app), dispatcher(delivery), frozenset(map(MailKind, settings.mail_disabled)),
        settings.destinations, event_dispatcher(sender),
    )  # fmt: skip


def _host_parts(base: Base, reader: PersonReader) -> HostParts:
    host = base.host
    return HostParts(
        directory=base.directory,
        identity=identity_of(host, after_hooks=base.settings.decide == "last"),
        user_key=reader.user_key,
        reader=reader,
        stamper=Stamper(base.keyring, host.session_stamp),
        traits=traits_of(host),
    )


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
