"""Runs actions on one user, on several, or on all whom a filter finds: one road, slice by slice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from typing import TypedDict

from sqlalchemy import Connection

from ...domain.authorization.rules import Rules
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.enrollment.revocations import RevokeFactor, RevokePass
from ...domain.enrollment.state_changes import Action, Outcome, StateChange, UserState, fail, without_notice
from ...domain.people.person import Person
from ...domain.people.roles import Actor, ActorLike, Right
from ...domain.people.user_filter import UserFilter
from ...errors import BadRequest, NotAllowed, UnknownUser
from ...sentences import Sentence
from ...store.people.user_list import UserList
from ..people.actors import acting_user, actor_of
from ..people.directory import UserDirectory
from ..people.user_objects import is_key
from ..text_validation import check_words
from ..unit_of_work import TransactionRunner, UnitOfWork
from .action_result import ActionResult, Answer, joined
from .state_changes import ChangeWriter
from .subjects import REFUSALS, Subject, SubjectCheck

SLICE = 1000
Progress = Callable[[int], None]
Answers = Sequence[tuple[str, Answer]]
Within = Callable[[UnitOfWork, Answers], None]
NOT_SEEN = "not-seen-yet"
LOUD = "The user is always told of this, unless the command line or the app itself does it."


class Terms(TypedDict, total=False):
    """What every action takes beside its own arguments; the meaning is that of :class:`Order`."""

    actor: ActorLike
    reason: str | None
    notify: bool
    dry_run: bool
    progress: Progress | None
    within: Within | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who orders an action, and how.

    :param actor: an :class:`Actor`; or as text ``user:KEY``, ``cli``, ``host``, ``system``, or a bare user key.
    :param reason: kept in the audit record.
    :param notify: whether users are told.
    :param dry_run: say what would happen, and change nothing.
    :param progress: called after each slice with the number of users it was about.
    :param within: told what became of each user of a slice, in its transaction; what it raises undoes the slice.
    """

    actor: ActorLike = Actor.HOST
    reason: str | None = None
    notify: bool = True
    dry_run: bool = False
    progress: Progress | None = None
    within: Within | None = None

    def __post_init__(self) -> None:
        """Take only what can be kept."""
        check_words(self.actor, self.reason)


@dataclass(frozen=True, slots=True)
class _Task:
    """One action as it is carried out now.

    :param actor: with the role of this moment.
    """

    action: Action
    actor: Actor
    order: Order


