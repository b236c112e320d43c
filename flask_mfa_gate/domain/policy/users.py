"""Whom a policy is about, three-valued like every condition: groups may be unknown."""

from __future__ import annotations

from collections.abc import Sequence

from .facts import Environment, Mark, Subject
from .logic import Matcher, every_of, not_of
from .model import EVERYBODY, GROUP, USER, Users

HIT, MISS, UNKNOWN = Mark.HIT, Mark.MISS, Mark.UNKNOWN


def users_matcher(users: Users) -> Matcher | None:
    """A test of the subject; None when everybody is meant."""
    parts = [] if EVERYBODY in users.include else [_one_of(users.include)]
    if users.exclude:
        parts.append(not_of(_one_of(users.exclude)))
    return every_of(parts) if parts else None


def group_names(texts: tuple[str, ...]) -> frozenset[str]:
    """The groups among include or exclude texts."""
    return frozenset(text.removeprefix(GROUP) for text in texts if text.startswith(GROUP))


def user_keys(texts: Sequence[str]) -> frozenset[str]:
    """The single users among include or exclude texts."""
    return frozenset(text.removeprefix(USER) for text in texts if text.startswith(USER))


def _one_of(texts: tuple[str, ...]) -> Matcher:
    everybody, groups, keys = EVERYBODY in texts, group_names(texts), user_keys(texts)

    def match(subject: Subject, environment: Environment) -> Mark:
        if everybody or subject.key in keys:
            return HIT
        if not groups:
            return MISS
        if subject.groups is None:
            return UNKNOWN
        return MISS if groups.isdisjoint(subject.groups) else HIT

    return match


def users_text(users: Users) -> str:
    """Whom a policy is about, on one line."""
    excluded = f" except {' or '.join(users.exclude)}" if users.exclude else ""
    return " or ".join(users.include) + excluded


def looked_at_user(subject: Subject) -> str:
    """The subject as a policy sees it."""
    groups = ["groups unknown"] if subject.groups is None else [GROUP + name for name in sorted(subject.groups)]
    return ", ".join([USER + subject.key, *groups])
