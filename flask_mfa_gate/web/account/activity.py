"""Recent activity: one line for one act, in words that fit its subject, an administrator and a SIEM alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ...domain.records.event_name import LOUD, EventName
from ...factors.registry import FactorRegistry
from ...signals import Event
from ..state import GateState
from ..translation import gettext, marked

EVENTS: Mapping[str, str] = {
    EventName.SIGNED_IN: marked("Signed in with password"),
    EventName.SIGNED_OUT: marked("Signed out"),
    EventName.CHALLENGE_PASSED: marked("Identity verified"),
    EventName.CHALLENGE_FAILED: marked("Incorrect code"),
    EventName.ENROLLMENT_STARTED: marked("Multi-factor authentication required"),
    EventName.ENROLLMENT_PROMPT_DEFERRED: marked("Setup postponed"),
    EventName.ENROLLMENT_EXTENDED: marked("Enrollment period extended"),
    EventName.ENROLLMENT_REMINDED: marked("Setup reminder sent"),
    EventName.ENROLLMENT_COMPLETED: marked("Multi-factor authentication set up"),
    EventName.ENROLLMENT_LAPSED: marked("Enrollment period ended"),
    EventName.FACTOR_ADDED: marked("Authentication method added"),
    EventName.FACTOR_REMOVED: marked("Authentication method removed"),
    EventName.RECOVERY_CODES_MADE: marked("Recovery codes regenerated"),
    EventName.MFA_RESET: marked("Multi-factor authentication reset"),
    EventName.REQUIREMENT_REMOVED: marked("Requirement removed"),
    EventName.ACCOUNT_UNLOCKED: marked("Failed attempts cleared"),
    EventName.ACCESS_PASS_ISSUED: marked("Access pass issued"),
    EventName.ACCESS_PASS_REVOKED: marked("Access pass revoked"),
    EventName.SESSIONS_REVOKED: marked("Signed out everywhere by an administrator"),
    EventName.PASSWORD_CHANGED: marked("Password changed"),
    EventName.ACCESS_DENIED: marked("Access denied"),
    EventName.DIRECTORY_SYNCED: marked("User directory synced"),
    EventName.TEST_MAIL_SENT: marked("Test email sent"),
    EventName.TEST_EVENT_SENT: marked("Test event sent"),
    EventName.EVENTS_GIVEN_UP: marked("Events not delivered"),
    EventName.EVENTS_RETRIED: marked("Delivery of events retried"),
    EventName.USER_RENAMED: marked("Account identifier changed"),
    EventName.USER_DELETED: marked("Account deleted"),
    EventName.USER_FORGOTTEN: marked("Account records erased"),
    EventName.POLICY_CHANGED: marked("Policy changed"),
    EventName.GRACE_RESTARTED: marked("Grace period restarted"),
    EventName.LIST_EXPORTED: marked("List exported"),
    EventName.BREAK_GLASS_USED: marked("Emergency account used"),
    EventName.CLIENT_CHANGED: marked("Connected app changed"),
    EventName.SIGNING_KEY_CHANGED: marked("Signing key changed"),
    EventName.CONSENT_GIVEN: marked("App connected"),
    EventName.CONSENT_WITHDRAWN: marked("App disconnected"),
    EventName.CLIENT_GRANTS_REVOKED: marked("Signed out of connected apps"),
    EventName.API_TOKEN_MARKED: marked("API token created"),
    EventName.API_TOKEN_REVOKED: marked("API token revoked"),
    EventName.IMPERSONATION_STARTED: marked("An administrator started impersonating this account"),
    EventName.IMPERSONATION_ENDED: marked("An administrator stopped impersonating this account"),
    EventName.TOKEN_REUSED: marked("App disconnected because a token was used twice"),
}
# The detail that says more than the name.
_TOLD_BY: Mapping[str, str] = {EventName.SIGNED_IN: "sign_in", EventName.CHALLENGE_PASSED: "method"}
# Users who read of something they did not do have to see what of theirs was used.
_BY_DETAIL = {
    "remember-me": marked("Signed in from a remembered browser"),
    "session": marked("Continued an existing session"),
}

_OF_AN_APP = frozenset({EventName.CONSENT_GIVEN, EventName.CONSENT_WITHDRAWN, EventName.TOKEN_REUSED})
_FAILURES = frozenset({EventName.CHALLENGE_FAILED, EventName.ACCESS_DENIED})
_AT_ONCE, _DAY = 10, timedelta(days=1)


@dataclass(frozen=True, slots=True)
class EventLine:
    """One line of recent activity.

    :param is_loud: whether somebody with only the password can cause as many as they like.
    """

    at: datetime
    text: str
    address: str | None
    user_agent: str | None
    times: int = 1
    is_loud: bool = False


def used_words(factors: FactorRegistry) -> Mapping[str, str]:
    """What is said of each proof."""
    return {proof.value: one.about.used for one in factors.built.values() for proof in one.proofs}


def app_names(state: GateState, events: Sequence[Event]) -> Mapping[str, str]:
    """What users call the apps of these events, by client id; a client that was removed has no other name."""
    if state.oidc is None or not any(event.name in _OF_AN_APP for event in events):
        return {}
    return {one.client_id: one.client_name for one in state.oidc.clients.list()}


def event_lines(events: Sequence[Event], used: Mapping[str, str], apps: Mapping[str, str]) -> list[EventLine]:
    """One line for one act, newest first; the same failure again and again from one browser is one line a day.

    :param used: see :func:`used_words`.
    :param apps: see :func:`app_names`.
    """
    lines: list[EventLine] = []
    failed: dict[tuple[str | None, ...], int] = {}
    for event in _without_echoes(events):
        text = _line_text(event, used, apps)
        line = EventLine(event.at, text, event.address, event.user_agent, is_loud=event.name in LOUD)
        place = failed.get(_of_whom(line)) if event.name in _FAILURES else None
        if place is not None and lines[place].at - line.at < _DAY:
            lines[place] = replace(lines[place], times=lines[place].times + 1)
            continue
        if event.name in _FAILURES:
            failed[_of_whom(line)] = len(lines)
        lines.append(line)
    return lines


def split_lines(lines: Sequence[EventLine]) -> tuple[list[EventLine], list[EventLine]]:
    """The lines to show at once, and the older ones.

    Of the first, half are kept for what is not loud, so that a flood of sign-ins hides nothing that came of it.
    """
    quiet = [line for line in lines if not line.is_loud][: _AT_ONCE // 2]
    loud = [line for line in lines if line not in quiet][: _AT_ONCE - len(quiet)]
    chosen = [*quiet, *loud]
    return [line for line in lines if line in chosen], [line for line in lines if line not in chosen]


def _without_echoes(events: Sequence[Event]) -> list[Event]:
    """A first factor is on record as the setup that it ends and as the factor that it is."""
    setups = [event.at for event in events if event.name == EventName.ENROLLMENT_COMPLETED]
    return [event for event in events if event.name != EventName.FACTOR_ADDED or not _is_near(event.at, setups)]


def _is_near(at: datetime, others: Sequence[datetime]) -> bool:
    return any(abs(at - other) < timedelta(seconds=1) for other in others)


def _of_whom(line: EventLine) -> tuple[str | None, ...]:
    return line.text, line.address, line.user_agent


def _line_text(event: Event, used: Mapping[str, str], apps: Mapping[str, str]) -> str:
    text, app = event_text(event, used), event.details.get("client")
    if event.name in _OF_AN_APP and app:
        return gettext("%(what)s: %(app)s", what=text, app=apps.get(str(app), str(app)))
    return text


def event_text(event: Event, used: Mapping[str, str]) -> str:
    """What happened, in words."""
    if event.name == EventName.SIGNED_IN and (provider := event.details.get("provider")):
        return gettext("Signed in by %(name)s", name=str(provider))
    word = _TOLD_BY.get(event.name)
    detail = str(event.details.get(word)) if word else ""
    return gettext(used.get(detail) or _BY_DETAIL.get(detail) or EVENTS.get(event.name, event.name))
