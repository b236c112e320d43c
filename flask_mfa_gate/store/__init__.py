"""The gate's own tables, behind an engine and short transactions of its own."""

from __future__ import annotations

from dataclasses import dataclass

from ..crypto import Keyring
from .access_passes import AccessPasses
from .action_requests import ActionRequests
from .audit import AuditLog
from .challenge_states import ChallengeStates
from .daily_totals import DailyTotals
from .engine import Database
from .enrollments import Enrollments
from .factors import Factors
from .failures import FailureLog
from .grants import Grants
from .keys import Keys
from .marks import Marks
from .noted import Noted
from .outbox import Outbox
from .people import People
from .policies import PolicyVersions
from .reach import Reach
from .recovery_codes import RecoveryCodes
from .revocations import Revocations
from .sealed import SealedValues
from .sessions import Sessions
from .sign_in_list import SignInList
from .sign_ins import SignIns
from .tables import Tables, build_tables


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
    revocations: Revocations
    failures: FailureLog
    audit: AuditLog
    outbox: Outbox
    marks: Marks
    noted: Noted
    sealed: SealedValues
    policies: PolicyVersions
    reach: Reach
    sign_ins: SignIns
    sign_in_list: SignInList
    grants: Grants
    challenge_states: ChallengeStates
    daily_totals: DailyTotals
    action_requests: ActionRequests


def build_store(database: Database, *, prefix: str, keyring: Keyring) -> Store:
    """The store of one tenant."""
    tables = build_tables(prefix)
    marks = Marks(tables)
    return Store(
        database=database,
        tables=tables,
        people=People(tables),
        keys=Keys(tables),
        enrollments=Enrollments(tables),
        factors=Factors(tables),
        recovery_codes=RecoveryCodes(tables),
        access_passes=AccessPasses(tables),
        sessions=Sessions(tables, keyring),
        revocations=Revocations(tables),
        failures=FailureLog(tables),
        audit=AuditLog(tables),
        outbox=Outbox(tables),
        marks=marks,
        noted=Noted(tables),
        sealed=SealedValues(tables),
        policies=PolicyVersions(tables),
        reach=Reach(tables),
        sign_ins=SignIns(tables),
        sign_in_list=SignInList(tables),
        grants=Grants(tables),
        challenge_states=ChallengeStates(marks),
        daily_totals=DailyTotals(tables),
        action_requests=ActionRequests(tables),
    )
