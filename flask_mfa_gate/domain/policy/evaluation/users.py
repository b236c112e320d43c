"""Whom a policy is about, three-valued like every condition: groups may be unknown."""

from __future__ import annotations

from ..document.users import EVERYBODY, GROUP, USER, Users, group_names, user_keys
from ..facts import Environment, MatchResult, Subject
from ..logic import Matcher, every_of, not_of

HIT, MISS, UNKNOWN = MatchResult.HIT, MatchResult.MISS, MatchResult.UNKNOWN


def users_matcher(users: Users) -> Matcher | None:
    """A test of the subject; None when everybody is meant."""
    parts = [] if EVERYBODY in users.include else [_one_of(users.include)]
    if users.exclude:
        parts.append(not_of(_one_of(users.exclude)))
    return every_of(parts) if parts else None


def _one_of(texts: tuple[str, ...]) -> Matcher:
    everybody, groups, keys = EVERYBODY in texts, group_names(texts), user_keys(texts)

    def match(subject: Subject, environment: Environment) -> MatchResult:
        if everybody or subject.key in keys:
            return HIT
        if not groups:
            return MISS
        if subject.groups is None:
            return UNKNOWN
        return MISS if groups.isdisjoint(subject.groups) else HIT

    return match


def looked_at_user(subject: Subject) -> str:
    """The subject as a policy sees it."""
    groups = ["groups unknown"] if subject.groups is None else [GROUP + name for name in sorted(subject.groups)]
    return ", ".join([USER + subject.key, *groups])
