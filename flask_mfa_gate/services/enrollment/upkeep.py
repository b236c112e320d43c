"""What a cron job does: remind, note lapses, take people over, send mail that waits, sweep out what is dead."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from ...mail.delivery import Delivery
from ..actions.action_jobs import ActionJobs
from ..audit.chain import AuditChain
from ..event_delivery import EventDelivery
from ..oidc.logout import LogoutNotifier
from ..oidc.signing_keys import SigningKeyService
from ..people.daily_totals import DailyTotalsService
from ..people.users import UserService
from ..unit_of_work import TransactionRunner, UnitOfWork
from .digest import DigestService
from .periods import Periods
from .sweeping import Sweeper


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What one run did.

    :param continued: actions on many users that were left unfinished.
    """

    reminded: int
    lapsed: int
    synced: int
    mails_sent: int
    mails_failed: int
    events_sent: int
    events_failed: int
    swept: int
    continued: int


class _Undone(Exception):
    """Takes a transaction back on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepService:
    """Safe to run at any time and twice at once."""

    worker: TransactionRunner
    periods: Periods
    audit: AuditChain
    digest: DigestService
    jobs: ActionJobs
    delivery: Delivery
    event_delivery: EventDelivery
    daily: DailyTotalsService
    sweeper: Sweeper
    users: UserService
    logout: LogoutNotifier | None = None
    signing_keys: SigningKeyService | None = None

    def run_due(self) -> Upkeep:
        """Do all that is due now.

        :raises HostCallbackFailed, DirectoryEmpty: when the host's users can't be taken over. All else is done then.
        """
        reminded, lapsed = self.periods.run()
        head = self.audit.seal()
        self.digest.post_if_due(audit_head=str(head))
        continued = self.jobs.continue_all()
        sent, failed = self.delivery.send_due()
        events_sent, events_failed = self.event_delivery.run()
        if self.logout is not None:
            self.logout.run()
        if self.signing_keys is not None:
            self.signing_keys.retire_superseded()
        # Before the sweep, which takes what is counted here.
        self.daily.count_due()
        swept = self.sweeper.run()
        # Last, because it rests on the host: a directory that fails must not keep back what everybody waits for.
        synced = self.users.sync().people if self.users.is_sync_due() else 0
        return Upkeep(
            reminded=reminded,
            lapsed=lapsed,
            synced=synced,
            mails_sent=sent,
            mails_failed=failed,
            events_sent=events_sent,
            events_failed=events_failed,
            swept=swept,
            continued=continued,
        )

    def preview(self) -> Upkeep:
        """What a run would do now: done in one transaction that is undone again. The host is asked for nobody."""
        found: list[Upkeep] = []
        left = len(self.jobs.left())

        def act(work: UnitOfWork) -> None:
            reminded, lapsed = self.periods.run_in(work)
            mails = self.worker.store.outbox.count_due(work.tx, now=self.worker.clock())
            events = self.worker.store.outgoing_events.count_due(work.tx, now=self.worker.clock())
            found.append(Upkeep(reminded, lapsed, 0, mails, 0, events, 0, self.sweeper.run_in(work), left))
            raise _Undone

        with suppress(_Undone):
            self.worker.run(act, is_bulk=True)
        return found[-1]
