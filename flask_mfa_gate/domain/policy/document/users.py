"""Whom a policy is about, as a value and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....errors import PolicyError
from ....sentences import Sentence
from ...people.person import LONGEST_KEY
from ..reading import at_key
from .fields import LONGEST_NAME, listed, read_fields, read_list, read_name, read_text

EVERYBODY = "all"
GROUP = "group:"
USER = "user:"


@dataclass(frozen=True, slots=True)
class Users:
    """Whom a policy is about: ``all``, ``group:NAME``, ``user:KEY``; an exclude beats every include."""

    include: tuple[str, ...] = (EVERYBODY,)
    exclude: tuple[str, ...] = ()


def group_names(texts: Sequence[str]) -> frozenset[str]:
    """The groups among include or exclude texts."""
    return frozenset(text.removeprefix(GROUP) for text in texts if text.startswith(GROUP))


def user_keys(texts: Sequence[str]) -> frozenset[str]:
    """The single users among include or exclude texts."""
    return frozenset(text.removeprefix(USER) for text in texts if text.startswith(USER))


def users_text(users: Users) -> str:
    """Whom a policy is about, on one line."""
    excluded = f" except {' or '.join(users.exclude)}" if users.exclude else ""
    return " or ".join(users.include) + excluded


def read_users(value: object, where: str) -> Users:
    """Users from their table. A fault raises :class:`PolicyError`."""
    table = read_fields(value, where, known=("include", "exclude"))
    lists = {key: _read_user_words(entries, at_key(where, key)) for key, entries in table.items()}
    return Users(**lists)


def _read_user_words(value: object, where: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_read_user_word(entry, at) for at, entry in read_list(value, where)))


def _read_user_word(value: object, where: str) -> str:
    text = read_text(value, where)
    prefix = next((prefix for prefix in (GROUP, USER) if text.startswith(prefix)), None)
    if prefix is None and text != EVERYBODY:
        raise PolicyError(
            Sentence(
                "must be %(everybody)s, %(group)sNAME or %(user)sKEY", everybody=EVERYBODY, group=GROUP, user=USER
            ),
            path=where,
        )
    if prefix is not None:
        longest = LONGEST_KEY if prefix == USER else LONGEST_NAME
        read_name(text.removeprefix(prefix), where, longest=longest)
    return text


def write_users(users: Users) -> dict[str, object]:
    """The table of users; an empty exclude is left out."""
    table: dict[str, object] = {"include": listed(users.include)}
    if users.exclude:
        table["exclude"] = listed(users.exclude)
    return table
