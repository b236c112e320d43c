"""Actions as an admin confirms them: the set of users is frozen, carried out once, and told user by user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from ...clock import Clock
from ...crypto import new_id
from ...domain.mfa_status import MfaStatus
from ...domain.roles import Actor
from ...domain.user_filter import UserFilter
from ...errors import BadRequest, NotFound, UnknownUser
from ...store import Store
from ...store.action_requests import ActionItem, ActionRequest, RequestState
from ..people.lookup import UserLookup
from ..people.user_list import UserListService
from ..policies.policies import PolicyService
from ..text_validation import is_key
from ..unit_of_work import TransactionRunner, UnitOfWork
from .action_options import ActionOptions
from .action_result import ActionResult, joined
from .actions import Terms
from .enrollments import EnrollmentService

OPEN_FOR = timedelta(minutes=15)
WORKED_IN_A_REQUEST = timedelta(seconds=5)
MOST_TYPED = 5000
SAMPLE = 10
CHANGED = "changed-meanwhile"
_DEAD_AFTER = timedelta(minutes=1)
_SLICE = 1000
_GONE = "There is no such request, or it has expired. Choose the users again."


@dataclass(frozen=True, slots=True)
class Preview:
    """What an action would do.

    :param outcomes: users by outcome and reason.
    :param sample: keys of the first whom it would be done to.
    """

    outcomes: Mapping[tuple[str, str], int]
    sample: tuple[str, ...]

    @property
    def done(self) -> int:
        """How many it would be done to."""
        return sum(number for (outcome, _), number in self.outcomes.items() if outcome == "done")


class ActionRequestService:
    """Freeze a set of users, show what would happen, carry it out, show what did."""

    def __init__(
        self, store: Store, worker: TransactionRunner, enrollments: EnrollmentService, user_list: UserListService,
        lookup: UserLookup, *, policies: PolicyService, clock: Clock,
    ) -> None:  # fmt: skip
        self._store, self._worker, self._enrollments, self._policies = store, worker, enrollments, policies
        self._list, self._lookup, self._clock = user_list, lookup, clock

    def freeze(
        self, action: str, users: Sequence[str] | UserFilter, *, actor: Actor, not_found: Sequence[str] = ()
    ) -> ActionRequest:  # fmt: skip
        """Keep who is chosen now, for 15 minutes.

        :raises BadRequest: for nobody at all, and for an action that is not known.
        """
        self._call(action)
        request = ActionRequest(
            id=new_id(), actor=actor.name, action=action, created_at=self._clock(), not_found=tuple(not_found)
        )
        self._worker.run(lambda work: self._store.action_requests.add(work.tx, request))
        for items in _slices(self._chosen(users)):
            self._add(request.id, items)
        self._worker.run(lambda work: self._store.action_requests.set_count(work.tx, request.id))
        frozen = self.get(request.id, actor=actor)
        if not frozen.count and not frozen.not_found:
            raise BadRequest("Select at least one user.")
        return frozen

    def _add(self, request_id: str, items: Sequence[ActionItem]) -> None:
        self._worker.run(lambda work: self._store.action_requests.add_items(work.tx, request_id, items))

    def find(self, typed: str) -> tuple[list[str], list[str]]:
        """Keys of the users whose emails or keys were typed or pasted, and what is nobody's, or of several.

        :raises BadRequest: for more than anybody types.
        """
        words = list(dict.fromkeys(word for word in _words(typed) if word))
        if len(words) > MOST_TYPED:
            raise BadRequest(f"Paste at most {MOST_TYPED:,} users at a time.")
        keys: dict[str, None] = {}
        missing: list[str] = []
        for word in words:
            key = self._key_of(word)
            if key is None:
                missing.append(word)
            else:
                keys[key] = None
        return list(keys), missing

    def get(self, request_id: str, *, actor: Actor) -> ActionRequest:
        """A request of this actor.

        :raises NotFound: for any other, and for one that is too old.
        """
        if not is_key(request_id):
            raise NotFound(_GONE)
        with self._store.database.read() as tx:
            found = self._store.action_requests.get(tx, request_id, actor=actor.name)
        if found is None or (found.state is RequestState.OPEN and self._clock() - found.created_at >= OPEN_FOR):
            raise NotFound(_GONE)
        return found

    def preview(self, request: ActionRequest, options: ActionOptions, *, actor: Actor) -> Preview:
        """Count exactly what would become of each user.

        :raises BadRequest: for options that the action does not take.
        """
        counted: Counter[tuple[str, str]] = Counter()
        sample: list[str] = []
        for result in self._tried(request, options, actor):
            for key, outcome, reason in _told(result):
                counted[outcome, reason] += 1
                if outcome == "done" and len(sample) < SAMPLE:
                    sample.append(key)
        return Preview(counted, tuple(sample))

    def would(self, request: ActionRequest, options: ActionOptions, *, actor: Actor) -> ActionResult:
        """The same user by user.

        :raises BadRequest: for options that the action does not take.
        """
        return joined(list(self._tried(request, options, actor)))

    def _tried(self, request: ActionRequest, options: ActionOptions, actor: Actor) -> Iterator[ActionResult]:
        after = ""
        while items := self._waiting(request, after):
            after = items[-1].user_key
            yield self._act(request.action, [one.user_key for one in items], options, actor, dry_run=True)

    def carry_out(self, request: ActionRequest, options: ActionOptions, *, actor: Actor) -> ActionRequest:
        """Do it, or go on with it, for a few seconds; a second submit finds what the first has done.

        :raises BadRequest: for options that the action does not take. Nothing is changed.
        """
        began = self._clock()
        kept = options if request.state is RequestState.OPEN else ActionOptions.of_json(request.options)
        if request.state is RequestState.OPEN:
            self._act(request.action, [], kept, actor, dry_run=True)
        claimed = self._worker.run(
            lambda work: self._store.action_requests.try_claim(
                work.tx, request.id, options=kept.as_json(), now=began, open_since=began - OPEN_FOR,
                dead_since=began - _DEAD_AFTER,
            )
        )  # fmt: skip
        if claimed:
            self._work(request, kept, actor, began)
        return self.get(request.id, actor=actor)

    def totals(self, request: ActionRequest) -> Mapping[tuple[str, str], int]:
        """Users by outcome and reason; without an outcome it has not come to them yet."""
        with self._store.database.read() as tx:
            return self._store.action_requests.totals(tx, request.id)

    def items(self, request: ActionRequest) -> Iterator[ActionItem]:
        """Each user with what became of them."""
        with self._store.database.read() as tx:
            yield from self._store.action_requests.items(tx, request.id)

    def _work(self, request: ActionRequest, options: ActionOptions, actor: Actor, began: datetime) -> None:
        while items := self._waiting(request, ""):
            self._slice(request, items, options, actor)
            if self._clock() - began >= WORKED_IN_A_REQUEST:
                break
        is_done = not self._waiting(request, "")
        requests = self._store.action_requests
        self._worker.run(lambda work: requests.leave(work.tx, request.id, now=self._clock(), is_done=is_done))

    def _slice(
        self, request: ActionRequest, items: Sequence[ActionItem], options: ActionOptions, actor: Actor
    ) -> None:  # fmt: skip
        now_seen = self._seen([one.user_key for one in items])
        same = [one.user_key for one in items if now_seen.get(one.user_key) == one.seen]
        # SECURITY: what the admin confirmed is done, and nothing else, whoever has changed in between.
        changed = [(one.user_key, "skipped", CHANGED) for one in items if now_seen.get(one.user_key) != one.seen]
        result = self._act(request.action, same, options, actor, dry_run=False) if same else ActionResult()

        def note(work: UnitOfWork) -> None:
            self._store.action_requests.note(work.tx, request.id, [*changed, *_told(result)])
            self._store.action_requests.touch(work.tx, request.id, now=self._clock())

        self._worker.run(note)

    def _waiting(self, request: ActionRequest, after: str) -> Sequence[ActionItem]:
        with self._store.database.read() as tx:
            found = self._store.action_requests.waiting(tx, request.id, after=after, limit=_SLICE + 1)
        # A last slice of one would be an action on one user, which goes by other rules than one on many.
        return found if len(found) <= _SLICE else found[: _SLICE - 1]

    def _chosen(self, users: Sequence[str] | UserFilter) -> Iterator[ActionItem]:
        if isinstance(users, UserFilter):
            yield from (ActionItem(row.key, seen_of(row.mfa)) for row in self._list.every(users))
            return
        keys = list(dict.fromkeys(key for key in users if is_key(key)))
        for start in range(0, len(keys), _SLICE):
            yield from (ActionItem(key, seen) for key, seen in self._seen(keys[start : start + _SLICE]).items())

    def _seen(self, keys: Sequence[str]) -> dict[str, str]:
        now = self._clock()
        with self._store.database.read() as tx:
            standings = self._store.enrollments.standings(tx, keys, now=now)
        return {key: seen_of(self._enrollments.describe(standings[key], now=now)) for key in keys}

    def _key_of(self, word: str) -> str | None:
        try:
            key = self._lookup.key_of(word)
            self._enrollments.status(key)
        except (BadRequest, UnknownUser):
            return None
        return key

    def _call(self, action: str) -> Callable[..., ActionResult]:
        calls: dict[str, Callable[..., ActionResult]] = {
            "require": self._enrollments.require, "extend": self._enrollments.extend, "reset": self._enrollments.reset,
            "remove": self._enrollments.remove, "remind": self._enrollments.remind, "unlock": self._enrollments.unlock,
            "revoke-sessions": self._enrollments.revoke_sessions, "revoke-factor": self._enrollments.revoke_factor,
            "revoke-pass": self._enrollments.revoke_pass, "restart-grace": self._policies.restart_graces,
        }  # fmt: skip
        if action not in calls:
            raise BadRequest(f"Unknown action. Known are: {', '.join(calls)}.")
        return calls[action]

    def _act(
        self, action: str, keys: Sequence[str], options: ActionOptions, actor: Actor, *, dry_run: bool
    ) -> ActionResult:  # fmt: skip
        terms = Terms(actor=actor, reason=options.reason, notify=options.notify, dry_run=dry_run)
        return self._call(action)(list(keys), **options.arguments(action), **terms)


def seen_of(mfa: MfaStatus) -> str:
    """A digest of what an admin is shown of somebody's enrollment."""
    ends_at = mfa.ends_at.isoformat() if mfa.ends_at else ""
    told = "\0".join((mfa.status, str(mfa.required), ends_at, ",".join(mfa.factors)))
    return sha256(told.encode()).hexdigest()


def _told(result: ActionResult) -> Iterator[tuple[str, str, str]]:
    for outcome in ("done", "skipped", "failed"):
        for key, reason in getattr(result, outcome):
            yield key, outcome, reason


def _words(typed: str) -> Iterator[str]:
    for line in typed.replace(",", "\n").replace(";", "\n").splitlines():
        yield line.strip().strip("\"'<>").strip()


def _slices(items: Iterable[ActionItem]) -> Iterator[list[ActionItem]]:
    some: list[ActionItem] = []
    for item in items:
        some.append(item)
        if len(some) == _SLICE:
            yield some
            some = []
    if some:
        yield some
