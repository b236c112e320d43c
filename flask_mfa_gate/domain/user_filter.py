"""Which users a list or a bulk action is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from .assurance import FactorKind
from .enrollment import Status


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Users for whom everything that is given holds; without anything given, everybody.

    :param required: whether MFA is required of them.
    :param factor: a kind they hold.
    :param ends_within: their period ends before so much time has passed.
    :param text: part of the name, the email or the key, in any case.
    """

    status: Status | None = None
    required: bool | None = None
    factor: FactorKind | None = None
    ends_within: timedelta | None = None
    group: str | None = None
    text: str | None = None


EVERYBODY = UserFilter()
