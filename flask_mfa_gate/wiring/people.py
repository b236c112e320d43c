"""Wires lists of users and the actions on them, and what an operator looks after."""

from __future__ import annotations

from datetime import timedelta

from ..clock import Clock
from ..domain.access import APP, Access
from ..domain.authorization.rules import Rules
from ..services.actions.action_calls import ActionCalls
from ..services.actions.action_jobs import ActionJobs
from ..services.actions.action_requests import ActionRequestService
from ..services.actions.actions import ActionRunner
from ..services.actions.state_changes import ChangeWriter
from ..services.audit.chain import AuditChain
from ..services.audit.key_rotation import KeyRotation
from ..services.audit.reading import AuditReader
from ..services.audit.retention import AuditRetention
from ..services.audit.sign_in_reading import SignInReader
from ..services.enrollment.access_passes import AccessPassService
from ..services.enrollment.digest import DigestService
from ..services.enrollment.enrollments import EnrollmentService
from ..services.enrollment.periods import Periods
from ..services.enrollment.sweeping import Sweeper
from ..services.enrollment.upkeep import UpkeepService
from ..services.event_delivery import EventDelivery
from ..services.mail_trial import MailTrial
from ..services.observations import Observations
from ..services.people.daily_totals import DailyTotalsService
from ..services.people.directory_sync import DirectorySync
from ..services.people.lookup import UserLookup
from ..services.people.profile import ProfileReader
from ..services.people.user_list import UserListService
from ..services.people.users import UserService
from ..services.table_setup import TableSetup
from ..services.unit_of_work import TransactionRunner
from ..store import Store
from ..store.people.user_list import UserList
from ..web.host.remember import longest_cookie_life
from ..web.state import Operations, PeopleServices
from .access import access_services
from .base import Base
from .oidc import oidc_parts


class AdminWiring:
    """Builds what admins, command line and cron use; these services know each other."""

    def __init__(self, base: Base) -> None:
        self._base = base
        store, worker, rules = base.store, base.worker, base.rules
        everybody = rules.default_access.get(APP) is Access.REQUIRE
        self._rows = UserList(store.tables, enabled=rules.enabled, everybody_required=everybody)
        self._writer = ChangeWriter(
            store, base.factors.ways_back, base.factors.companion, reminders=base.settings.reminders
        )
        self._runner = ActionRunner(worker, base.directory, self._rows, self._writer, rules=rules)
        self._audit = AuditChain(worker, base.keyring)
        self._rotation = KeyRotation(worker, base.keyring)
        self.access = access_services(base, self._runner)
        self.people = self._people()
        self.oidc = oidc_parts(base, self._runner)
        self.operations = self._operations()

    @property
    def runner(self) -> ActionRunner:
        """Runs actions on users, and knows who may."""
        return self._runner

    def _people(self) -> PeopleServices:
        base, store, worker, rules, clock = self._base, *self._common()
        sync = DirectorySync(worker, base.directory, self._writer)
        users = UserService(worker, base.directory, sync, self.access.policies, self._audit, self._rotation)
        listed = UserListService(store, self._rows, rules, clock=clock, takes_any_key=self._runner.takes_any_key)
        lookup = UserLookup(store, base.directory, users.is_sync_due, clock)
        enrollments = EnrollmentService(
            worker, self._runner, self._writer, rules, default_days=base.settings.enrollment_days
        )
        calls = ActionCalls(store, enrollments, self.access.policies, clock=clock)
        requests = ActionRequestService(worker, calls, listed, lookup)
        return PeopleServices(
            users=users,
            lookup=lookup,
            user_list=listed,
            profiles=ProfileReader(store, base.lifetimes, clock=clock),
            daily_totals=DailyTotalsService(worker, rules),
            enrollments=enrollments,
            access_passes=AccessPassService(worker, self._runner, base.factors.access_passes),
            action_requests=requests,
            action_jobs=ActionJobs(worker, base.directory, calls, requests),
        )

    def _operations(self) -> Operations:
        base, store, worker, _, clock = self._base, *self._common()
        event_delivery = EventDelivery(worker, base.event_sender)
        return Operations(
            audit=self._audit,
            audit_reader=AuditReader(worker),
            sign_in_reader=SignInReader(store, clock=clock),
            tables=TableSetup(store, base.keyring, base.settings, self._audit, base.app_id),
            key_rotation=self._rotation,
            delivery=base.delivery,
            outbound=base.outbound,
            mail_trial=MailTrial(worker, base.delivery),
            event_delivery=event_delivery,
            upkeep=UpkeepService(
                worker=worker,
                periods=Periods(worker, self._writer, reminders=base.settings.reminders),
                audit=self._audit,
                digest=DigestService(worker, self._rows),
                jobs=self.people.action_jobs,
                delivery=base.delivery,
                event_delivery=event_delivery,
                logout=self.oidc.logout if self.oidc is not None else None,
                signing_keys=self.oidc.signing_keys if self.oidc is not None else None,
                daily=self.people.daily_totals,
                sweeper=Sweeper(worker, _retention(base), lifetimes=base.lifetimes, cookie_life=longest_cookie_life),
                users=self.people.users,
            ),
            observations=Observations(worker),
        )

    def _common(self) -> tuple[Store, TransactionRunner, Rules, Clock]:
        return self._base.store, self._base.worker, self._base.rules, self._base.clock


def _retention(base: Base) -> AuditRetention:
    days = base.settings.audit_retention_days
    keep = timedelta(days=days) if days else None
    return AuditRetention(base.worker, base.keyring, keep=keep)
