"""Reading a document's values, with a path and the nearest known word in each complaint."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

from ...errors import PolicyError
from ...sentences import Sentence

FEW = 20
LONGEST_SHOWN = 100
_BARE_KEY = re.compile(r"[\w-]{1,60}", re.ASCII)


def at_key(where: str, key: str) -> str:
    """The path of a key of the table at ``where``; a key with strange characters is shown quoted and cut."""
    shown = key if _BARE_KEY.fullmatch(key) else ascii(key[:60])
    return f"{where}.{shown}" if where else shown


def nearest(given: str, known: Collection[str]) -> str | None:
    """The known word that looks most like the given one, whatever its case."""
    by_folded = {word.casefold(): word for word in known}
    found = get_close_matches(given.casefold(), by_folded, n=1, cutoff=0.5)
    return by_folded[found[0]] if found else None


def read_text(value: object, where: str) -> str:
    """A text that says something."""
    if not isinstance(value, str) or not value.strip():
        raise PolicyError("must be a string that is not empty", path=where)
    return value.strip()


def read_texts(value: object, where: str) -> tuple[str, ...]:
    """A list of texts, at least one, each once."""
    if not isinstance(value, list | tuple) or not value:
        raise PolicyError("must be a list of at least one text", path=where)
    return tuple(dict.fromkeys(read_text(item, f"{where}[{index}]") for index, item in enumerate(value)))


def read_words(value: object, where: str, known: Collection[str], *, upper: bool = False) -> tuple[str, ...]:
    """A list of known words in any case, returned in the case in which they are known."""
    words = [word.upper() if upper else word.lower() for word in read_texts(value, where)]
    for index, word in enumerate(words):
        require_known(word, f"{where}[{index}]", known)
    return tuple(dict.fromkeys(words))


def read_table(value: object, where: str, known: Collection[str]) -> dict[str, object]:
    """A table with known keys only."""
    if not isinstance(value, Mapping):
        raise PolicyError("must be a table", path=where)
    for key in value:
        require_known(str(key), at_key(where, str(key)), known)
    return {str(key): item for key, item in value.items()}


def require_known(given: str, where: str, known: Collection[str]) -> None:
    """Raise :class:`PolicyError` for a word that is not among the known ones. Of few, all are named."""
    if given in known:
        return
    shown = given[:LONGEST_SHOWN]
    near = nearest(shown, known)
    words = known if isinstance(known, tuple) else sorted(known)
    rest = f": it is one of {', '.join(words)}" if near is None and len(known) <= FEW else ""
    raise PolicyError(
        Sentence("is %(shown)r, which is not known%(rest)s", shown=shown, rest=rest), path=where, nearest=near
    )


def texts_of(wanted: tuple[str, ...] | Mapping[str, object]) -> tuple[str, ...]:
    """The list of a criterion whose word takes a list."""
    if isinstance(wanted, Mapping):
        raise TypeError("this word takes a list, not a table")
    return wanted


def table_of(wanted: tuple[str, ...] | Mapping[str, object]) -> Mapping[str, object]:
    """The table of a criterion whose word takes a table."""
    if not isinstance(wanted, Mapping):
        raise TypeError("this word takes a table, not a list")
    return wanted
