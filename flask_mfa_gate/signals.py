"""Signals, sent after the commit of what they speak of. The audit log records the same events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from blinker import Namespace


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: the payload of every signal, as ``event=``, and one record of the audit log.

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

signed_in = gate_signals.signal("signed_in")
signed_out = gate_signals.signal("signed_out")
challenge_passed = gate_signals.signal("challenge_passed")
challenge_failed = gate_signals.signal("challenge_failed")
enrollment_started = gate_signals.signal("enrollment_started")
enrollment_prompt_deferred = gate_signals.signal("enrollment_prompt_deferred")
enrollment_extended = gate_signals.signal("enrollment_extended")
enrollment_reminded = gate_signals.signal("enrollment_reminded")
enrollment_completed = gate_signals.signal("enrollment_completed")
enrollment_lapsed = gate_signals.signal("enrollment_lapsed")
factor_added = gate_signals.signal("factor_added")
factor_removed = gate_signals.signal("factor_removed")
recovery_codes_made = gate_signals.signal("recovery_codes_made")
mfa_reset = gate_signals.signal("mfa_reset")
requirement_removed = gate_signals.signal("requirement_removed")
account_unlocked = gate_signals.signal("account_unlocked")
access_pass_issued = gate_signals.signal("access_pass_issued")
access_pass_revoked = gate_signals.signal("access_pass_revoked")
sessions_revoked = gate_signals.signal("sessions_revoked")
password_changed = gate_signals.signal("password_changed")
user_renamed = gate_signals.signal("user_renamed")
user_deleted = gate_signals.signal("user_deleted")
user_forgotten = gate_signals.signal("user_forgotten")
policy_changed = gate_signals.signal("policy_changed")
grace_restarted = gate_signals.signal("grace_restarted")
list_exported = gate_signals.signal("list_exported")
break_glass_used = gate_signals.signal("break_glass_used")
access_denied = gate_signals.signal("access_denied")


def is_heard(name: str) -> bool:
    """Whether anybody listens to this signal: the thousand events of a large act are not made for nobody."""
    return bool(gate_signals.signal(name).receivers)
