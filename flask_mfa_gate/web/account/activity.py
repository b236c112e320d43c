"""Recent activity: one line for one act, in words for whom it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ...domain.records.event_name import EventName
from ...factors.registry import FactorRegistry
from ...signals import Event

_EVENTS: Mapping[str, str] = {
    EventName.SIGNED_IN: "Signed in with password",
    EventName.SIGNED_OUT: "Signed out",
    EventName.CHALLENGE_PASSED: "Identity verified",
    EventName.CHALLENGE_FAILED: "Incorrect code",
    EventName.ENROLLMENT_STARTED: "Multi-factor authentication required",
    EventName.ENROLLMENT_PROMPT_DEFERRED: "Setup postponed",
    EventName.ENROLLMENT_EXTENDED: "Enrollment period extended",
    EventName.ENROLLMENT_REMINDED: "Setup reminder sent",
    EventName.ENROLLMENT_COMPLETED: "Multi-factor authentication set up",
    EventName.ENROLLMENT_LAPSED: "Enrollment period ended",
    EventName.FACTOR_ADDED: "Authentication method added",
    EventName.FACTOR_REMOVED: "Authentication method removed",
    EventName.RECOVERY_CODES_MADE: "Recovery codes regenerated",
    EventName.MFA_RESET: "Multi-factor authentication reset",
    EventName.REQUIREMENT_REMOVED: "Requirement removed",
    EventName.ACCOUNT_UNLOCKED: "Failed attempts cleared",
    EventName.ACCESS_PASS_ISSUED: "Access pass issued",
    EventName.ACCESS_PASS_REVOKED: "Access pass revoked",
    EventName.SESSIONS_REVOKED: "Signed out everywhere by an administrator",
    EventName.PASSWORD_CHANGED: "Password changed",
    EventName.ACCESS_DENIED: "Access denied",
    EventName.USER_RENAMED: "Account identifier changed",
    EventName.USER_DELETED: "Account deleted",
    EventName.USER_FORGOTTEN: "Account records erased",
    EventName.POLICY_CHANGED: "Policy changed",
    EventName.GRACE_RESTARTED: "Grace period restarted",
    EventName.LIST_EXPORTED: "List exported",
    EventName.BREAK_GLASS_USED: "Emergency account used",
    EventName.CLIENT_CHANGED: "Connected app changed",
    EventName.SIGNING_KEY_CHANGED: "Signing key changed",
    EventName.CONSENT_GIVEN: "App allowed to use your account",
    EventName.CONSENT_WITHDRAWN: "App access removed",
    EventName.CLIENT_GRANTS_REVOKED: "Signed out of connected apps",
    EventName.TOKEN_REUSED: "App access ended: a token was used twice",
}
# The detail that says more than the name.
_TOLD_BY: Mapping[str, str] = {EventName.SIGNED_IN: "sign_in", EventName.CHALLENGE_PASSED: "method"}
# Users who read of something they did not do have to see what of theirs was used.
_BY_DETAIL = {
    "remember-me": "Signed in from a remembered browser",
    "session": "Continued an existing session",
}


@dataclass(frozen=True, slots=True)
class EventLine:
    """One line of recent activity."""

    at: datetime
    text: str
    address: str | None
    user_agent: str | None
    times: int = 1


def used_words(factors: FactorRegistry) -> Mapping[str, str]:
    """What is said of each proof."""
    return {proof.value: one.about.used for one in factors.built.values() for proof in one.proofs}


def event_lines(events: Sequence[Event], used: Mapping[str, str]) -> list[EventLine]:
    """One line for one act, newest first; the same wrong code again and again from one browser is one line.

    :param used: see :func:`used_words`.
    """
    lines: list[EventLine] = []
    for event in _without_echoes(events):
        line = EventLine(event.at, event_text(event, used), event.address, event.user_agent)
        if lines and event.name == EventName.CHALLENGE_FAILED and _is_same(lines[-1], line):
            lines[-1] = replace(lines[-1], times=lines[-1].times + 1)
        else:
            lines.append(line)
    return lines


def _without_echoes(events: Sequence[Event]) -> list[Event]:
    """A first factor is on record as the setup that it ends and as the factor that it is."""
    setups = [event.at for event in events if event.name == EventName.ENROLLMENT_COMPLETED]
    return [event for event in events if event.name != EventName.FACTOR_ADDED or not _is_near(event.at, setups)]


def _is_near(at: datetime, others: Sequence[datetime]) -> bool:
    return any(abs(at - other) < timedelta(seconds=1) for other in others)


def _is_same(one: EventLine, other: EventLine) -> bool:
    return (one.text, one.address, one.user_agent) == (other.text, other.address, other.user_agent)


def event_text(event: Event, used: Mapping[str, str]) -> str:
    """What happened, in words."""
    word = _TOLD_BY.get(event.name)
    detail = str(event.details.get(word)) if word else ""
    return used.get(detail) or _BY_DETAIL.get(detail) or _EVENTS.get(event.name, event.name)
