"""The gate's own tables, behind an engine and short transactions of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ..crypto import Keyring
from .database.engine import Database
from .delegation.api_tokens import ApiTokens
from .delegation.impersonations import Impersonations
from .enrollment.access_passes import AccessPasses
from .enrollment.action_requests import ActionRequests
from .enrollment.enrollments import Enrollments
from .enrollment.factors import Factors
from .enrollment.recovery_codes import RecoveryCodes
from .every_table.keys import Keys
from .every_table.sealed import SealedValues
from .oidc.assertions import Assertions
from .oidc.authorize_requests import AuthorizeRequests
from .oidc.clients import OidcClients
from .oidc.consents import OidcConsents
from .oidc.grants import OidcGrants
from .oidc.logouts import Logouts
from .oidc.overviews import ClientOverviews
from .oidc.signing_keys import SigningKeys
from .people.people import People
from .people.reach import Reach
from .records.audit import AuditLog
from .records.checkpoints import Checkpoints
from .records.daily_totals import DailyTotals
from .records.outbox import Outbox
from .records.outgoing_events import OutgoingEvents
from .records.policies import PolicyVersions
from .sign_in.challenge_states import ChallengeStates
from .sign_in.failures import FailureLog
from .sign_in.grants import Grants
from .sign_in.holdings import Holdings
from .sign_in.noted import Arrivals, Noted
from .sign_in.revocations import Revocations
from .sign_in.sessions import Sessions
from .sign_in.sign_in_list import SignInList
from .sign_in.sign_ins import SignIns
from .tables.tables import Tables, build_tables

_REQUEST_MEMORY = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class OidcStore:
    """What the OpenID provider keeps."""

    clients: OidcClients
    consents: OidcConsents
    grants: OidcGrants
    requests: AuthorizeRequests
    signing_keys: SigningKeys
    assertions: Assertions
    logouts: Logouts
    overviews: ClientOverviews

    def sweep(self, tx: Connection, *, now: datetime) -> int:
        """Delete what is over: requests that nobody went on with, tokens, grants, assertions."""
        swept = self.requests.sweep(tx, before=now - _REQUEST_MEMORY) + self.assertions.sweep(tx, now=now)
        return swept + self.grants.sweep(tx, now=now)


@dataclass(frozen=True, slots=True)
class Store:
    """One aggregate a table; each method takes the connection of the transaction it belongs to."""

    database: Database
    tables: Tables
    people: People
    keys: Keys
    enrollments: Enrollments
    factors: Factors
    recovery_codes: RecoveryCodes
    access_passes: AccessPasses
    sessions: Sessions
    arrivals: Arrivals
    holdings: Holdings
    revocations: Revocations
    failures: FailureLog
    audit: AuditLog
    outbox: Outbox
    outgoing_events: OutgoingEvents
    checkpoints: Checkpoints
    noted: Noted
    sealed: SealedValues
    policies: PolicyVersions
    reach: Reach
    sign_ins: SignIns
    sign_in_list: SignInList
    grants: Grants
    api_tokens: ApiTokens
    impersonations: Impersonations
    challenge_states: ChallengeStates
    daily_totals: DailyTotals
    action_requests: ActionRequests
    oidc: OidcStore


def build_store(database: Database, *, prefix: str, keyring: Keyring) -> Store:
    """The store of one tenant."""
    tables = build_tables(prefix)
    checkpoints, sessions = Checkpoints(tables), Sessions(tables, keyring)
    return Store(
        database=database,
        tables=tables,
        people=People(tables),
        keys=Keys(tables),
        enrollments=Enrollments(tables),
        factors=Factors(tables),
        recovery_codes=RecoveryCodes(tables),
        access_passes=AccessPasses(tables),
        sessions=sessions,
        arrivals=Arrivals(tables),
        holdings=Holdings(tables, sessions),
        revocations=Revocations(tables),
        failures=FailureLog(tables),
        audit=AuditLog(tables),
        outbox=Outbox(tables),
        outgoing_events=OutgoingEvents(tables),
        checkpoints=checkpoints,
        noted=Noted(tables),
        sealed=SealedValues(tables),
        policies=PolicyVersions(tables),
        reach=Reach(tables),
        sign_ins=SignIns(tables),
        sign_in_list=SignInList(tables),
        grants=Grants(tables),
        api_tokens=ApiTokens(tables),
        impersonations=Impersonations(tables),
        challenge_states=ChallengeStates(checkpoints),
        daily_totals=DailyTotals(tables),
        action_requests=ActionRequests(tables),
        oidc=_oidc(tables, sessions),
    )


def _oidc(tables: Tables, sessions: Sessions) -> OidcStore:
    return OidcStore(
        clients=OidcClients(tables),
        consents=OidcConsents(tables),
        grants=OidcGrants(tables, sessions),
        requests=AuthorizeRequests(tables),
        signing_keys=SigningKeys(tables),
        assertions=Assertions(tables),
        logouts=Logouts(tables),
        overviews=ClientOverviews(tables),
    )
