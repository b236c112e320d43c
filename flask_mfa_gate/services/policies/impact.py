"""What a draft of policies would change, in numbers and examples."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ...domain.authorization.decision import Ask

SAMPLE = 10
_STRICT = {word: rank for rank, word in enumerate(Ask)}


class Change(StrEnum):
    """What becomes of somebody."""

    CHALLENGED = "challenged"
    FORCED = "forced"
    DENIED = "denied"
    RELAXED = "relaxed"


_STRICTER = {Ask.DENY: Change.DENIED, Ask.CHALLENGE: Change.CHALLENGED, Ask.ENROLL: Change.FORCED}


@dataclass(frozen=True, slots=True)
class Changed:
    """One decision that the draft changes.

    :param case: what is counted once, whatever is opened: a user, or one sign-in of theirs.
    """

    case: Hashable
    user: str
    resource: str
    change: Change


@dataclass(frozen=True, slots=True)
class Count:
    """How many, and some of their keys."""

    count: int = 0
    sample: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Impact:
    """What a draft would change: who is asked, made to enroll, refused, or let off, and is not today."""

    challenged: Count = field(default=Count())
    forced: Count = field(default=Count())
    denied: Count = field(default=Count())
    relaxed: Count = field(default=Count())


@dataclass(frozen=True, slots=True)
class ResourceImpact:
    """The impact on everybody, whatever the facts are, and on the sign-ins of the last 30 days as they were."""

    users: Impact
    recorded: Impact


@dataclass(frozen=True, slots=True)
class Preview:
    """The impact on everything that the policies of today or of the draft name.

    :param users: of everybody, whatever the facts are; users hit at several resources are counted once.
    :param recorded: of the sign-ins of the last 30 days as they were.
    :param resources: the same for each resource.
    """

    users: Impact
    recorded: Impact
    resources: Mapping[str, ResourceImpact]


def preview_of(resources: Iterable[str], users: Iterable[Changed], recorded: Iterable[Changed]) -> Preview:
    """All in all, and by resource."""
    of_users, of_records = tuple(users), tuple(recorded)
    return Preview(
        _impact(of_users),
        _impact(of_records),
        {name: ResourceImpact(_impact(_at(name, of_users)), _impact(_at(name, of_records))) for name in resources},
    )


def change_of(before: Ask, after: Ask) -> Change | None:
    """What becomes of somebody for whom the one word was said and the other will be; None for nothing worth a count."""
    if _STRICT[after] > _STRICT[before]:
        return Change.RELAXED
    return _STRICTER.get(after) if after is not before else None


def _at(resource: str, changed: Iterable[Changed]) -> Iterable[Changed]:
    return (one for one in changed if one.resource == resource)


def _impact(changed: Iterable[Changed]) -> Impact:
    found: dict[Change, dict[Hashable, str]] = {change: {} for change in Change}
    for one in changed:
        found[one.change][one.case] = one.user
    return Impact(**{change.value: _count(users.values()) for change, users in found.items()})


def _count(users: Iterable[str]) -> Count:
    keys = tuple(users)
    return Count(len(keys), tuple(dict.fromkeys(keys))[:SAMPLE])
