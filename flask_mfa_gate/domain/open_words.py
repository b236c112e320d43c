"""Closed sets of words that grow by definition: each kind of factor brings its own words along with its folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Self, TypeVar

T = TypeVar("T", bound="OpenWord")


class _OpenWords(type):
    """Makes a class of words iterable, in the order in which they were defined."""

    def __iter__(cls: type[T]) -> Iterator[T]:  # type: ignore[misc]
        return iter(cls.known.values())

    def __len__(cls) -> int:
        return len(cls.known)  # type: ignore[attr-defined]


class OpenWord(str, metaclass=_OpenWords):
    """A word that is known once it was defined, and then one object for the whole process, like the member of an enum.

    Calling the class with a text finds the word.

    :raises ValueError: for a text that is no word.
    """

    __slots__ = ()
    known: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        """Each class has words of its own."""
        cls.known = {}

    def __new__(cls, text: str) -> Self:
        """The word of this text."""
        try:
            found: Self = cls.known[text]
        except (KeyError, TypeError):
            raise ValueError(f"{text!r} is not a known {cls.__name__}") from None
        return found

    @classmethod
    def _define(cls, text: str) -> Self:
        """A new word. A word that is there already is a mistake in the program."""
        if text in cls.known:
            raise ValueError(f"{text!r} is already a {cls.__name__}")
        word: Self = str.__new__(cls, text)
        cls.known[text] = word
        return word

    @property
    def value(self) -> str:
        """The text itself, as enums call it."""
        return str(self)

    def __repr__(self) -> str:
        """Tells it from a text that only reads like it."""
        return f"<{type(self).__name__}: {str(self)!r}>"
