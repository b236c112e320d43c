"""Lists of users from one row each: what they are sorted, filtered and found by, and its indexes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.people.user_search import searched_words, sort_name
from flask_mfa_gate.store.tables.types import UTCDateTime, exact, ordered

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
}
_NEVER, _NO_DEADLINE = "1970-01-01 00:00:00.000000", "9999-12-31 00:00:00.000000"
_PAGE = 2000
_INDEXES = {
    "name": ["name_sort", "user_key"],
    "deadline": ["deadline_sort", "user_key"],
    "signed_in": ["signed_in_sort", "user_key"],
    "facets_name": ["facets", "name_sort", "user_key", "deadline_sort"],
    "facets_deadline": ["facets", "deadline_sort", "user_key"],
    "facets_signed_in": ["facets", "signed_in_sort", "user_key"],
    "role": ["role", "name_sort", "user_key"],
    "email": ["has_email", "name_sort", "user_key"],
}


def upgrade(op: Operations, prefix: str) -> None:
    """Add them, and fill them for everybody who is there: a few thousand people a second."""
    op.create_table(
        f"{prefix}person_word",
        sa.Column("user_key", exact(191), primary_key=True),
        sa.Column("word", ordered(40), primary_key=True),
        **_OPTIONS,
    )
    for column in (
        sa.Column("name_sort", ordered(191), nullable=False, server_default=""),
        sa.Column("has_email", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("facets", exact(128), nullable=False, server_default="nothing"),
        sa.Column("deadline_sort", UTCDateTime, nullable=False, server_default=_NO_DEADLINE),
        sa.Column("signed_in_sort", UTCDateTime, nullable=False, server_default=_NEVER),
        sa.Column("key_shown_at", UTCDateTime),
    ):
        op.add_column(f"{prefix}person", column)
    op.add_column(f"{prefix}person_group", sa.Column("name_sort", ordered(191), nullable=False, server_default=""))
    _fill_names(op, prefix)
    _fill_standings(op, prefix)
    _make_indexes(op, prefix)


def downgrade(op: Operations, prefix: str) -> None:
    """Take them away."""
    op.drop_index(f"ix_{prefix}person_group_name", f"{prefix}person_group")
    op.drop_column(f"{prefix}person_group", "name_sort")
    for name in _INDEXES:
        op.drop_index(f"ix_{prefix}person_{name}", f"{prefix}person")
    op.create_index(f"ix_{prefix}person_role", f"{prefix}person", ["role"])
    for name in ("name_sort", "has_email", "facets", "deadline_sort", "signed_in_sort", "key_shown_at"):
        op.drop_column(f"{prefix}person", name)
    op.drop_table(f"{prefix}person_word")


def _make_indexes(op: Operations, prefix: str) -> None:
    """After the rows are written, which takes less time than before it."""
    op.create_index(f"ix_{prefix}person_word_word", f"{prefix}person_word", ["word", "user_key"])
    op.create_index(f"ix_{prefix}person_group_name", f"{prefix}person_group", ["name", "name_sort", "user_key"])
    op.drop_index(f"ix_{prefix}person_role", f"{prefix}person")
    for name, columns in _INDEXES.items():
        op.create_index(f"ix_{prefix}person_{name}", f"{prefix}person", columns)


def _fill_names(op: Operations, prefix: str) -> None:
    """What only Python knows: small letters of every language, and where words begin."""
    person = sa.table(
        f"{prefix}person", sa.column("user_key", exact(191)), sa.column("name", sa.Text), sa.column("email", sa.Text),
        sa.column("name_sort", ordered(191)), sa.column("has_email", sa.Boolean),
    )  # fmt: skip
    word = sa.table(f"{prefix}person_word", sa.column("user_key", exact(191)), sa.column("word", ordered(40)))
    mine = sa.update(person).where(person.c.user_key == sa.bindparam("of"))
    for people in _people(op, person):
        op.get_bind().execute(
            mine.values(name_sort=sa.bindparam("sort"), has_email=sa.bindparam("has")),
            [{"of": one.key, "sort": sort_name(one), "has": one.email != ""} for one in people],
        )
        words = [{"user_key": one.key, "word": each} for one in people for each in sorted(searched_words(one))]
        if words:
            op.get_bind().execute(sa.insert(word), words)
    group = sa.table(f"{prefix}person_group", sa.column("user_key", exact(191)), sa.column("name_sort", ordered(191)))
    name = sa.select(person.c.name_sort).where(person.c.user_key == group.c.user_key).scalar_subquery()
    op.execute(sa.update(group).values(name_sort=sa.func.coalesce(name, "")))


def _people(op: Operations, person: sa.TableClause) -> Iterator[Sequence[Person]]:
    after = ""
    columns = (person.c.user_key, person.c.name, person.c.email)
    chosen = sa.select(*columns).where(person.c.user_key > sa.bindparam("after")).order_by(person.c.user_key)
    while rows := op.get_bind().execute(chosen.limit(_PAGE), {"after": after}).all():
        yield [Person(key, name, email) for key, name, email in rows]
        after = rows[-1][0]


def _fill_standings(op: Operations, prefix: str) -> None:
    """As ``store/user_facets`` keeps them from here on: ``period! webauthn``."""
    person = sa.table(
        f"{prefix}person", sa.column("user_key", exact(191)), sa.column("facets", exact(128)),
        sa.column("last_sign_in_at", UTCDateTime), sa.column("signed_in_sort", UTCDateTime),
        sa.column("deadline_sort", UTCDateTime), sa.column("key_shown_at", UTCDateTime),
    )  # fmt: skip
    row = sa.table(
        f"{prefix}enrollment", sa.column("user_key", exact(191)), sa.column("required", sa.Boolean),
        sa.column("days", sa.Integer), sa.column("ends_at", UTCDateTime),
    ).c  # fmt: skip
    factor = sa.table(
        f"{prefix}factor", sa.column("user_key", exact(191)), sa.column("kind", exact(16)),
        *(sa.column(name, UTCDateTime) for name in ("created_at", "confirmed_at", "voided_at")),
    ).c  # fmt: skip

    def stored(column: Any) -> Any:
        return sa.select(column).where(row.user_key == person.c.user_key).scalar_subquery()

    live = sa.and_(factor.user_key == person.c.user_key, factor.voided_at.is_(None))
    shown = sa.select(sa.func.max(factor.created_at)).where(live, factor.confirmed_at.is_(None)).scalar_subquery()
    held = {
        kind: sa.exists().where(live, factor.confirmed_at.is_not(None), factor.kind == kind)
        for kind in ("totp", "webauthn")
    }
    word: Any = sa.case(
        (held["totp"], "enrolled"),
        (stored(row.ends_at).is_not(None), "period"),
        (stored(row.days).is_not(None), "waiting"),
        (shown.is_not(None), "key-shown"),
        else_="nothing",
    )
    word = word + sa.case((stored(row.required).is_(True), "!"), else_="")
    for kind, holds in held.items():
        word = word + sa.case((holds, f" {kind}"), else_="")
    signed_in, ends_at = sa.func.coalesce(person.c.last_sign_in_at, person.c.signed_in_sort), stored(row.ends_at)
    op.execute(
        sa.update(person).values(
            facets=word, key_shown_at=shown, signed_in_sort=signed_in,
            deadline_sort=sa.func.coalesce(ends_at, person.c.deadline_sort),
        )
    )  # fmt: skip
