"""Tables that lists of users are read from: people, their groups, the words that they are found by."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Boolean, Column, Index, MetaData, Table, Text

from ...domain.people.user_list import NEVER, NO_DEADLINE
from ...domain.people.user_search import LONGEST_SORT_NAME, LONGEST_WORD
from .account_tables import USER_KEY_LENGTH, user_key
from .types import UTCDateTime, exact, ordered

PERSON_INDEXES = {
    "name": ("name_sort", "user_key"),
    "deadline": ("deadline_sort", "user_key"),
    "signed_in": ("signed_in_sort", "user_key"),
    "facets_name": ("facets", "name_sort", "user_key", "deadline_sort", "key_shown_at"),
    "facets_deadline": ("facets", "deadline_sort", "user_key"),
    # Apart: MariaDB prefers the narrowest index that has all it reads, in whichever order, and would sort.
    "facets_orders": ("facets", "deadline_sort", "user_key", "name_sort", "signed_in_sort"),
    "facets_signed_in": ("facets", "signed_in_sort", "user_key", "deadline_sort", "key_shown_at"),
    "role": ("role", "name_sort", "user_key"),
    "email": ("has_email", "name_sort", "user_key"),
    "email_deadline": ("has_email", "deadline_sort", "user_key"),
    "email_signed_in": ("has_email", "signed_in_sort", "user_key"),
}
GROUP_INDEXES = {
    "name": ("name", "name_sort", "user_key"),
    "deadline": ("name", "deadline_sort", "user_key"),
    "signed_in": ("name", "signed_in_sort", "user_key"),
}


def person(metadata: MetaData, prefix: str) -> Table:
    """Whom the gate knows of the host's users, as last seen at a sign-in or by ``sync``.

    ``missing_since`` is when a ``sync`` first missed somebody whom none has seen after that. Lists of users read no
    other table: ``name_sort``, ``deadline_sort`` and ``signed_in_sort`` are never null, and each has its index, alone
    and behind ``facets``, which says where the user's enrollment is (:mod:`~flask_mfa_gate.store.people.user_facets`).
    """
    return Table(
        f"{prefix}person",
        metadata,
        user_key(primary_key=True),
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
        Column("missing_since", UTCDateTime),
        *_sorted_by(),
        Column("has_email", Boolean, nullable=False, default=False),
        Column("facets", exact(128), nullable=False, default="nothing"),
        Column("key_shown_at", UTCDateTime),
        Index(f"ix_{prefix}person_seen_at", "seen_at"),
        *(Index(f"ix_{prefix}person_{name}", *columns) for name, columns in PERSON_INDEXES.items()),
    )


def person_group(metadata: MetaData, prefix: str) -> Table:
    """The groups of ``person`` once more, to be found by, with the order of each list in which they are shown."""
    return Table(
        f"{prefix}person_group",
        metadata,
        Column("name", exact(USER_KEY_LENGTH), primary_key=True),
        user_key(primary_key=True),
        *_sorted_by(),
        Index(f"ix_{prefix}person_group_user_key", "user_key"),
        *(Index(f"ix_{prefix}person_group_{name}", *columns) for name, columns in GROUP_INDEXES.items()),
    )


def person_word(metadata: MetaData, prefix: str) -> Table:
    """The words of name, email and key of ``person``, to be found by how they begin."""
    return Table(
        f"{prefix}person_word",
        metadata,
        user_key(primary_key=True),
        Column("word", ordered(LONGEST_WORD), primary_key=True),
        Index(f"ix_{prefix}person_word_word", "word", "user_key"),
    )


def _sorted_by() -> tuple[Column[Any], ...]:
    """Of each order of a list the column."""
    return (
        Column("name_sort", ordered(LONGEST_SORT_NAME), nullable=False, default=""),
        Column("deadline_sort", UTCDateTime, nullable=False, default=NO_DEADLINE),
        Column("signed_in_sort", UTCDateTime, nullable=False, default=NEVER),
    )
