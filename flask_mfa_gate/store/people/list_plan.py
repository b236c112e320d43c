"""How one list of users is read: what is looked up first, in which order, and what is asked of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement

from .list_parts import KeyTest, Part, Scan


@dataclass(frozen=True, slots=True)
class SizedPart:
    """A part of a filter without the scans that meet nobody, and how many rows there are of it, up to a bound."""

    part: Part
    size: int


@dataclass(frozen=True, slots=True)
class Sized:
    """A whole filter, of which each part finds somebody.

    :param tests: what only a row tells.
    """

    parts: tuple[SizedPart, ...]
    tests: tuple[ColumnElement[bool], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is read, and what is asked of each.

    :param few: those who are read, if there is a part that finds only few.
    :param scans: the ways through indexes in the order of the list, if not.
    :param tests: what is asked of each row beside that.
    :param size: how many there are, where that is known; up to ``COUNT_CAP``.
    :param told: a test that speaks only of ``columns``, which the index of the scans has.
    :param of_keys: tests that read nothing of a row but its key.
    :param whole: the only thing that is demanded, so that whom it means for certain are counted first.
    """

    few: Part | None
    scans: tuple[Scan, ...]
    tests: tuple[ColumnElement[bool], ...]
    size: int | None = None
    told: ColumnElement[bool] | None = None
    columns: tuple[Column[Any], ...] = ()
    of_keys: tuple[KeyTest, ...] = ()
    whole: Part | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the scans meet nobody else."""
        return not self.tests and not self.of_keys and self.told is None

    @property
    def is_countable(self) -> bool:
        """Whether there is no better way to count them in another order."""
        return self.is_exact or self.few is not None or self.size is not None


def split_tests(parts: Sequence[Part]) -> tuple[list[ColumnElement[bool]], tuple[KeyTest, ...]]:
    """Their tests: those of rows, and those of keys."""
    return [one.test for one in parts if one.of_key is None], tuple(one.of_key for one in parts if one.of_key)
