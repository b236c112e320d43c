"""Tables about users: who they are, what is required of them, what they hold, where they are signed in."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from ...domain.people.person import LONGEST_KEY
from .types import UTCDateTime, exact

USER_KEY_LENGTH = LONGEST_KEY


def user_key(*, primary_key: bool = False) -> Column[str]:
    """The column that says whose a row is."""
    return Column("user_key", exact(USER_KEY_LENGTH), nullable=False, primary_key=primary_key)


def enrollment(metadata: MetaData, prefix: str) -> Table:
    """The requirement and the period of one user. No row means: not required.

    ``days`` without ``ends_at`` is a period that waits for the account to become active. ``due_at`` is when upkeep has
    to look at the user next, for a reminder or the lapse. ``revocations`` counts how often sessions of the user were
    revoked; it is never taken back, since a remember cookie of the host never dies on the server. ``stamp`` is what
    stood for the password when it was last seen.
    """
    return Table(
        f"{prefix}enrollment",
        metadata,
        user_key(primary_key=True),
        Column("required", Boolean, nullable=False),
        Column("required_by", exact(USER_KEY_LENGTH + 5)),
        Column("days", Integer),
        Column("started_at", UTCDateTime),
        Column("ends_at", UTCDateTime),
        Column("deferred_at", UTCDateTime),
        Column("due_at", UTCDateTime),
        Column("graces", JSON(none_as_null=True)),
        Column("revocations", Integer),
        Column("stamp", exact(64)),
        Index(f"ix_{prefix}enrollment_ends_at", "ends_at"),
        Index(f"ix_{prefix}enrollment_due_at", "due_at"),
    )


def factor(metadata: MetaData, prefix: str) -> Table:
    """Authenticators: waiting for the first code, live, or void. Void ones stay as a record, without their secret.

    ``data`` is what a kind has to know of its key, ``counter`` the last one that was used: of TOTP the digits, the
    period and the algorithm, and the time step, counted in the key's own period.
    """
    return Table(
        f"{prefix}factor",
        metadata,
        Column("id", exact(32), primary_key=True),
        user_key(),
        Column("kind", exact(16), nullable=False),
        Column("name", exact(64), nullable=False),
        Column("secret", LargeBinary(512)),
        Column("lineage", exact(32)),
        Column("data", JSON(none_as_null=True)),
        Column("counter", BigInteger),
        Column("created_at", UTCDateTime, nullable=False),
        Column("confirmed_at", UTCDateTime),
        Column("last_used_at", UTCDateTime),
        Column("voided_at", UTCDateTime),
        Index(f"ix_{prefix}factor_user_key", "user_key"),
    )


def recovery_code(metadata: MetaData, prefix: str) -> Table:
    """One row a code, as a keyed digest of it that is sealed for the row and its user."""
    return Table(
        f"{prefix}recovery_code",
        metadata,
        Column("id", exact(32), primary_key=True),
        user_key(),
        Column("sealed", LargeBinary(512)),
        Column("created_at", UTCDateTime, nullable=False),
        Column("used_at", UTCDateTime),
        Index(f"ix_{prefix}recovery_code_user_key", "user_key"),
    )


def session(metadata: MetaData, prefix: str) -> Table:
    """One signed-in or pending browser. ``parked`` holds the host's session keys while the sign-in is pending.

    One that was ended stays for as long as the browser's cookies may come back; ``ending`` says how that was.
    """
    return Table(
        f"{prefix}session",
        metadata,
        Column("id_digest", exact(64), primary_key=True),
        Column("lineage", exact(32), nullable=False),
        user_key(),
        Column("sign_in", exact(16), nullable=False),
        Column("signed_in_at", UTCDateTime, nullable=False),
        Column("began_at", UTCDateTime, nullable=False),
        Column("seen_at", UTCDateTime, nullable=False),
        Column("superseded_at", UTCDateTime),
        Column("deferred_at", UTCDateTime),
        Column("proofs", JSON, nullable=False),
        Column("upstream", JSON(none_as_null=True)),
        Column("parked", LargeBinary(2**24 - 1)),
        Column("parked_at", UTCDateTime),
        Column("parked_endpoint", Text),
        Column("target", Text),
        Column("step_up", JSON(none_as_null=True)),
        Column("host_user_id", Text),
        Column("address", exact(64)),
        Column("user_agent", exact(255)),
        Column("stamp", exact(64)),
        Column("pass_id", exact(32)),
        Column("ends_at", UTCDateTime),
        Column("risk", JSON(none_as_null=True)),
        Column("ended_at", UTCDateTime),
        Column("ending", exact(16)),
        Index(f"ix_{prefix}session_user_key", "user_key"),
        Index(f"ix_{prefix}session_lineage", "lineage"),
    )


def grant(metadata: MetaData, prefix: str) -> Table:
    """Leave for single acts of one sign-in, by digest; it stays with the sign-in while its id rotates."""
    return Table(
        f"{prefix}grant",
        metadata,
        Column("lineage", exact(32), primary_key=True),
        Column("act", exact(64), primary_key=True),
        Column("expires_at", UTCDateTime, nullable=False),
        Index(f"ix_{prefix}grant_expires_at", "expires_at"),
    )


def failure(metadata: MetaData, prefix: str) -> Table:
    """Wrong codes that no later success from the same address has cleared.

    The primary key makes counting exact: an attempt first takes the next ``ordinal`` of its user and address, and of
    two that race for one ordinal the database lets only one have it. ``on_record`` is how many there were of the user
    at any address, this one included: who may be stopped is found by it.
    """
    return Table(
        f"{prefix}failure",
        metadata,
        user_key(primary_key=True),
        Column("address", exact(64), primary_key=True),
        Column("ordinal", Integer, primary_key=True, autoincrement=False),
        Column("at", UTCDateTime, nullable=False),
        Column("on_record", Integer, nullable=False, default=0),
        Index(f"ix_{prefix}failure_at", "at", "user_key"),
        Index(f"ix_{prefix}failure_on_record", "on_record", "user_key"),
    )


def access_pass(metadata: MetaData, prefix: str) -> Table:
    """Ways back in that an admin gave out, as sealed keyed digests like recovery codes. Void ones stay as a record."""
    return Table(
        f"{prefix}access_pass",
        metadata,
        Column("id", exact(32), primary_key=True),
        user_key(),
        Column("sealed", LargeBinary(512)),
        Column("scope", exact(16), nullable=False),
        Column("one_time", Boolean, nullable=False),
        Column("starts_at", UTCDateTime, nullable=False),
        Column("ends_at", UTCDateTime, nullable=False),
        Column("issued_by", exact(USER_KEY_LENGTH + 5), nullable=False),
        Column("created_at", UTCDateTime, nullable=False),
        Column("used_at", UTCDateTime),
        Column("voided_at", UTCDateTime),
        Index(f"ix_{prefix}access_pass_user_key", "user_key"),
    )


def api_token(metadata: MetaData, prefix: str) -> Table:
    """Tokens of the host, by digest: which session registered them, and what it had proved."""
    return Table(
        f"{prefix}api_token",
        metadata,
        Column("digest", exact(64), primary_key=True),
        Column("id", exact(32), nullable=False),
        user_key(),
        Column("lineage", exact(32), nullable=False),
        Column("name", exact(64), nullable=False),
        Column("proofs", JSON, nullable=False),
        Column("stamp", exact(64)),
        Column("created_at", UTCDateTime, nullable=False),
        Column("ends_at", UTCDateTime),
        Column("last_used_at", UTCDateTime),
        Index(f"ix_{prefix}api_token_user_key", "user_key"),
        Index(f"ix_{prefix}api_token_ends_at", "ends_at"),
    )


def impersonation(metadata: MetaData, prefix: str) -> Table:
    """Which session acts as which user, and what it sealed of the host's session of its own."""
    return Table(
        f"{prefix}impersonation",
        metadata,
        Column("lineage", exact(32), primary_key=True),
        Column("id", exact(32), nullable=False),
        user_key(),
        Column("subject_key", exact(USER_KEY_LENGTH), nullable=False),
        Column("reason", Text, nullable=False),
        Column("began_at", UTCDateTime, nullable=False),
        Column("revocations", Integer, nullable=False),
        Column("stamp", exact(64)),
        Column("sealed", LargeBinary(2**24 - 1), nullable=False),
        Index(f"ix_{prefix}impersonation_user_key", "user_key"),
        Index(f"ix_{prefix}impersonation_subject_key", "subject_key"),
    )
