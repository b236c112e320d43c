"""Column types that mean the same on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import BigInteger, DateTime, Integer, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

# SQLite numbers only INTEGER primary keys by itself.
BIG_ID: TypeEngine[int] = BigInteger().with_variant(Integer, "sqlite")


class LongText(TypeDecorator[str]):
    """A text of any length. MariaDB and MySQL end TEXT at 64 KiB."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """By its name there, by which Alembic compares it."""
        if dialect.name in {"mysql", "mariadb"}:
            from sqlalchemy.dialects import mysql  # noqa: PLC0415 - loaded by such a server

            return dialect.type_descriptor(mysql.LONGTEXT())
        return dialect.type_descriptor(Text())


LONG_TEXT: TypeEngine[str] = LongText()


class UTCDateTime(TypeDecorator[datetime]):
    """An instant, aware and in UTC on both sides. SQLite and MariaDB drop the zone, so it is put back on load."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Microseconds are kept on MariaDB too, whose DATETIME would cut them off."""
        if dialect.name in {"mysql", "mariadb"}:
            from sqlalchemy.dialects import mysql  # noqa: PLC0415 - loaded by such a server

            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime: it would be read as some other zone on another machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime given to the store; every instant is aware UTC")
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Attach UTC where the server gave none."""
        return _in_utc(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """The same in one step: every request reads a dozen of them, most of which are not there."""
        of_driver = self.impl_instance.dialect_impl(dialect).result_processor(dialect, coltype)
        if of_driver is None:
            return _in_utc

        def process(value: Any) -> datetime | None:
            if value is None:
                return None
            found = cast(datetime, of_driver(value))
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)

        return process


def _in_utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Exact(TypeDecorator[str]):
    """A string of which every byte counts: case, accents and spaces at the end.

    SQLite and PostgreSQL compare so by themselves. MariaDB and MySQL fold case, and most of their binary collations
    still take ``bob`` and ``bob `` for one; each has one collation that does not (MariaDB 10.2, MySQL 8.0.17), under
    another name, and a ``mysql://`` address may lead to either server.
    """

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Ask the server's kind, which is known once it is connected to."""
        length = self.impl_instance.length  # type: ignore[attr-defined]
        if dialect.name not in {"mysql", "mariadb"}:
            return dialect.type_descriptor(String(length))
        from sqlalchemy.dialects import mysql  # noqa: PLC0415 - loaded by such a server

        # SECURITY: two people whose keys differ in a space or in case must never share a row.
        collation = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
        return dialect.type_descriptor(mysql.VARCHAR(length, charset="utf8mb4", collation=collation))


class Ordered(Exact):
    """The same, sorted byte by byte too, so that a prefix is a range whatever language the server speaks."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """PostgreSQL sorts by the rules of its locale unless told otherwise; the others do this by themselves."""
        if dialect.name == "postgresql":
            length = self.impl_instance.length  # type: ignore[attr-defined]
            return dialect.type_descriptor(String(length, collation="C"))
        return super().load_dialect_impl(dialect)


def ordered(length: int) -> Ordered:
    """A string of at most ``length`` characters that is compared and sorted byte by byte."""
    return Ordered(length)


def exact(length: int) -> Exact:
    """A string of at most ``length`` characters that is compared byte by byte."""
    return Exact(length)
