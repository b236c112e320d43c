"""A user of the host, as far as the gate has to know."""

from __future__ import annotations

from dataclasses import dataclass, field

from .roles import Role

LONGEST_KEY = 191


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a key stands for. Everything but the key may be empty.

    :param groups: names that policies and filters speak of.
    :param role: in the console; None for everybody else.
    :param locale: language of mails, e.g. ``de`` or ``pt_BR``.
    :param timezone: IANA name of the zone that mails tell times in.
    """

    key: str
    name: str = ""
    email: str = ""
    is_active: bool = True
    groups: frozenset[str] = field(default=frozenset())
    role: Role | None = None
    locale: str = ""
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """From where an act was done. Both are None outside of a request."""

    address: str | None = None
    user_agent: str | None = None


NOWHERE = Origin()
