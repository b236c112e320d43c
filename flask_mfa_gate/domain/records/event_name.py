"""What is recorded and sent as a signal."""

from __future__ import annotations

from enum import StrEnum


class EventName(StrEnum):
    """Every event of the gate; also the name of its signal."""

    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    CHALLENGE_PASSED = "challenge_passed"
    CHALLENGE_FAILED = "challenge_failed"
    ENROLLMENT_STARTED = "enrollment_started"
    ENROLLMENT_PROMPT_DEFERRED = "enrollment_prompt_deferred"
    ENROLLMENT_EXTENDED = "enrollment_extended"
    ENROLLMENT_REMINDED = "enrollment_reminded"
    ENROLLMENT_COMPLETED = "enrollment_completed"
    ENROLLMENT_LAPSED = "enrollment_lapsed"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    MFA_RESET = "mfa_reset"
    REQUIREMENT_REMOVED = "requirement_removed"
    ACCOUNT_UNLOCKED = "account_unlocked"
    ACCESS_PASS_ISSUED = "access_pass_issued"  # noqa: S105 - a word of the vocabulary, not a secret
    ACCESS_PASS_REVOKED = "access_pass_revoked"  # noqa: S105 - a word of the vocabulary, not a secret
    SESSIONS_REVOKED = "sessions_revoked"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a word of the vocabulary, not a secret
    USER_RENAMED = "user_renamed"
    USER_DELETED = "user_deleted"
    USER_FORGOTTEN = "user_forgotten"
    POLICY_CHANGED = "policy_changed"
    GRACE_RESTARTED = "grace_restarted"
    LIST_EXPORTED = "list_exported"
    BREAK_GLASS_USED = "break_glass_used"
    ACCESS_DENIED = "access_denied"
    CLIENT_CHANGED = "client_changed"
    SIGNING_KEY_CHANGED = "signing_key_changed"
    CONSENT_GIVEN = "consent_given"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    CLIENT_GRANTS_REVOKED = "client_grants_revoked"
    API_TOKEN_MARKED = "api_token_marked"  # noqa: S105 - a word of the vocabulary, not a secret
    API_TOKEN_REVOKED = "api_token_revoked"  # noqa: S105 - a word of the vocabulary, not a secret
    IMPERSONATION_STARTED = "impersonation_started"
    IMPERSONATION_ENDED = "impersonation_ended"
    TOKEN_REUSED = "token_reused"  # noqa: S105 - a word of the vocabulary, not a secret
    DIRECTORY_SYNCED = "directory_synced"
    TEST_MAIL_SENT = "test_mail_sent"
    TEST_EVENT_SENT = "test_event_sent"
    EVENTS_GIVEN_UP = "events_given_up"
    EVENTS_RETRIED = "events_retried"


LOUD = frozenset(
    {
        EventName.SIGNED_IN, EventName.SIGNED_OUT, EventName.CHALLENGE_PASSED, EventName.CHALLENGE_FAILED,
        EventName.ACCESS_DENIED,
    }
)  # fmt: skip
"""What somebody who has only a password can cause again and again."""
