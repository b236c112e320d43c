"""Which users a list or a bulk action is about."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from ..enrollment.enrollment import Status
from ..sign_in.assurance import FactorKind
from .roles import Role


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Users for whom everything that is given holds; without anything given, everybody.

    :param status: one status, or several of which one has to hold.
    :param required: whether MFA is required of them.
    :param factor: a kind they hold.
    :param holds_any: whether they hold a factor of any kind that is enabled.
    :param role: the role they have in the console.
    :param ends_within: their enrollment period is running and ends before so much time has passed.
    :param text: words with which words of the name, the email or the key begin, in any case and order. A text without
        a letter or digit finds nobody.
    :param throttled: whether codes of theirs are not tried now, because too many were wrong.
    :param has_email: whether mail can reach them.
    """

    status: Status | Collection[Status] | None = None
    required: bool | None = None
    factor: FactorKind | None = None
    holds_any: bool | None = None
    role: Role | None = None
    ends_within: timedelta | None = None
    group: str | None = None
    text: str | None = None
    throttled: bool | None = None
    has_email: bool | None = None

    @property
    def statuses(self) -> frozenset[Status] | None:
        """The statuses of which one has to hold; None where any may."""
        if self.status is None:
            return None
        return frozenset({self.status} if isinstance(self.status, Status) else self.status)


EVERYBODY = UserFilter()
