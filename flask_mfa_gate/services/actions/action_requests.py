"""Actions as an admin confirms them: the set of users is frozen, counted, and told user by user."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ...crypto import new_id
from ...domain.people.roles import Actor
from ...domain.people.user_filter import UserFilter
from ...errors import BadRequest, NotFound, UnknownUser
from ...sentences import Sentence
from ...store.enrollment.action_requests import ActionItem, ActionRequest, RequestState
from ..people.lookup import UserLookup
from ..people.user_list import UserListService
from ..people.user_objects import is_key
from ..unit_of_work import TransactionRunner
from .action_calls import ActionCalls, seen_of, told
from .action_options import ActionOptions
from .action_result import ActionResult, joined

OPEN_FOR = timedelta(minutes=15)
MOST_TYPED = 5000
SAMPLE = 10
SLICE = 1000
_BETWEEN = re.compile(r"[,;\t]")
_NAMED_ADDRESS = re.compile(r"<([^<>@]+@[^<>@]+)>")
GONE = "There is no such request, or it has expired. Choose the users again."


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
    """Freeze a set of users, show what would happen, and what did."""

    def __init__(
        self, worker: TransactionRunner, calls: ActionCalls, user_list: UserListService, lookup: UserLookup
    ) -> None:
        self._store, self._worker, self._calls = worker.store, worker, calls
        self._list, self._lookup, self._clock = user_list, lookup, worker.clock

    def freeze(
        self, action: str, users: Sequence[str] | UserFilter, *, actor: Actor, not_found: Sequence[str] = ()
    ) -> ActionRequest:  # fmt: skip
        """Keep who is chosen now, for 15 minutes.

        :raises BadRequest: for nobody at all, and for an action that is not known.
        """
        self._calls.find(action)
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
            raise BadRequest(Sentence("Paste at most %(most_typed)s users at a time.", most_typed=f"{MOST_TYPED:,}"))
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
            raise NotFound(GONE)
        with self._store.database.read() as tx:
            found = self._store.action_requests.get(tx, request_id, actor=actor.name)
        if found is None or (found.state is RequestState.OPEN and self._clock() - found.created_at >= OPEN_FOR):
            raise NotFound(GONE)
        return found

    def preview(self, request: ActionRequest, options: ActionOptions, *, actor: Actor) -> Preview:
        """Count exactly what would become of each user.

        :raises BadRequest: for options that the action does not take.
        """
        counted: Counter[tuple[str, str]] = Counter()
        sample: list[str] = []
        for result in self._tried(request, options, actor):
            for key, outcome, reason in told(result):
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
        while items := self.waiting(request, after):
            after = items[-1].user_key
            keys = [one.user_key for one in items]
            yield self._calls.act(request, keys, options, actor=actor, dry_run=True)

    def totals(self, request: ActionRequest) -> Mapping[tuple[str, str], int]:
        """Users by outcome and reason; without an outcome it has not come to them yet."""
        with self._store.database.read() as tx:
            return self._store.action_requests.totals(tx, request.id)

    def items(self, request: ActionRequest) -> Iterator[ActionItem]:
        """Each user with what became of them."""
        with self._store.database.read() as tx:
            yield from self._store.action_requests.items(tx, request.id)

    def waiting(self, request: ActionRequest, after: str = "") -> Sequence[ActionItem]:
        """A slice of those to whom nothing has happened yet, behind this key."""
        with self._store.database.read() as tx:
            return self._store.action_requests.waiting(tx, request.id, after=after, limit=SLICE)

    def _chosen(self, users: Sequence[str] | UserFilter) -> Iterator[ActionItem]:
        if isinstance(users, UserFilter):
            yield from (ActionItem(row.key, seen_of(row.mfa)) for row in self._list.every(users))
            return
        keys = list(dict.fromkeys(key for key in users if is_key(key)))
        for start in range(0, len(keys), SLICE):
            yield from (ActionItem(key, seen) for key, seen in self._calls.seen(keys[start : start + SLICE]).items())

    def _key_of(self, word: str) -> str | None:
        try:
            key = self._lookup.key_of(word)
            self._calls.require_known(key)
        except (BadRequest, UnknownUser):
            return None
        return key


def _words(typed: str) -> Iterator[str]:
    for line in typed.splitlines():
        cells = [_bare(cell) for cell in _BETWEEN.split(line)]
        # In a row of a table a name, a number or a date beside an address is no user, though it may be the key of one.
        yield from [cell for cell in cells if "@" in cell] or cells


def _bare(cell: str) -> str:
    """Without quotes; the address alone where a name stands before it, as in a mail program."""
    address = _NAMED_ADDRESS.search(cell)
    return (address[1] if address else cell).strip().strip("\"'<>").strip()


def _slices(items: Iterable[ActionItem]) -> Iterator[list[ActionItem]]:
    some: list[ActionItem] = []
    for item in items:
        some.append(item)
        if len(some) == SLICE:
            yield some
            some = []
    if some:
        yield some
