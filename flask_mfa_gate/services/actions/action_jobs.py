"""Carries out what an admin confirmed, slice by slice, over as many requests and runs of cron as it takes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from ...domain.people.roles import Actor, Role
from ...errors import HostCallbackFailed, NotFound
from ...store.enrollment.action_requests import ActionItem, ActionRequest, RequestState
from ..people.actors import acting_user
from ..people.directory import UserDirectory
from ..unit_of_work import TransactionRunner, UnitOfWork
from .action_calls import ActionCalls, told
from .action_options import ActionOptions
from .action_requests import GONE, OPEN_FOR, ActionRequestService
from .action_result import ActionResult
from .actions import Answers

WORKED_IN_A_REQUEST = timedelta(seconds=5)
CHANGED = "changed-meanwhile"
LISTED = 50
log = logging.getLogger("flask_mfa_gate")
_DEAD_AFTER = timedelta(minutes=1)


class _Taken(Exception):
    """Another process has done this slice."""


class ActionJobs:
    """Work on requests: each is claimed by one at a time, and no user is acted on twice even by two."""

    def __init__(
        self, worker: TransactionRunner, directory: UserDirectory, calls: ActionCalls, requests: ActionRequestService
    ) -> None:
        self._store, self._worker, self._directory = worker.store, worker, directory
        self._calls, self._requests, self._clock = calls, requests, worker.clock

    def carry_out(self, request: ActionRequest, options: ActionOptions, *, actor: Actor) -> ActionRequest:
        """Do it, or go on with it, for a few seconds; a second submit finds what the first has done.

        :raises BadRequest: for options that the action does not take. Nothing is changed.
        """
        kept = options if request.state is RequestState.OPEN else ActionOptions.of_json(request.options)
        if request.state is RequestState.OPEN:
            self._calls.act(request, [], kept, actor=actor, dry_run=True)
        if self._claim(request, kept):
            self._work(request, kept, actor, until=self._clock() + WORKED_IN_A_REQUEST)
        return self._requests.get(request.id, actor=actor)

    def continue_all(self) -> int:
        """Finish every request that was left unfinished, with the rights that its admin has now.

        :returns: how many requests.
        """
        return sum(self._finish(request) for request in self.left())

    def left(self) -> Sequence[ActionRequest]:
        """Requests that are unfinished, and that nobody works on."""
        with self._store.database.read() as tx:
            return self._store.action_requests.left(tx, dead_since=self._clock() - _DEAD_AFTER)

    def is_worked_on(self, request: ActionRequest) -> bool:
        """Whether a process is at it now."""
        last = request.claimed_at
        return request.state is RequestState.RUNNING and last is not None and last > self._clock() - _DEAD_AFTER

    def recent(self, *, actor: Actor) -> Sequence[tuple[ActionRequest, int]]:
        """The latest that were confirmed, each with the number of users it has come to; all of them for an admin."""
        with self._store.database.read() as tx:
            whose = None if actor.role is Role.ADMIN else actor.name
            found = self._store.action_requests.recent(tx, actor=whose, limit=LISTED)
            come = self._store.action_requests.done_of(tx, [one.id for one in found])
        return [(one, come.get(one.id, 0)) for one in found]

    def cancel(self, request_id: str, *, actor: Actor) -> None:
        """Leave out those who are still waiting. What was done stays done; one that has ended stays as it is.

        :raises NotFound: for a request that is not there, or another's where the actor is no admin.
        """
        # SECURITY: the help desk ends its own requests only.
        if not any(one.id == request_id for one, _ in self.recent(actor=actor)):
            raise NotFound(GONE)
        now = self._clock()
        self._worker.run(lambda work: self._store.action_requests.try_cancel(work.tx, request_id, now=now))

    def _finish(self, request: ActionRequest) -> bool:
        options = ActionOptions.of_json(request.options)
        try:
            # SECURITY: an admin who lost the role since then acts no more.
            actor = acting_user(self._directory, Actor(request.actor).user_key or "")
        except HostCallbackFailed:
            log.warning("the request %s has to wait until the host can be asked about its admin", request.id)
            return False
        if not self._claim(request, options):
            return False
        self._work(request, options, actor, until=None)
        return True

    def _claim(self, request: ActionRequest, options: ActionOptions) -> bool:
        now = self._clock()
        return self._worker.run(
            lambda work: self._store.action_requests.try_claim(
                work.tx, request.id, options=options.as_json(), now=now, open_since=now - OPEN_FOR,
                dead_since=now - _DEAD_AFTER,
            )
        )  # fmt: skip

    def _work(self, request: ActionRequest, options: ActionOptions, actor: Actor, *, until: datetime | None) -> None:
        """:param until: when to pause; None runs to the end."""
        while items := self._requests.waiting(request):
            if not self._slice(request, items, options, actor):
                return
            if until is not None and self._clock() >= until:
                break
        is_done = not self._requests.waiting(request)
        requests = self._store.action_requests
        self._worker.run(lambda work: requests.leave(work.tx, request.id, now=self._clock(), is_done=is_done))

    def _slice(
        self, request: ActionRequest, items: Sequence[ActionItem], options: ActionOptions, actor: Actor
    ) -> bool:  # fmt: skip
        """False where somebody cancelled it."""
        now_seen = self._calls.seen([one.user_key for one in items])
        same = [one.user_key for one in items if now_seen.get(one.user_key) == one.seen]
        # SECURITY: what the admin confirmed is done, and nothing else, even where users changed in between.
        changed = [(one.user_key, "skipped", CHANGED) for one in items if now_seen.get(one.user_key) != one.seen]
        result = ActionResult()
        if same:
            with suppress(_Taken):
                result = self._calls.act(request, same, options, actor=actor, within=self._noting(request.id))

        def note(work: UnitOfWork) -> bool:
            requests = self._store.action_requests
            requests.note(work.tx, request.id, [*changed, *told(result)])
            return requests.try_touch(work.tx, request.id, now=self._clock())

        return self._worker.run(note)

    def _noting(self, request_id: str) -> Callable[[UnitOfWork, Answers], None]:
        """Keeps what became of users in the very transaction in which it does."""

        def note(work: UnitOfWork, answers: Answers) -> None:
            requests = self._store.action_requests
            # SECURITY: behind the lock on the users, so that of two processes at one slice only one acts.
            if not requests.are_waiting(work.tx, request_id, [key for key, _ in answers]):
                raise _Taken
            requests.note(work.tx, request_id, [(key, one.outcome.value, one.reason) for key, one in answers])

        return note
