"""What the gate keeps for one app, in ``app.extensions["mfa_gate"]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, current_app

from ..clock import Clock
from ..crypto import Keyring
from ..domain.authorization.rules import Rules
from ..domain.oidc.strength import AcrWords
from ..errors import ConfigError
from ..factors.registry import FactorRegistry
from ..mail.delivery import Delivery
from ..oidc.client.clients import UpstreamClients
from ..outbound import Outbound
from ..services.actions.action_jobs import ActionJobs
from ..services.actions.action_requests import ActionRequestService
from ..services.audit.chain import AuditChain
from ..services.audit.key_rotation import KeyRotation
from ..services.audit.reading import AuditReader
from ..services.audit.sign_in_reading import SignInReader
from ..services.audit.sign_in_reasons import SignInReasons
from ..services.client.flood_guard import FloodGuard
from ..services.client.geoip import Places
from ..services.client.risk import RiskService
from ..services.delegation.api_tokens import ApiTokenService
from ..services.delegation.impersonations import ImpersonationService
from ..services.enrollment.access_passes import AccessPassService
from ..services.enrollment.enrollment_deferral import EnrollmentDeferral
from ..services.enrollment.enrollment_eligibility import EnrollmentEligibility
from ..services.enrollment.enrollments import EnrollmentService
from ..services.enrollment.factor_enrollment import FactorEnrollment
from ..services.enrollment.recovery_codes import RecoveryCodeService
from ..services.enrollment.upkeep import UpkeepService
from ..services.event_delivery import EventDelivery
from ..services.mail_trial import MailTrial
from ..services.observations import Observations
from ..services.oidc.access_tokens import AccessTokenReader
from ..services.oidc.client_overview import ClientOverviewReader
from ..services.oidc.clients import ClientService
from ..services.oidc.connections import ConnectionService
from ..services.oidc.grants import GrantService
from ..services.oidc.logout import LogoutNotifier
from ..services.oidc.permission import GrantPermission
from ..services.oidc.requests import RequestService
from ..services.oidc.signing_keys import SigningKeyService
from ..services.oidc.subjects import ClaimsReader
from ..services.people.daily_totals import DailyTotalsService
from ..services.people.directory import UserDirectory
from ..services.people.lookup import UserLookup
from ..services.people.persons import PersonReader
from ..services.people.profile import ProfileReader
from ..services.people.user_list import UserListService
from ..services.people.users import UserService
from ..services.policies.history import PolicyHistory
from ..services.policies.lint import PolicyLinter
from ..services.policies.overview import PolicyOverview
from ..services.policies.policies import PolicyService
from ..services.policies.simulation import Simulator
from ..services.sign_in.attempts import AttemptService
from ..services.sign_in.challenges import ChallengeService
from ..services.sign_in.login_view import LastLoginView
from ..services.sign_in.refusals import Refusals
from ..services.sign_in.revocation import RevocationService
from ..services.sign_in.self_service import SelfService
from ..services.sign_in.session_auth_hash import Stamper
from ..services.sign_in.sessions import SessionService
from ..services.table_setup import TableSetup
from ..services.unit_of_work import TransactionRunner
from ..settings import Settings
from ..store import Store
from ..store.database.location import Location
from .host.source import IdentitySource

EXTENSION = "mfa_gate"


@dataclass(frozen=True, slots=True)
class HostTraits:
    """What the host told of itself.

    :param key_column: attribute of users that is the key; None where the key is made in another way.
    :param tells_fresh: whether it can say that who was just signed in gave no password.
    :param has_stamp: whether a changed password can be seen.
    :param is_managed: tells of a request whether its device is managed.
    :param resources: names that no view is marked with.
    :param upstream_user: finds or makes the user of a provider.
    :param risk_signals: tells of a user and a request which signals of the host are raised.
    """

    key_column: str | None = None
    user_model: type | None = None
    has_user_key: bool = False
    has_own_identity: bool = False
    tells_fresh: bool = True
    has_stamp: bool = False
    is_managed: Callable[[Any], bool | None] | None = None
    risk_signals: Callable[[Any, Any], Mapping[str, bool | None]] | None = None
    upstream_user: Callable[[str, str, Mapping[str, Any]], Any] | None = None
    resources: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostParts:
    """What asks the host: who its users are, and who is signed in."""

    directory: UserDirectory
    identity: IdentitySource
    user_key: Callable[[Any], str]
    reader: PersonReader
    stamper: Stamper
    traits: HostTraits


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInServices:
    """Sign-ins: from where, with which codes, and what becomes of the session."""

    attempts: AttemptService
    refusals: Refusals
    flood_guard: FloodGuard
    sessions: SessionService
    revocations: RevocationService
    challenges: ChallengeService
    last_login_view: LastLoginView
    reasons: SignInReasons
    risk: RiskService
    places: Places


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorServices:
    """What users do with their own factors."""

    registry: FactorRegistry
    enrollment: FactorEnrollment
    eligibility: EnrollmentEligibility
    deferral: EnrollmentDeferral
    recovery_codes: RecoveryCodeService = field(repr=False)
    self_service: SelfService


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleServices:
    """Lists of users, and the actions on them."""

    users: UserService
    lookup: UserLookup
    user_list: UserListService
    profiles: ProfileReader
    daily_totals: DailyTotalsService
    enrollments: EnrollmentService
    access_passes: AccessPassService
    action_requests: ActionRequestService
    action_jobs: ActionJobs


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationServices:
    """What acts in a user's stead."""

    api_tokens: ApiTokenService
    impersonations: ImpersonationService


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessServices:
    """Conditional access."""

    policies: PolicyService
    history: PolicyHistory
    overview: PolicyOverview
    linter: PolicyLinter
    simulator: Simulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """Records, mail, other servers, keys and tables: what an operator looks after."""

    audit: AuditChain
    audit_reader: AuditReader
    sign_in_reader: SignInReader
    tables: TableSetup
    key_rotation: KeyRotation
    delivery: Delivery
    outbound: Outbound
    mail_trial: MailTrial
    event_delivery: EventDelivery
    upkeep: UpkeepService
    observations: Observations


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcServices:
    """The OpenID provider: its clients, what they were granted, its keys.

    :param issuer: its address, by which clients know it.
    :param acr: what it calls the strength of a sign-in.
    :param logout: tells clients that a sign-in is over.
    :param failures: counts wrong secrets of clients by address.
    """

    issuer: str
    acr: AcrWords
    clients: ClientService
    requests: RequestService
    grants: GrantService
    permission: GrantPermission
    access_tokens: AccessTokenReader
    signing_keys: SigningKeyService
    claims: ClaimsReader
    overview: ClientOverviewReader
    connections: ConnectionService
    logout: LogoutNotifier
    failures: FloodGuard


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """One app's gate, wired once: what everything rests on, and its parts by what they are for.

    :param oidc: the OpenID provider; None where it is off.
    :param upstreams: providers that sign users in here; None where there are none.
    """

    gate: Any
    settings: Settings
    rules: Rules
    clock: Clock
    keyring: Keyring
    location: Location
    store: Store
    worker: TransactionRunner
    host: HostParts
    sign_in: SignInServices
    factors: FactorServices
    people: PeopleServices
    access: AccessServices
    delegation: DelegationServices
    operations: Operations
    oidc: OidcServices | None = None
    upstreams: UpstreamClients | None = None

    @property
    def issuer(self) -> str:
        """The name of the app, as users know it."""
        return self.settings.issuer or current_app.name


def current_state() -> GateState:
    """The state of the app that serves this request.

    :raises ConfigError: in an app that has no gate.
    """
    return state_in(current_app._get_current_object())  # type: ignore[attr-defined]


def state_in(app: Flask) -> GateState:
    """The state of this app.

    :raises ConfigError: in one that has no gate.
    """
    state: GateState | None = app.extensions.get(EXTENSION)
    if state is None:
        raise ConfigError("init_app", f"was not called for the app {app.name!r}", allowed="MFAGate(app)")
    return state
