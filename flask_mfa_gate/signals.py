"""Signals, sent after the commit of what they speak of. The audit log records the same events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from blinker import Namespace

from .domain.records.event_name import EventName


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: the payload of every signal, as ``event=``, and one record of the audit log.

    :param name: an :class:`EventName`; what a newer release put on record is read as it is.
    :param actor: ``user:KEY``, ``cli``, ``host`` or ``system``.
    :param subject: key of the user it happened to.
    :param details: words and numbers of the event's own kind. Never a secret, a code or a key.
    """

    name: str
    at: datetime
    actor: str
    subject: str
    address: str | None = None
    user_agent: str | None = None
    reason: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)


gate_signals = Namespace()

signed_in = gate_signals.signal(EventName.SIGNED_IN)
signed_out = gate_signals.signal(EventName.SIGNED_OUT)
challenge_passed = gate_signals.signal(EventName.CHALLENGE_PASSED)
challenge_failed = gate_signals.signal(EventName.CHALLENGE_FAILED)
enrollment_started = gate_signals.signal(EventName.ENROLLMENT_STARTED)
enrollment_prompt_deferred = gate_signals.signal(EventName.ENROLLMENT_PROMPT_DEFERRED)
enrollment_extended = gate_signals.signal(EventName.ENROLLMENT_EXTENDED)
enrollment_reminded = gate_signals.signal(EventName.ENROLLMENT_REMINDED)
enrollment_completed = gate_signals.signal(EventName.ENROLLMENT_COMPLETED)
enrollment_lapsed = gate_signals.signal(EventName.ENROLLMENT_LAPSED)
factor_added = gate_signals.signal(EventName.FACTOR_ADDED)
factor_removed = gate_signals.signal(EventName.FACTOR_REMOVED)
recovery_codes_made = gate_signals.signal(EventName.RECOVERY_CODES_MADE)
mfa_reset = gate_signals.signal(EventName.MFA_RESET)
requirement_removed = gate_signals.signal(EventName.REQUIREMENT_REMOVED)
account_unlocked = gate_signals.signal(EventName.ACCOUNT_UNLOCKED)
access_pass_issued = gate_signals.signal(EventName.ACCESS_PASS_ISSUED)
access_pass_revoked = gate_signals.signal(EventName.ACCESS_PASS_REVOKED)
sessions_revoked = gate_signals.signal(EventName.SESSIONS_REVOKED)
password_changed = gate_signals.signal(EventName.PASSWORD_CHANGED)
user_renamed = gate_signals.signal(EventName.USER_RENAMED)
user_deleted = gate_signals.signal(EventName.USER_DELETED)
user_forgotten = gate_signals.signal(EventName.USER_FORGOTTEN)
policy_changed = gate_signals.signal(EventName.POLICY_CHANGED)
grace_restarted = gate_signals.signal(EventName.GRACE_RESTARTED)
list_exported = gate_signals.signal(EventName.LIST_EXPORTED)
break_glass_used = gate_signals.signal(EventName.BREAK_GLASS_USED)
access_denied = gate_signals.signal(EventName.ACCESS_DENIED)
client_changed = gate_signals.signal(EventName.CLIENT_CHANGED)
signing_key_changed = gate_signals.signal(EventName.SIGNING_KEY_CHANGED)
consent_given = gate_signals.signal(EventName.CONSENT_GIVEN)
consent_withdrawn = gate_signals.signal(EventName.CONSENT_WITHDRAWN)
client_grants_revoked = gate_signals.signal(EventName.CLIENT_GRANTS_REVOKED)
api_token_marked = gate_signals.signal(EventName.API_TOKEN_MARKED)
api_token_revoked = gate_signals.signal(EventName.API_TOKEN_REVOKED)
impersonation_started = gate_signals.signal(EventName.IMPERSONATION_STARTED)
impersonation_ended = gate_signals.signal(EventName.IMPERSONATION_ENDED)
token_reused = gate_signals.signal(EventName.TOKEN_REUSED)
directory_synced = gate_signals.signal(EventName.DIRECTORY_SYNCED)
test_mail_sent = gate_signals.signal(EventName.TEST_MAIL_SENT)
test_event_sent = gate_signals.signal(EventName.TEST_EVENT_SENT)
events_given_up = gate_signals.signal(EventName.EVENTS_GIVEN_UP)
events_retried = gate_signals.signal(EventName.EVENTS_RETRIED)


def is_heard(name: str) -> bool:
    """Whether anybody listens to this signal: the thousand events of a large act are not made for nobody."""
    return bool(gate_signals.signal(name).receivers)
