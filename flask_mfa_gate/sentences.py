"""Sentences that remember how they were made, so that the edge can say them in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Sentence(str):
    """English text, made of a message and what is filled into it: ``Sentence("No policy %(name)s.", name=...)``.

    It is that text wherever a string is wanted: in the log, on the command line, in JSON, in a comparison. What is
    filled in may be a sentence itself, and is then put into the reader's language too; other text, such as the name of
    a policy, stays as it is.

    :ivar message: what a catalog is asked for.
    """

    __slots__ = ("message", "values")
    message: str
    values: Mapping[str, object]

    def __new__(cls, message: str, /, **values: object) -> Sentence:
        """The message, with its values filled in as the operator ``%`` does; without any it is taken as it stands."""
        made = super().__new__(cls, message % values if values else message)
        made.message, made.values = message, values
        return made

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self.message, dict(self.values))


def as_sentence(text: str) -> Sentence:
    """A message without values, to be filled into another one."""
    return text if isinstance(text, Sentence) else Sentence(text)


def joined(parts: Iterable[str], between: str = " ") -> Sentence:
    """Several of them as one, each still in its own words."""
    named = {f"part{number}": part for number, part in enumerate(parts)}
    return Sentence(between.join(f"%({name})s" for name in named), **named)


def _again(message: str, values: Mapping[str, object]) -> Sentence:
    return Sentence(message, **values)
