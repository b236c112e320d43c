"""By what users are sorted and found: a name for the order, and the words of which each can be typed in part."""

from __future__ import annotations

import re
import unicodedata

from ...errors import BadRequest
from ...sentences import Sentence
from .person import Person

LONGEST_SORT_NAME = 191
LONGEST_WORD = 40
MOST_WORDS, LONGEST_TEXT = 10, 1000
_WORD = re.compile(r"[^\W_]+")


def sort_name(person: Person) -> str:
    """Where a person stands in a list by name, whatever case it is written in; by email or key without a name."""
    return (person.name or person.email or person.key).casefold()[:LONGEST_SORT_NAME]


def searched_words(person: Person) -> frozenset[str]:
    """The words of name, email and key by whose beginning a person is found."""
    return words_in(f"{person.name} {person.email} {person.key}")


def words_in(text: str) -> frozenset[str]:
    """Letters and digits that stand together, in lower case and without accents, as most people type."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return frozenset(word[:LONGEST_WORD] for word in _WORD.findall(plain))


def words_of_search(text: str) -> list[str]:
    """The words that somebody looks for; without any, nobody is found.

    :raises BadRequest: for more than anybody types.
    """
    words = words_in(text) if len(text) <= LONGEST_TEXT else frozenset()
    if len(text) > LONGEST_TEXT or len(words) > MOST_WORDS:
        raise BadRequest(
            Sentence(
                "Search for at most %(most_words)s words, in at most %(longest_text)s characters.",
                most_words=MOST_WORDS,
                longest_text=f"{LONGEST_TEXT:,}",
            )
        )
    return sorted(words)