class ActionRunner:
    """Finds the users, asks whether the actor may, and changes a slice of them in one transaction.

    A process that is killed leaves whole slices behind: no user is half done, and the same order again does the rest.
    """

    def __init__(
        self,
        worker: TransactionRunner,
        directory: UserDirectory,
        user_list: UserList,
        writer: ChangeWriter,
        *,
        rules: Rules,
    ) -> None:
        self._store, self._worker, self._directory = worker.store, worker, directory
        self._users, self._writer = user_list, writer
        self._clock, self._rules, self._subjects = worker.clock, rules, SubjectCheck(directory, rules)

    def on_one(self, action: Action, key: str, order: Order) -> ActionResult:
        """One user, as the host knows him this moment.

        :raises UnknownUser, NotAllowed: see there.
        """
        task = self._task(action, order)
        person = self.person(key)
        result = ActionResult.of(self._slice(task, [person], [person], is_bulk=False))
        if result.failed:
            why = result.failed[0][1]
            raise NotAllowed(why, REFUSALS[why])
        return result

    def on_keys(self, action: Action, keys: Sequence[str], order: Order) -> ActionResult:
        """Several users, as the gate knows them; whom it does not know the host is asked about."""
        task = self._task(action, order)
        answers: dict[str, Answer] = {}
        for start in range(0, len(keys), SLICE):
            wanted = keys[start : start + SLICE]
            known, fresh = self._people([key for key in wanted if is_key(key)])
            answers |= dict.fromkeys(wanted, Answer(Outcome.FAILED, "unknown-user"))
            answers |= dict(self._slice(task, [*known, *fresh], fresh, is_bulk=len(keys) > 1))
        return ActionResult.of(answers.items())

    def on_filter(self, action: Action, users: UserFilter, order: Order) -> ActionResult:
        """Everybody for whom the filter holds."""
        task = self._task(action, order)
        check_words(task.actor.name, f"{users.text} {users.group}")
        return joined([ActionResult.of(self._slice(task, people, [], is_bulk=True)) for people in self._pages(users)])

    def states(self, users: UserFilter) -> Iterator[tuple[Sequence[Person], dict[str, EnrollmentState]]]:
        """The same people with their enrollment state, page by page."""
        for people in self._pages(users):
            with self._store.database.read() as tx:
                keys = [person.key for person in people]
                yield people, self._store.enrollments.states(tx, keys, now=self._clock())

    def person(self, key: str) -> Person:
        """The user with this key, as the host knows him this moment.

        :raises UnknownUser: also for what can be nobody's key, which some databases would choke on.
        """
        person = self.find(key)
        if person is None:
            raise UnknownUser(unknown(key))
        return person

    def find(self, key: str) -> Person | None:
        """The same; None where there is nobody."""
        return self._directory.get(key) if is_key(key) else None

    @property
    def takes_any_key(self) -> bool:
        """Whether the host has no directory, so that nothing tells a typing error from a newcomer."""
        return not self._directory.lists_users

    def actor(self, given: ActorLike) -> Actor:
        """The actor with the role that the host gives them now; a disabled one has none."""
        named = actor_of(given, self._directory)
        if named.user_key is None:
            return named
        return acting_user(self._directory, named.user_key)

    def checked(self, actor: Actor, right: Right, key: str) -> Person:
        """The user with this key, on whom this actor may act.

        :raises UnknownUser, NotAllowed: see there.
        """
        person = self.person(key)
        if (why := self.refusal(actor, right, person)) is not None:
            raise NotAllowed(why, REFUSALS[why])
        return person

    def refusal(self, actor: Actor, right: Right, person: Person) -> str | None:
        """Why this actor may not act on this person now, in one word; None when they may."""
        return self._subjects.refusal(actor, right, self._subjects.as_of_now(person, actor))

    def _task(self, action: Action, order: Order) -> _Task:
        actor = self.actor(order.actor)
        # SECURITY: anyone who took over an admin's account must not reset others behind their back.
        if action.must_tell and not order.notify and not actor.may_be_silent:
            raise BadRequest(LOUD)
        return _Task(action, actor, order)

    def _pages(self, users: UserFilter) -> Iterator[Sequence[Person]]:
        after = ""
        while True:
            with self._store.database.read() as tx:
                people = self._users.page(tx, users, after=after, limit=SLICE, now=self._clock())
            if not people:
                return
            yield people
            after = people[-1].key

    def _people(self, keys: Sequence[str]) -> tuple[list[Person], list[Person]]:
        """Those the gate knows, and those the host had to be asked about."""
        with self._store.database.read() as tx:
            known = self._store.people.known(tx, [key for key in keys if is_key(key)], now=self._clock())
        asked = [self._directory.get(key) for key in keys if key not in known and is_key(key)]
        return [one.person for one in known.values()], [person for person in asked if person is not None]

    def _slice(
        self, task: _Task, people: Sequence[Person], fresh: Sequence[Person], *, is_bulk: bool
    ) -> list[tuple[str, Answer]]:
        order = task.order

        def act(work: UnitOfWork) -> list[tuple[str, StateChange]]:
            work.people.update((person.key, person) for person, _ in shown)
            enrollments = self._store.enrollments.locked_states(work.tx, keys, now=self._clock())
            # Behind the lock: everybody who writes both rows of a user takes them in this order.
            self._store.people.write(work.tx, fresh, now=self._clock())
            changes = self._changes(work.tx, enrollments, task, shown)
            self._writer.write(work, changes, actor=task.actor.name, reason=order.reason)
            if order.within is not None:
                order.within(work, _answers(changes, unseen))
            return changes

        if not people:
            return []
        keys, shown = [one.key for one in people], [self._subjects.as_of_now(one, task.actor) for one in people]
        unseen = self._unseen(keys)
        changes = self._preview(task, shown) if order.dry_run else self._worker.run(act, is_bulk=is_bulk)
        if order.progress is not None:
            order.progress(len(people))
        return _answers(changes, unseen)

    def _unseen(self, keys: Sequence[str]) -> set[str]:
        """Keys that are taken as they are given, and by which nobody has come yet."""
        if not self.takes_any_key:
            return set()
        with self._store.database.read() as tx:
            known = self._store.people.known(tx, keys, now=self._clock())
        return {key for key in keys if key not in known or known[key].last_sign_in_at is None}

    def _preview(self, task: _Task, people: Sequence[Subject]) -> list[tuple[str, StateChange]]:
        with self._store.database.read() as tx:
            enrollments = self._store.enrollments.states(tx, [one.person.key for one in people], now=self._clock())
            return self._changes(tx, enrollments, task, people)

    def _changes(
        self, tx: Connection, enrollments: Mapping[str, EnrollmentState], task: _Task, people: Iterable[Subject]
    ) -> list[tuple[str, StateChange]]:
        action, actor = task.action, task.actor
        now, keys = self._clock(), list(enrollments)
        held = self._store.factors.held(tx, keys) if isinstance(action, RevokeFactor) and action.factor_id else {}
        with_pass = self._store.access_passes.holders(tx, keys, now=now) if isinstance(action, RevokePass) else set()

        @cache
        def on(user: UserState) -> StateChange:
            """Once for all who are in the same state."""
            change = action.on(user, by=actor.name)
            return change if task.order.notify else without_notice(change)

        changes = []
        for shown in people:
            person, why = shown.person, self._subjects.refusal(actor, action.right, shown)
            user = UserState(
                enrollments[person.key], person.is_active, now, self._rules.enabled, self._rules.satisfying,
                held.get(person.key, ()), person.key in with_pass,
            )  # fmt: skip
            changes.append((person.key, fail(why) if why is not None else on(user)))
        return changes


def unknown(key: str) -> str:
    """What is said of a key that nobody has."""
    return Sentence("No user with the key %(key)r is known.", key=key)


def _answers(changes: Sequence[tuple[str, StateChange]], unseen: AbstractSet[str]) -> list[tuple[str, Answer]]:
    answers = {id(change): Answer(change.outcome, change.reason) for _, change in changes}
    return [(key, _flagged(answers[id(change)], is_unseen=key in unseen)) for key, change in changes]


def _flagged(answer: Answer, *, is_unseen: bool) -> Answer:
    """An order for a key that nobody has come by yet is kept, but must not look like one about somebody."""
    return Answer(Outcome.DONE, NOT_SEEN) if is_unseen and answer == Answer(Outcome.DONE) else answer
