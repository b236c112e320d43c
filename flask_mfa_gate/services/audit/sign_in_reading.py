"""Everybody's sign-ins as lists show them: newest first, page by page, filtered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...clock import Clock
from ...domain.people.user_list import Position
from ...domain.sign_in.sign_in_outcome import SignInOutcome, outcome_of
from ...errors import BadCursor
from ...store import Store
from ...store.sign_in.sign_in_list import SignInFilter
from ...store.sign_in.sign_ins import SignInRecord
from ..text_validation import kept_text
from .cursors import GONE, MICROSECOND, moment_number, moment_of_number

_SLICE = 1000
_CURSOR = re.compile(r"([0-9]{1,17})\.([0-9A-Za-z_-]{1,32})", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignInPage:
    """One page of sign-ins.

    :param names: of the users, by key.
    :param unreadable: of rows that somebody edited so that nothing can read them; they are left out.
    """

    items: Sequence[SignInRecord]
    next_cursor: str | None
    names: Mapping[str, str]
    unreadable: tuple[str, ...] = ()


class SignInReader:
    """Reads sign-ins for people and files."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def page(self, wanted: SignInFilter, *, cursor: str | None, per_page: int) -> SignInPage:
        """The next sign-ins, newest first.

        :raises BadCursor: for a cursor that no page gave out.
        """
        with self._store.database.read() as tx:
            found = self._store.sign_in_list.page(
                tx, _kept(wanted), before=_place(cursor), limit=per_page + 1
            )  # fmt: skip
            shown = found.records[:per_page]
            keys = {record.user_key for record in shown}
            names = self._store.people.names(tx, keys) if keys else {}
        return SignInPage(
            shown, _cursor(shown[-1]) if shown and found.count > per_page else None, names, found.unreadable
        )

    def every(self, wanted: SignInFilter) -> Iterator[SignInRecord]:
        """All of them, newest first; those of later than now are not among them."""
        before = None
        until = self._clock() + MICROSECOND
        upto = replace(_kept(wanted), until=until if wanted.until is None else min(wanted.until, until))
        while True:
            with self._store.database.read() as tx:
                found = self._store.sign_in_list.page(tx, upto, before=before, limit=_SLICE)
            yield from found.records
            if found.count < _SLICE or not found.records:
                return
            before = Position(found.records[-1].at, found.records[-1].lineage)


def outcome_of_record(record: SignInRecord) -> SignInOutcome:
    """What became of a sign-in."""
    return outcome_of(record.verdict, is_proved=record.proved_at is not None)


def _kept(wanted: SignInFilter) -> SignInFilter:
    """Without what no database keeps, which would be an error there."""
    names = ("user_key", "policy", "reference")
    kept: dict[str, Any] = {name: kept_text(text) for name in names if (text := getattr(wanted, name)) is not None}
    return replace(wanted, **kept)


def _cursor(record: SignInRecord) -> str:
    return f"{moment_number(record.at)}.{record.lineage}"


def _place(cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    if (found := _CURSOR.fullmatch(cursor)) is None:
        raise BadCursor(GONE)
    return Position(moment_of_number(int(found[1])), found[2])
