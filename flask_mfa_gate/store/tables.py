"""The gate's tables. Each name starts with the configured prefix, which is the tenant."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text

from .types import BIG_ID, UTCDateTime, exact

USER_KEY_LENGTH = 191


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one prefix."""

    metadata: MetaData
    enrollment: Table
    factor: Table
    recovery_code: Table
    session: Table
    failure: Table
    audit: Table
    outbox: Table
    person: Table
    person_group: Table
    access_pass: Table
    mark: Table
    policy_version: Table
    sign_in: Table


def build_tables(prefix: str) -> Tables:
    """All tables for one prefix, on a metadata of their own."""
    metadata = MetaData()
    return Tables(
        metadata=metadata,
        enrollment=_enrollment(metadata, prefix),
        factor=_factor(metadata, prefix),
        recovery_code=_recovery_code(metadata, prefix),
        session=_session(metadata, prefix),
        failure=_failure(metadata, prefix),
        audit=_audit(metadata, prefix),
        outbox=_outbox(metadata, prefix),
        person=_person(metadata, prefix),
        person_group=_person_group(metadata, prefix),
        access_pass=_access_pass(metadata, prefix),
        mark=_mark(metadata, prefix),
        policy_version=_policy_version(metadata, prefix),
        sign_in=_sign_in(metadata, prefix),
    )


def _user_key(*, primary_key: bool = False) -> Column[str]:
    return Column("user_key", exact(USER_KEY_LENGTH), nullable=False, primary_key=primary_key)


def _enrollment(metadata: MetaData, prefix: str) -> Table:
    """The requirement and the period of one user. No row means: not required.

    ``days`` without ``ends_at`` is a period that waits for the account to be switched on. ``due_at`` is when upkeep has
    to look at the user next, for a reminder or the lapse.
    """
    return Table(
        f"{prefix}enrollment",
        metadata,
        _user_key(primary_key=True),
        Column("required", Boolean, nullable=False),
        Column("required_by", exact(USER_KEY_LENGTH + 5)),
        Column("days", Integer),
        Column("started_at", UTCDateTime),
        Column("ends_at", UTCDateTime),
        Column("deferred_at", UTCDateTime),
        Column("due_at", UTCDateTime),
        Column("graces", JSON(none_as_null=True)),
        Index(f"ix_{prefix}enrollment_ends_at", "ends_at"),
        Index(f"ix_{prefix}enrollment_due_at", "due_at"),
    )


def _factor(metadata: MetaData, prefix: str) -> Table:
    """Authenticators: waiting for the first code, live, or void. Void ones stay as a record, without their secret."""
    return Table(
        f"{prefix}factor",
        metadata,
        Column("id", exact(32), primary_key=True),
        _user_key(),
        Column("kind", exact(16), nullable=False),
        Column("name", exact(64), nullable=False),
        Column("secret", LargeBinary(512)),
        Column("lineage", exact(32)),
        Column("last_step", BigInteger),
        Column("created_at", UTCDateTime, nullable=False),
        Column("confirmed_at", UTCDateTime),
        Column("last_used_at", UTCDateTime),
        Column("voided_at", UTCDateTime),
        Index(f"ix_{prefix}factor_user_key", "user_key"),
    )


def _recovery_code(metadata: MetaData, prefix: str) -> Table:
    """One row a code; the digest is keyed and bound to the row's id, so no code can be looked up without its user."""
    return Table(
        f"{prefix}recovery_code",
        metadata,
        Column("id", exact(32), primary_key=True),
        _user_key(),
        Column("digest", exact(64), nullable=False),
        Column("created_at", UTCDateTime, nullable=False),
        Column("used_at", UTCDateTime),
        Index(f"ix_{prefix}recovery_code_user_key", "user_key"),
    )


def _session(metadata: MetaData, prefix: str) -> Table:
    """One signed-in or pending browser. ``parked`` holds the host's session keys while the sign-in is pending."""
    return Table(
        f"{prefix}session",
        metadata,
        Column("id_digest", exact(64), primary_key=True),
        Column("lineage", exact(32), nullable=False),
        _user_key(),
        Column("sign_in", exact(16), nullable=False),
        Column("signed_in_at", UTCDateTime, nullable=False),
        Column("began_at", UTCDateTime, nullable=False),
        Column("seen_at", UTCDateTime, nullable=False),
        Column("superseded_at", UTCDateTime),
        Column("deferred_at", UTCDateTime),
        Column("proofs", JSON, nullable=False),
        Column("parked", LargeBinary(2**24 - 1)),
        Column("parked_at", UTCDateTime),
        Column("parked_endpoint", Text),
        Column("target", Text),
        Column("step_up", JSON(none_as_null=True)),
        Column("grant_endpoint", Text),
        Column("grant_method", exact(16)),
        Column("grant_expires_at", UTCDateTime),
        Column("host_user_id", Text),
        Column("address", exact(64)),
        Column("user_agent", exact(255)),
        Column("stamp", exact(64)),
        Column("pass_id", exact(32)),
        Column("ends_at", UTCDateTime),
        Column("risk", JSON(none_as_null=True)),
        Index(f"ix_{prefix}session_user_key", "user_key"),
        Index(f"ix_{prefix}session_lineage", "lineage"),
    )


