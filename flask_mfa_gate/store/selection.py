"""Users found by filter, in the words of the database: the same rules as the domain's, for any number of users."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, false, func, not_, or_, select, true

from ..domain.assurance import FactorKind
from ..domain.enrollment import Status
from ..domain.person import Person
from ..domain.user_filter import UserFilter
from .enrollments import KEY_LIFETIME
from .people import person_columns, person_of
from .tables import Tables


class Selection:
    """Pages of the people for whom a filter holds, in the order of their keys.

    :param enabled: factor kinds that are switched on.
    :param everybody_required: whether default access demands MFA of everybody.
    """

    def __init__(self, tables: Tables, *, enabled: Collection[FactorKind], everybody_required: bool) -> None:
        self._tables, self._enabled, self._everybody_required = tables, enabled, everybody_required

    def page(self, tx: Connection, users: UserFilter, *, after: str, limit: int, now: datetime) -> Sequence[Person]:
        """The next people behind this key."""
        person = self._tables.person
        chosen = self._matching(select(*person_columns(person)), users, now).where(person.c.user_key > after)
        return [person_of(row) for row in tx.execute(chosen.order_by(person.c.user_key).limit(limit)).all()]

    def count(self, tx: Connection, users: UserFilter, *, now: datetime) -> int:
        """How many they are."""
        key = self._tables.person.c.user_key
        return int(tx.execute(self._matching(select(func.count(key)), users, now)).scalar_one())

    def _matching(self, chosen: Select[tuple[int]] | Select[tuple[object]], users: UserFilter, now: datetime) -> Select:  # type: ignore[type-arg]
        person, enrollment = self._tables.person, self._tables.enrollment
        joined = person.outerjoin(enrollment, enrollment.c.user_key == person.c.user_key)
        return chosen.select_from(joined).where(*self._conditions(users, now))

    def _conditions(self, users: UserFilter, now: datetime) -> list[ColumnElement[bool]]:
        enrollment = self._tables.enrollment.c
        found: list[ColumnElement[bool]] = []
        if users.status is not None:
            found.append(self._has_status(users.status, now))
        if users.required is not None and not self._everybody_required:
            is_required = func.coalesce(enrollment.required, false())
            found.append(is_required.is_(true()) if users.required else is_required.is_(false()))
        elif users.required is False:
            found.append(false())
        if users.factor is not None:
            found.append(self._holds(users.factor))
        if users.holds_any is not None:
            holds = self._holds(*self._enabled)
            found.append(holds if users.holds_any else not_(holds))
        if users.role is not None:
            found.append(self._tables.person.c.role == users.role)
        if users.ends_within is not None:
            found += [enrollment.ends_at > now, enrollment.ends_at <= now + users.ends_within]
        if users.group is not None:
            found.append(self._is_in(users.group))
        if users.text:
            found.append(self._reads(users.text))
        return found

    def _has_status(self, status: Status, now: datetime) -> ColumnElement[bool]:
        """The order of :func:`status_of`: each status excludes those before it."""
        if FactorKind.of_status.isdisjoint(self._enabled):
            return true() if status is Status.DISABLED else false()
        row = self._tables.enrollment.c
        tests: list[ColumnElement[bool]] = []
        for candidate, holds in (
            (Status.ENROLLED, self._holds(*FactorKind.of_status)),
            (Status.ENROLLMENT_EXPIRED, and_(row.ends_at.is_not(None), row.ends_at <= now)),
            (Status.IN_ENROLLMENT, row.ends_at.is_not(None)),
            (Status.PRE_ENROLLMENT, and_(row.days.is_not(None), row.ends_at.is_(None))),
            (Status.PENDING_ACTIVATION, self._was_shown_a_key(now)),
        ):
            if candidate is status:
                return and_(*tests, holds)
            tests.append(not_(holds))
        return and_(*tests) if status is Status.NOT_ENROLLED else false()

    def _holds(self, *kinds: FactorKind) -> ColumnElement[bool]:
        factor = self._tables.factor.c
        mine = and_(factor.user_key == self._tables.person.c.user_key, factor.kind.in_(kinds))
        return exists().where(mine, factor.voided_at.is_(None), factor.confirmed_at.is_not(None))

    def _was_shown_a_key(self, now: datetime) -> ColumnElement[bool]:
        factor = self._tables.factor.c
        mine = and_(factor.user_key == self._tables.person.c.user_key, factor.voided_at.is_(None))
        return exists().where(mine, factor.confirmed_at.is_(None), factor.created_at > now - KEY_LIFETIME)

    def _is_in(self, group: str) -> ColumnElement[bool]:
        member = self._tables.person_group.c
        return exists().where(member.user_key == self._tables.person.c.user_key, member.name == group)

    def _reads(self, text: str) -> ColumnElement[bool]:
        row, wanted = self._tables.person.c, text.lower()
        return or_(
            *(func.lower(column).contains(wanted, autoescape=True) for column in (row.name, row.email, row.user_key))
        )
