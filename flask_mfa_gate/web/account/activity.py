"""Recent activity: one line for one act, in words for whom it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ...factors.registry import FactorRegistry
from ...signals import Event

_EVENTS = {
    "signed_in": "Signed in with password",
    "signed_out": "Signed out",
    "challenge_passed": "Identity verified",
    "challenge_failed": "Incorrect code",
    "enrollment_started": "Multi-factor authentication required",
    "enrollment_prompt_deferred": "Setup postponed",
    "enrollment_extended": "Enrollment period extended",
    "enrollment_reminded": "Setup reminder sent",
    "enrollment_completed": "Multi-factor authentication set up",
    "enrollment_lapsed": "Enrollment period ended",
    "factor_added": "Authentication method added",
    "factor_removed": "Authentication method removed",
    "recovery_codes_made": "Recovery codes regenerated",
    "mfa_reset": "Multi-factor authentication reset",
    "requirement_removed": "Requirement removed",
    "account_unlocked": "Failed attempts cleared",
    "access_pass_issued": "Access pass issued",
    "access_pass_revoked": "Access pass revoked",
    "sessions_revoked": "Signed out everywhere by an administrator",
    "password_changed": "Password changed",
    "access_denied": "Access denied",
    "user_renamed": "Account identifier changed",
    "user_deleted": "Account deleted",
    "user_forgotten": "Account records erased",
    "policy_changed": "Policy changed",
    "grace_restarted": "Grace period restarted",
    "list_exported": "List exported",
    "break_glass_used": "Emergency account used",
}
# Whoever reads what he did not do himself has to see which of his things was used.
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
        if lines and event.name == "challenge_failed" and _is_same(lines[-1], line):
            lines[-1] = replace(lines[-1], times=lines[-1].times + 1)
        else:
            lines.append(line)
    return lines


def _without_echoes(events: Sequence[Event]) -> list[Event]:
    """A first factor is on record as the setup that it ends and as the factor that it is."""
    setups = [event.at for event in events if event.name == "enrollment_completed"]
    return [event for event in events if event.name != "factor_added" or not _is_near(event.at, setups)]


def _is_near(at: datetime, others: Sequence[datetime]) -> bool:
    return any(abs(at - other) < timedelta(seconds=1) for other in others)


def _is_same(one: EventLine, other: EventLine) -> bool:
    return (one.text, one.address, one.user_agent) == (other.text, other.address, other.user_agent)


def event_text(event: Event, used: Mapping[str, str]) -> str:
    """What happened, in words."""
    word = {"signed_in": "sign_in", "challenge_passed": "method"}.get(event.name)
    detail = str(event.details.get(word)) if word else ""
    return used.get(detail) or _BY_DETAIL.get(detail) or _EVENTS.get(event.name, event.name)
