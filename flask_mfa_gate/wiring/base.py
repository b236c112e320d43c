"""What every service of one gate rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ..clock import Clock
from ..crypto import Keyring
from ..domain.access import Access
from ..domain.authorization.rules import Lapse, LockoutScope, Rules
from ..domain.sign_in.assurance import FactorKind
from ..domain.sign_in.session import Lifetimes
from ..domain.sign_in.upstream import Trust, UpstreamTrust
from ..events.sender import EventSender
from ..factors.registry import FactorRegistry
from ..host import Host
from ..mail.delivery import Delivery
from ..outbound import Outbound
from ..services.client.geoip import Places
from ..services.people.directory import UserDirectory
from ..services.table_setup import AppId
from ..services.unit_of_work import TransactionRunner
from ..settings import Settings
from ..store import Store


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
    outbound: Outbound
    event_sender: EventSender

    @property
    def clock(self) -> Clock:
        """Where services take the time from."""
        return self.settings.clock


def rules_of(settings: Settings) -> Rules:
    """The settings, as the domain's rules ask for them."""
    return Rules(
        default_access={name: Access(word) for name, word in settings.default_access.items()},
        enabled=frozenset(FactorKind(word) for word in settings.factors),
        satisfying=frozenset(FactorKind(word) for word in settings.period_satisfied_by),
        lapse=Lapse(settings.lapsed),
        lockout_scope=LockoutScope(settings.lockout_scope),
        challenge_unrequired=settings.challenge_unrequired,
        prompt_interval=settings.prompt_interval,
        break_glass=frozenset(settings.break_glass),
        trust=trust_of(settings),
    )


def trust_of(settings: Settings) -> UpstreamTrust:
    """What is believed of other providers."""
    by_issuer = {issuer: Trust(word) for issuer, word in settings.trust_amr.items()}
    asked = frozenset(one.issuer for one in settings.upstreams.values())
    return UpstreamTrust(by_issuer, asked, max_age=settings.session_max_age)


def lifetimes_of(settings: Settings) -> Lifetimes:
    """How long sessions live."""
    return Lifetimes(timedelta(minutes=settings.pending_minutes), settings.session_idle, settings.session_max_age)
