"""Values of a document, checked one by one; each fault is a :class:`PolicyError` that says where it is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from ....errors import PolicyError
from ....sentences import Sentence
from ...open_words import OpenWord
from ..reading import at_key, nearest

LONGEST_NAME = 100
LONGEST_TEXT = 1000

# SECURITY: breaks, lone surrogates and marks that turn the direction of writing make one name look like another.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

Word = TypeVar("Word", bound=StrEnum | OpenWord)


def at_index(where: str, index: int) -> str:
    """The path of an entry, counted from zero."""
    return f"{where}[{index}]"


def read_table(value: object, where: str) -> Mapping[str, object]:
    """A table whose keys are texts."""
    if not isinstance(value, Mapping):
        raise PolicyError("must be a table", path=where)
    if not all(isinstance(key, str) for key in value):
        raise PolicyError("must have strings as keys", path=where)
    return value


def read_fields(value: object, where: str, *, known: Collection[str]) -> Mapping[str, object]:
    """A table that has none but the known keys."""
    table = read_table(value, where)
    for key in table:
        if key not in known:
            raise PolicyError("is not known here", path=at_key(where, key), nearest=nearest(key[:LONGEST_NAME], known))
    return table


def read_list(value: object, where: str) -> Iterator[tuple[str, object]]:
    """The path and value of each entry."""
    if not isinstance(value, list | tuple):
        raise PolicyError("must be a list", path=where)
    return ((at_index(where, index), entry) for index, entry in enumerate(value))


def listed(entries: Sequence[str]) -> object:
    """Entries as a list. A text stays one, so that its reader refuses it: its letters are no entries."""
    return entries if isinstance(entries, str) else list(entries)


def read_names(value: object, where: str) -> tuple[str, ...]:
    """A list of names, in its order and without repeats."""
    return tuple(dict.fromkeys(read_name(entry, at) for at, entry in read_list(value, where)))


def read_name(value: object, where: str, *, longest: int = LONGEST_NAME) -> str:
    """One printable line of 1 to ``longest`` characters, without blanks around it."""
    text = _read_printable(value, where, longest=longest)
    if not text:
        raise PolicyError("must not be empty", path=where)
    if text != text.strip():
        raise PolicyError("must not begin or end with a blank", path=where)
    return text


def read_text(value: object, where: str) -> str:
    """Text of at most 1000 characters; it may have lines and tabs, and may be empty."""
    return _read_printable(value, where, longest=LONGEST_TEXT, besides="\n\t")


def _read_printable(value: object, where: str, *, longest: int, besides: str = "") -> str:
    if not isinstance(value, str):
        raise PolicyError("must be a string", path=where)
    if len(value) > longest:
        raise PolicyError(Sentence("must not be longer than %(longest)s characters", longest=longest), path=where)
    if any(mark not in besides for mark in _UNPRINTABLE.findall(value)):
        raise PolicyError("must not contain control characters", path=where)
    return value


def require_printable(value: object, where: str) -> None:
    """Raise :class:`PolicyError` where a text, also one inside lists and tables, has control characters."""
    if isinstance(value, str):
        _read_printable(value, where, longest=LONGEST_TEXT)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            require_printable(entry, at_key(where, key))
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            require_printable(entry, at_index(where, index))


def read_number(value: object, where: str, *, most: int) -> int:
    """A whole number from 0 to ``most``. A boolean is none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise PolicyError("must be a whole number", path=where)
    if not 0 <= value <= most:
        raise PolicyError(Sentence("must be from 0 to %(most)s", most=most), path=where)
    return value


def read_word(value: object, where: str, words: type[Word]) -> Word:
    """One word of a closed set."""
    known = [word.value for word in words]
    if not isinstance(value, str):
        raise PolicyError(Sentence("must be one of %(known)s", known=", ".join(known)), path=where)
    if value not in known:
        raise PolicyError(
            Sentence("must be one of %(known)s", known=", ".join(known)),
            path=where,
            nearest=nearest(value[:LONGEST_NAME], known),
        )
    return words(value)
