"""Tables of records and jobs: audit, mail on its way, sign-ins, versions of the policies, marks."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, MetaData, Table, Text

from .account_tables import USER_KEY_LENGTH, user_key
from .types import BIG_ID, LONG_TEXT, UTCDateTime, exact


def audit(metadata: MetaData, prefix: str) -> Table:
    """One row an event. Never a secret, a code or a key. ``number`` to ``salt`` are its place in the chain.

    ``amended`` vouches for a record that was changed on behalf of somebody who was renamed or forgotten. ``reference``
    and ``reason_id`` repeat what the details say, for the lists to find it; the chain covers the details.
    """
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
        Column("amended", exact(64)),
        Column("reference", exact(16)),
        Column("reason_id", exact(64)),
        Index(f"ix_{prefix}audit_number", "number", unique=True),
        Index(f"ix_{prefix}audit_at", "at", "id"),
        Index(f"ix_{prefix}audit_subject", "subject", "at", "id"),
        Index(f"ix_{prefix}audit_actor", "actor", "at", "id"),
        Index(f"ix_{prefix}audit_event", "event", "at", "id"),
        Index(f"ix_{prefix}audit_event_actor", "event", "actor", "at", "id"),
        Index(f"ix_{prefix}audit_event_reason_id", "event", "reason_id", "at", "id"),
        Index(f"ix_{prefix}audit_reason_id", "reason_id", "at", "id"),
        Index(f"ix_{prefix}audit_reference", "reference"),
    )


def outbox(metadata: MetaData, prefix: str) -> Table:
    """Mail that was decided in a transaction and is sent after its commit."""
    return Table(
        f"{prefix}outbox",
        metadata,
        Column("id", exact(32), primary_key=True),
        Column("kind", exact(32), nullable=False),
        user_key(),
        Column("recipient", Text, nullable=False),
        Column("facts", JSON, nullable=False),
        Column("created_at", UTCDateTime, nullable=False),
        Column("due_at", UTCDateTime, nullable=False),
        Column("claimed_until", UTCDateTime),
        Column("attempts", Integer, nullable=False),
        Column("sent_at", UTCDateTime),
        Column("problem", Text),
        Column("given_up_at", UTCDateTime),
        Index(f"ix_{prefix}outbox_due", "sent_at", "due_at"),
        Index(f"ix_{prefix}outbox_user_key", "user_key", "kind", "created_at"),
    )


def outgoing_event(metadata: MetaData, prefix: str) -> Table:
    """One row an event on record and destination. ``since`` is when it came into its state; ``facts`` go once it is
    sent, with subject and actor.
    """
    return Table(
        f"{prefix}outgoing_event",
        metadata,
        Column("number", BIG_ID, primary_key=True, autoincrement=True),
        Column("id", exact(32), nullable=False),
        Column("destination", exact(64), nullable=False),
        Column("event", exact(40), nullable=False),
        Column("at", UTCDateTime, nullable=False),
        Column("subject", exact(USER_KEY_LENGTH), nullable=False),
        Column("actor", exact(USER_KEY_LENGTH + 5), nullable=False),
        Column("facts", JSON, nullable=False),
        Column("state", exact(16), nullable=False),
        Column("since", UTCDateTime, nullable=False),
        Column("due_at", UTCDateTime, nullable=False),
        Column("claimed_until", UTCDateTime),
        Column("attempts", Integer, nullable=False),
        Column("problem", Text),
        Index(f"ix_{prefix}outgoing_event_id", "id", unique=True),
        Index(f"ix_{prefix}outgoing_event_waiting", "state", "destination", "number"),
        Index(f"ix_{prefix}outgoing_event_since", "state", "since"),
    )


def mark(metadata: MetaData, prefix: str) -> Table:
    """How far a job has come, and when it last ran."""
    return Table(
        f"{prefix}mark",
        metadata,
        Column("name", exact(USER_KEY_LENGTH), primary_key=True),
        Column("at", UTCDateTime, nullable=False),
        Column("value", Text, nullable=False),
    )


def noted(metadata: MetaData, prefix: str) -> Table:
    """What was put on record lately about one user from one place, so that the same is not written again and again.

    ``value`` is what a later event of the same kind needs of this one.
    """
    return Table(
        f"{prefix}noted",
        metadata,
        user_key(primary_key=True),
        Column("kind", exact(64), primary_key=True),
        Column("place", exact(64), primary_key=True),
        Column("at", UTCDateTime, nullable=False),
        Column("value", exact(32)),
        Index(f"ix_{prefix}noted_at", "at"),
    )


def policy_version(metadata: MetaData, prefix: str) -> Table:
    """Every version of the policies, as the whole document; ``digest`` is of its number and its text."""
    return Table(
        f"{prefix}policy_version",
        metadata,
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("document", LONG_TEXT, nullable=False),
        Column("author", exact(USER_KEY_LENGTH + 5), nullable=False),
        Column("at", UTCDateTime, nullable=False),
        Column("act", exact(40), nullable=False),
        Column("subject", Text, nullable=False),
        Column("digest", exact(64), nullable=False, server_default=""),
    )


def sign_in(metadata: MetaData, prefix: str) -> Table:
    """What was known and decided at each sign-in.

    ``slot`` stands for user, place and hour while no factor was proved: the next one takes the place of this row.

    ``policies`` to ``default_access`` are empty in rows from before they were kept.
    """
    return Table(
        f"{prefix}sign_in",
        metadata,
        Column("lineage", exact(32), primary_key=True),
        user_key(),
        Column("at", UTCDateTime, nullable=False),
        Column("proved_at", UTCDateTime),
        Column("address", exact(64)),
        Column("client", exact(64)),
        Column("facts", JSON, nullable=False),
        Column("verdict", exact(16), nullable=False),
        Column("reason_id", exact(64), nullable=False),
        Column("report", JSON, nullable=False),
        Column("policies", JSON),
        Column("policy_version", Integer),
        Column("default_access", exact(16)),
        Column("reference", exact(16)),
        Column("slot", exact(32)),
        Index(f"ux_{prefix}sign_in_slot", "slot", unique=True),
        Index(f"ix_{prefix}sign_in_user_key", "user_key", "proved_at"),
        Index(f"ix_{prefix}sign_in_at", "at"),
        Index(f"ix_{prefix}sign_in_verdict", "verdict", "at"),
        Index(f"ix_{prefix}sign_in_reason_id", "reason_id", "at"),
        Index(f"ix_{prefix}sign_in_reference", "reference"),
    )


def action_request(metadata: MetaData, prefix: str) -> Table:
    """An action on several users, as an admin confirmed it. Gone after a day."""
    return Table(
        f"{prefix}action_request",
        metadata,
        Column("id", exact(32), primary_key=True),
        Column("actor", exact(USER_KEY_LENGTH + 5), nullable=False),
        Column("action", exact(32), nullable=False),
        Column("state", exact(16), nullable=False),
        Column("created_at", UTCDateTime, nullable=False),
        Column("claimed_at", UTCDateTime),
        Column("finished_at", UTCDateTime),
        Column("count", Integer, nullable=False),
        Column("options", JSON, nullable=False),
        Column("not_found", JSON, nullable=False),
        Index(f"ix_{prefix}action_request_created_at", "created_at"),
    )


def action_item(metadata: MetaData, prefix: str) -> Table:
    """One user of such an action; ``seen`` is a digest of the enrollment that the admin was shown."""
    return Table(
        f"{prefix}action_item",
        metadata,
        Column("request_id", exact(32), primary_key=True),
        user_key(primary_key=True),
        Column("seen", exact(64), nullable=False),
        Column("outcome", exact(16), nullable=False, server_default=""),
        Column("reason", exact(64), nullable=False, server_default=""),
        Index(f"ix_{prefix}action_item_outcome", "request_id", "outcome", "user_key"),
        Index(f"ix_{prefix}action_item_user_key", "user_key"),
    )


def adoption_day(metadata: MetaData, prefix: str) -> Table:
    """How many people there were at the end of a day (UTC), and how many enrolled. No group name: everybody."""
    return Table(
        f"{prefix}adoption_day",
        metadata,
        Column("group_name", exact(191), primary_key=True),
        Column("day", exact(10), primary_key=True),
        Column("people", Integer, nullable=False),
        Column("enrolled", Integer, nullable=False),
        Index(f"ix_{prefix}adoption_day_day", "day"),
    )


def sign_in_day(metadata: MetaData, prefix: str) -> Table:
    """How many sign-ins of a day (UTC) came to which outcome."""
    return Table(
        f"{prefix}sign_in_day",
        metadata,
        Column("day", exact(10), primary_key=True),
        Column("outcome", exact(16), primary_key=True),
        Column("count", Integer, nullable=False),
    )
