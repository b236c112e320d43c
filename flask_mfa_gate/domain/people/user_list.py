"""One page of a list of users: what is asked for, what stands in each row, and where the next page begins."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ...errors import BadCursor, BadRequest
from ...sentences import Sentence
from ..enrollment.enrollment import Status
from ..enrollment.mfa_status import MfaStatus
from .person import LONGEST_KEY, Person
from .user_filter import EVERYBODY, UserFilter
from .user_search import LONGEST_SORT_NAME

PAGE_SIZES = (20, 50, 100)
COUNT_CAP = 1001
_LONGEST_CURSOR = 4096
# Where users stand who have no deadline, or never signed in.
NO_DEADLINE = datetime(9999, 12, 31, tzinfo=UTC)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class UserSort(StrEnum):
    """The order of a list. Users who share a place in it stand by key."""

    NAME = "name"
    DEADLINE = "deadline"
    LAST_SIGN_IN = "last_sign_in"

    @property
    def is_descending(self) -> bool:
        """Whether the latest comes first."""
        return self is UserSort.LAST_SIGN_IN


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a sorted list: that of one user, by the value that is sorted by and the key."""

    value: str | datetime
    key: str

    def to_cursor(self, sort: UserSort) -> str:
        """As an opaque text for a URL."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        return base64.urlsafe_b64encode(json.dumps([sort, value, self.key]).encode()).decode().rstrip("=")

    @classmethod
    def of_cursor(cls, cursor: str, sort: UserSort) -> Position:
        """The place that :meth:`to_cursor` gave out for this sort.

        :raises BadCursor: for any other text.
        """
        try:
            return cls._read(cursor, sort)
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise BadCursor("This page of the list no longer exists. Start from the first page.") from None

    @classmethod
    def _read(cls, cursor: str, sort: UserSort) -> Position:
        if len(cursor) > _LONGEST_CURSOR:
            raise ValueError("too long")
        padded = cursor + "=" * (-len(cursor) % 4)
        word, value, key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if word != sort or not _is_text(key, LONGEST_KEY):
            raise ValueError("of another list")
        if sort is not UserSort.NAME:
            moment = datetime.fromisoformat(value).astimezone(UTC)
            if not NEVER <= moment <= NO_DEADLINE:
                raise ValueError("no such moment")
            return cls(moment, key)
        if not _is_text(value, LONGEST_SORT_NAME):
            raise ValueError("no name")
        return cls(value, key)


def _is_text(value: object, longest: int) -> bool:
    """Whether every database takes it; half of a surrogate pair fails to encode."""
    return isinstance(value, str) and len(value) <= longest and "\0" not in value and bool(value.encode() or True)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserQuery:
    """A page of a list.

    :param cursor: the ``next_cursor`` of the page before.
    :param per_page: one of ``PAGE_SIZES``.
    :raises BadRequest: for another size.
    """

    users: UserFilter = EVERYBODY
    sort: UserSort = UserSort.NAME
    cursor: str | None = None
    per_page: int = 50

    def __post_init__(self) -> None:
        """Refuse pages of any other length."""
        if self.per_page not in PAGE_SIZES or isinstance(self.per_page, bool):
            raise BadRequest(Sentence("per_page is one of %(known)s.", known=", ".join(map(str, PAGE_SIZES))))

    @property
    def after(self) -> Position | None:
        """The last user of the page before.

        :raises BadCursor: for a cursor that no page of this sort gave out.
        """
        return None if self.cursor is None else Position.of_cursor(self.cursor, self.sort)


@dataclass(frozen=True, slots=True)
class UserRow:
    """One user in a list, with every fact by its name in the JSON of the list.

    :param is_seen: False for a key that only an action speaks of: there is no directory, and nobody signed in by it.
    """

    person: Person
    mfa: MfaStatus
    last_sign_in: datetime | None
    is_seen: bool

    @property
    def key(self) -> str:
        """The user's key."""
        return self.person.key

    @property
    def name(self) -> str:
        """May be empty."""
        return self.person.name

    @property
    def email(self) -> str:
        """May be empty."""
        return self.person.email

    @property
    def groups(self) -> tuple[str, ...]:
        """Names, sorted."""
        return tuple(sorted(self.person.groups))

    @property
    def status(self) -> Status:
        """Where the enrollment is."""
        return self.mfa.status

    @property
    def required(self) -> bool:
        """Whether MFA is."""
        return self.mfa.required

    @property
    def required_by(self) -> str | None:
        """See :class:`MfaStatus`, as all that follows."""
        return self.mfa.required_by

    @property
    def days_left(self) -> int | None:
        """Days begun."""
        return self.mfa.days_left

    @property
    def ends_at(self) -> datetime | None:
        """The end of the period."""
        return self.mfa.ends_at

    @property
    def enrolled_at(self) -> datetime | None:
        """When TOTP was."""
        return self.mfa.enrolled_at

    @property
    def factors(self) -> tuple[str, ...]:
        """Kinds."""
        return self.mfa.factors


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeState:
    """How a user's codes have gone lately.

    :param last_at: when a factor was last used, also one that is void by now.
    :param wrong_codes: of the last 30 days that no later success cleared.
    :param waits_until: before then the codes from some address are not tried.
    :param is_stopped: whether no code is tried until somebody clears the attempts.
    """

    last_at: datetime | None = None
    wrong_codes: int = 0
    waits_until: datetime | None = None
    is_stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPage:
    """A page of a list.

    :param items: fewer than a page holds, even none, where filters together find few among many: a page looks through
        so much of the list and no more.
    :param next_cursor: leads to the next page; None on the last.
    :param count: how many there are at least on all pages together, counted up to ``COUNT_CAP``.
    :param count_is_exact: whether ``count`` is all of them.
    :param unreadable: keys of users whose rows somebody edited so that nothing can read them; they are left out.
    """

    items: tuple[UserRow, ...]
    next_cursor: str | None
    count: int
    count_is_exact: bool
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UserNumbers:
    """How many users there are of each sort that an admin looks for.

    :param lapsing_24h: in a period that ends within a day; ``lapsing_7d``: within a week.
    :param throttled: whose codes are not tried now.
    :param break_glass: break-glass accounts that are configured.
    """

    users: int
    required: int
    enrolled: int
    in_period: int
    lapsed: int
    lapsing_24h: int
    lapsing_7d: int
    admins_without_mfa: int
    throttled: int
    break_glass: int
