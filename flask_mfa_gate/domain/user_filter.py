"""Which users a list or a bulk action is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from .assurance import FactorKind
from .enrollment import Status
from .roles import Role


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Users for whom everything that is given holds; without anything given, everybody.

    :param required: whether MFA is required of them.
    :param factor: a kind they hold.
    :param holds_any: whether they hold a factor of any kind that is enabled.
    :param role: the role they have in the console.
    :param ends_within: their period ends before so much time has passed.
    :param text: part of the name, the email or the key, in any case.
    """

    status: Status | None = None
    required: bool | None = None
    factor: FactorKind | None = None
    holds_any: bool | None = None
    role: Role | None = None
    ends_within: timedelta | None = None
    group: str | None = None
    text: str | None = None


EVERYBODY = UserFilter()
