"""Lists of users and the numbers of the dashboard: one service for console, command line and CSV."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ...clock import Clock
from ...domain.authorization.rules import Rules
from ...domain.enrollment.enrollment import EnrollmentState, Status
from ...domain.enrollment.mfa_status import describe
from ...domain.people.roles import Role
from ...domain.people.user_filter import EVERYBODY, UserFilter
from ...domain.people.user_list import ChallengeState, UserNumbers, UserPage, UserQuery, UserRow
from ...errors import BadRequest
from ...store import Store
from ...store.every_table.unreadable import read_well
from ...store.people.people import KnownPerson
from ...store.people.user_list import UserList
from ...store.sign_in.challenge_reading import read_challenges
from ..text_validation import kept_text

_PAGE = 1000
_DAY = timedelta(days=1)


class UserListService:
    """Whom the gate knows, with where each one's enrollment stands.

    :param takes_any_key: whether there is no directory, so that an action may speak of a key that nobody has.
    """

    def __init__(
        self, store: Store, user_list: UserList, rules: Rules, *, clock: Clock, takes_any_key: bool
    ) -> None:  # fmt: skip
        self._store, self._list, self._rules, self._clock = store, user_list, rules, clock
        self._takes_any_key = takes_any_key

    def page(self, query: UserQuery) -> UserPage:
        """One page.

        :raises BadRequest: for a filter that nobody could have typed; :class:`BadCursor` for such a cursor.
        """
        check_filter(query.users)
        now = self._clock()
        with self._store.database.read_in_order() as tx:
            found = self._list.sorted_page(tx, query, now=now)
            rows, unreadable = read_well(lambda keys: self._rows(tx, keys, now), found.keys)
        return UserPage(
            items=tuple(rows),
            next_cursor=None if found.last is None else found.last.to_cursor(query.sort),
            count=found.count,
            count_is_exact=found.is_exact,
            unreadable=tuple(unreadable),
        )

    def challenges(self, keys: Collection[str]) -> Mapping[str, ChallengeState]:
        """How the codes of these users have gone; who is not in it has never been asked."""
        with self._store.database.read() as tx:
            return read_challenges(tx, self._store.tables, keys, now=self._clock())

    def every(self, users: UserFilter) -> Iterator[UserRow]:
        """Everybody for whom the filter holds, in the order of their keys, all as of one moment.

        :raises BadRequest: as for :meth:`page`.
        """
        now = self._clock()
        for keys in self._keys(users, now):
            with self._store.database.read() as tx:
                rows = self._rows(tx, keys, now)
            yield from rows

    def export(self, users: UserFilter) -> Iterator[UserRow | str]:
        """The same for a file, which must not end at one bad row: the key alone of whom nothing can read.

        :raises BadRequest: as for :meth:`page`.
        """
        now = self._clock()
        for keys in self._keys(users, now):
            rows, unreadable = self._read_well(keys, now)
            yield from rows
            yield from unreadable

    def count(self, users: UserFilter) -> int:
        """How many they are, exactly.

        :raises BadRequest: as for :meth:`page`.
        """
        check_filter(users)
        with self._store.database.read() as tx:
            return self._list.count(tx, users, now=self._clock())

    def numbers(self) -> UserNumbers:
        """What an admin looks at first, each of them counted as the list of its filter counts it."""
        now = self._clock()
        with self._store.database.read() as tx:
            totals = self._list.totals(tx)

            def count(users: UserFilter) -> int:
                return self._list.count_in(tx, totals, users, now=now)

            return UserNumbers(
                users=count(EVERYBODY),
                required=count(UserFilter(required=True)),
                enrolled=count(UserFilter(status=Status.ENROLLED)),
                in_period=count(UserFilter(status=Status.IN_ENROLLMENT)),
                lapsed=count(UserFilter(status=Status.ENROLLMENT_EXPIRED)),
                lapsing_24h=count(UserFilter(ends_within=_DAY)),
                lapsing_7d=count(UserFilter(ends_within=7 * _DAY)),
                admins_without_mfa=count(UserFilter(role=Role.ADMIN, holds_any=False)),
                throttled=count(UserFilter(throttled=True)),
                break_glass=len(self._rules.break_glass),
            )

    def _keys(self, users: UserFilter, now: datetime) -> Iterator[Sequence[str]]:
        """Slices of those for whom the filter holds."""
        check_filter(users)
        after = ""
        while keys := self._slice(users, after, now):
            yield keys
            after = keys[-1]

    def _read_well(self, keys: Sequence[str], now: datetime) -> tuple[list[UserRow], list[str]]:
        with self._store.database.read() as tx:
            return read_well(lambda some: self._rows(tx, some, now), keys)

    def _slice(self, users: UserFilter, after: str, now: datetime) -> Sequence[str]:
        with self._store.database.read() as tx:
            return self._list.keys(tx, users, after=after, limit=_PAGE, now=now)

    def _rows(self, tx: Connection, keys: Collection[str], now: datetime) -> list[UserRow]:
        known = self._store.people.known(tx, keys, now=now) if keys else {}
        enrollments = self._store.enrollments.states(tx, known, now=now) if known else {}
        return [self._row(known[key], enrollments[key], now) for key in keys if key in known]

    def _row(self, known: KnownPerson, enrollment: EnrollmentState, now: datetime) -> UserRow:
        is_seen = not self._takes_any_key or known.last_sign_in_at is not None
        return UserRow(known.person, describe(enrollment, self._rules, now=now), known.last_sign_in_at, is_seen)


def check_filter(users: UserFilter) -> None:
    """Refuse what no database keeps, so that nobody is called by it.

    :raises BadRequest: with the sentence that says so.
    """
    for text in (users.text, users.group):
        if text is not None and kept_text(text) != text:
            raise BadRequest("There is a NUL or half of a surrogate pair in what is searched for.")