def _failure(metadata: MetaData, prefix: str) -> Table:
    """Wrong codes that no later success from the same address has cleared.

    The primary key makes counting exact: an attempt first takes the next ``ordinal`` of its user and address, and of
    two that race for one ordinal the database lets only one have it.
    """
    return Table(
        f"{prefix}failure",
        metadata,
        _user_key(primary_key=True),
        Column("address", exact(64), primary_key=True),
        Column("ordinal", Integer, primary_key=True, autoincrement=False),
        Column("at", UTCDateTime, nullable=False),
        Index(f"ix_{prefix}failure_at", "at"),
    )


def _audit(metadata: MetaData, prefix: str) -> Table:
    """One row an event. Never a secret, a code or a key. ``number`` to ``salt`` are its place in the chain."""
    return Table(
        f"{prefix}audit",
        metadata,
        Column("id", BIG_ID, primary_key=True, autoincrement=True),
        Column("at", UTCDateTime, nullable=False),
        Column("event", exact(40), nullable=False),
        Column("actor", exact(USER_KEY_LENGTH + 5), nullable=False),
        Column("subject", exact(USER_KEY_LENGTH), nullable=False),
        Column("address", exact(64)),
        Column("user_agent", exact(255)),
        Column("reason", Text),
        Column("details", JSON, nullable=False),
        Column("number", BigInteger),
        Column("mac", exact(64)),
        Column("personal", exact(64)),
        Column("salt", exact(32)),
        Index(f"ix_{prefix}audit_subject", "subject", "id"),
        Index(f"ix_{prefix}audit_number", "number", unique=True),
    )


def _outbox(metadata: MetaData, prefix: str) -> Table:
    """Mail that was decided in a transaction and is sent after its commit."""
    return Table(
        f"{prefix}outbox",
        metadata,
        Column("id", exact(32), primary_key=True),
        Column("kind", exact(32), nullable=False),
        _user_key(),
        Column("recipient", Text, nullable=False),
        Column("facts", JSON, nullable=False),
        Column("created_at", UTCDateTime, nullable=False),
        Column("due_at", UTCDateTime, nullable=False),
        Column("claimed_until", UTCDateTime),
        Column("attempts", Integer, nullable=False),
        Column("sent_at", UTCDateTime),
        Column("problem", Text),
        Index(f"ix_{prefix}outbox_due", "sent_at", "due_at"),
        Index(f"ix_{prefix}outbox_user_key", "user_key", "kind", "created_at"),
    )


def _person(metadata: MetaData, prefix: str) -> Table:
    """Whom the gate knows of the host's users, as last seen at a sign-in or by ``sync``."""
    return Table(
        f"{prefix}person",
        metadata,
        _user_key(primary_key=True),
        Column("name", Text, nullable=False),
        Column("email", Text, nullable=False),
        Column("former_email", Text, nullable=False),
        Column("email_changed_at", UTCDateTime),
        Column("is_active", Boolean, nullable=False),
        Column("role", exact(16)),
        Column("groups", JSON, nullable=False),
        Column("locale", exact(35), nullable=False),
        Column("timezone", exact(64), nullable=False),
        Column("seen_at", UTCDateTime, nullable=False),
        Column("last_sign_in_at", UTCDateTime),
        Index(f"ix_{prefix}person_seen_at", "seen_at"),
        Index(f"ix_{prefix}person_role", "role"),
    )


def _person_group(metadata: MetaData, prefix: str) -> Table:
    """The groups of ``person`` once more, to be found by."""
    return Table(
        f"{prefix}person_group",
        metadata,
        Column("name", exact(USER_KEY_LENGTH), primary_key=True),
        _user_key(primary_key=True),
        Index(f"ix_{prefix}person_group_user_key", "user_key"),
    )


def _access_pass(metadata: MetaData, prefix: str) -> Table:
    """Ways back in that an admin gave out, as keyed digests bound to the row. Void ones stay as a record."""
    return Table(
        f"{prefix}access_pass",
        metadata,
        Column("id", exact(32), primary_key=True),
        _user_key(),
        Column("digest", exact(64), nullable=False),
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


def _mark(metadata: MetaData, prefix: str) -> Table:
    """How far a job has come, and when it last ran."""
    return Table(
        f"{prefix}mark",
        metadata,
        Column("name", exact(USER_KEY_LENGTH), primary_key=True),
        Column("at", UTCDateTime, nullable=False),
        Column("value", Text, nullable=False),
    )


def _policy_version(metadata: MetaData, prefix: str) -> Table:
    """Every version of the policies, as the whole document."""
    return Table(
        f"{prefix}policy_version",
        metadata,
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("document", Text(2**24 - 1), nullable=False),
        Column("author", exact(USER_KEY_LENGTH + 5), nullable=False),
        Column("at", UTCDateTime, nullable=False),
        Column("act", exact(40), nullable=False),
        Column("subject", Text, nullable=False),
    )


def _sign_in(metadata: MetaData, prefix: str) -> Table:
    """What was known and decided at each sign-in."""
    return Table(
        f"{prefix}sign_in",
        metadata,
        Column("lineage", exact(32), primary_key=True),
        _user_key(),
        Column("at", UTCDateTime, nullable=False),
        Column("proved_at", UTCDateTime),
        Column("address", exact(64)),
        Column("client", exact(64)),
        Column("facts", JSON, nullable=False),
        Column("verdict", exact(16), nullable=False),
        Column("reason_id", exact(64), nullable=False),
        Column("report", JSON, nullable=False),
        Index(f"ix_{prefix}sign_in_user_key", "user_key", "proved_at"),
        Index(f"ix_{prefix}sign_in_at", "at"),
    )
