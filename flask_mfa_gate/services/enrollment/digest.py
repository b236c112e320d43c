"""The weekly mail to admins: who is about to lapse."""

from __future__ import annotations

from datetime import timedelta

from ...domain.enrollment.enrollment import Status
from ...domain.people.roles import Role
from ...domain.people.user_filter import UserFilter
from ...domain.records.mail_kind import MailKind, Notice
from ...domain.sign_in.assurance import FactorKind
from ...mail.notices import LONGEST_LIST
from ...store.people.user_list import UserList
from ..unit_of_work import TransactionRunner, UnitOfWork

INTERVAL = timedelta(days=7)
_MARK = "digest"


class DigestService:
    """One mail a week to everybody with the role admin, as long as there is something to tell."""

    def __init__(self, worker: TransactionRunner, user_list: UserList) -> None:
        self._store, self._worker, self._users, self._clock = worker.store, worker, user_list, worker.clock

    def post_if_due(self, *, audit_head: str) -> int:
        """Put the digest into the outbox a week after the last, or after the first run; of two processes one does.

        :param audit_head: the newest link of the audit log, for readers who keep the mail.
        :returns: how many mails that are.
        """
        with self._store.database.read() as tx:
            last = self._store.checkpoints.get(tx, _MARK)
        if last is not None and self._clock() - last.at < INTERVAL:
            return 0

        def act(work: UnitOfWork) -> int:
            if not self._store.checkpoints.try_move(work.tx, _MARK, last, at=self._clock()):
                return 0
            return self._post(work, audit_head) if last is not None else 0

        return self._worker.run(act, is_bulk=True)

    def _post(self, work: UnitOfWork, audit_head: str) -> int:
        now = self._clock()
        ending = UserFilter(ends_within=INTERVAL)
        facts = {
            "audit_head": audit_head,
            "lapsing": self._lapsing(work, ending),
            "lapsing_more": max(0, self._users.count(work.tx, ending, now=now) - LONGEST_LIST),
            "lapsed_count": self._users.count(work.tx, UserFilter(status=Status.ENROLLMENT_EXPIRED), now=now),
            "in_period_count": self._users.count(work.tx, UserFilter(status=Status.IN_ENROLLMENT), now=now),
        }
        if not facts["lapsing"] and not facts["lapsed_count"]:
            return 0
        admins = self._store.people.holders(work.tx, Role.ADMIN, now=now)
        for known in admins:
            work.tell(known.person.key, Notice(MailKind.DIGEST, facts))
        return len(admins)

    def _lapsing(self, work: UnitOfWork, ending: UserFilter) -> list[dict[str, str]]:
        """The first of them, by name."""
        now = self._clock()
        people = self._users.page(work.tx, ending, after="", limit=LONGEST_LIST, now=now)
        enrollments = self._store.enrollments.states(work.tx, [person.key for person in people], now=now)
        rows = []
        for person in people:
            period = enrollments[person.key].period
            if period is not None and FactorKind.of_status.isdisjoint(enrollments[person.key].factors):
                rows.append(
                    {"name": person.name or person.key, "email": person.email, "ends_at": period.ends_at.isoformat()}
                )
        return rows
