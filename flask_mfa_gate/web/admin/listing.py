"""What every list has: its state in the URL, chips that take one filter away, and a way to the next page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from flask import request
from werkzeug.datastructures import MultiDict

from ...domain.records.refusal import read_reference
from ...errors import BadRequest
from ..translation import gettext, ngettext
from .console import console_url

PAGE_SIZES = (20, 50, 100)
_PAGING = frozenset({"cursor", "format"})
_LONGEST = 1000
_FIRST, _LAST = date(1970, 1, 1), date(9998, 12, 31)


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter that is on, in words, and the same list without it."""

    text: str
    remove_url: str


@dataclass(frozen=True, slots=True)
class Pager:
    """The foot of a list."""

    text: str
    first_url: str | None
    next_url: str | None


@dataclass(frozen=True, slots=True)
class SortLink:
    """A column head: the list in this order.

    :param direction: ``ascending`` or ``descending`` where it is in this order; None else.
    """

    url: str
    direction: str | None


class ListState:
    """The arguments of a list's URL. Every link to another state of it begins at the first page.

    :param endpoint: of the list, within the console.
    :param names: of the arguments that it knows; others are dropped.
    :param args: those of another URL than that of this request.
    """

    def __init__(self, endpoint: str, names: Iterable[str], args: MultiDict[str, str] | None = None) -> None:
        self._endpoint = endpoint
        known, given = {*names, "per_page", "sort", *_PAGING}, request.args if args is None else args
        pairs = [(name, value) for name, value in given.items(multi=True) if name in known and value.strip()]
        self._args: MultiDict[str, str] = MultiDict(pairs)

    def text(self, name: str) -> str | None:
        """One argument; None where it is absent or empty.

        :raises BadRequest: for more than anybody types.
        """
        value = self._args.get(name)
        if value is not None and len(value) > _LONGEST:
            raise BadRequest(gettext("%(name)s is too long.", name=name))
        return value.strip() if value is not None else None

    def texts(self, name: str) -> list[str]:
        """Every value of an argument, each once."""
        return list(dict.fromkeys(self._args.getlist(name)))

    def day(self, name: str) -> datetime | None:
        """The beginning of a day in UTC.

        :raises BadRequest: for what is no date.
        """
        text = self.text(name)
        if text is None:
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = date.min
        if not _FIRST <= day <= _LAST:
            raise BadRequest(gettext("Write the date as 2026-03-31."))
        return datetime(day.year, day.month, day.day, tzinfo=UTC)

    def period(self) -> tuple[datetime | None, datetime | None]:
        """From the beginning of ``since`` to the end of ``until``, which is the first moment that is too late.

        :raises BadRequest: for what is no date.
        """
        until = self.day("until")
        return self.day("since"), until + timedelta(days=1) if until is not None else None

    def reference(self) -> str | None:
        """The reference of a refusal, as it is kept.

        :raises BadRequest: for what can't be one.
        """
        typed = self.text("reference")
        if typed is None:
            return None
        if (read := read_reference(typed)) is None:
            raise BadRequest(gettext("A reference has eight letters and digits, such as K7QX-2M9P."))
        return read

    def chips(self, labels: Mapping[str, str], shown: Callable[[str, str], str]) -> Iterator[Chip]:
        """What the list is filtered by.

        :param labels: of each argument, in order.
        :param shown: says the value of an argument in words.
        """
        for name, label in labels.items():
            if value := self.text(name):
                yield Chip(f"{label}: {shown(name, value)}", self.url_without(name, value))

    def per_page(self, default: int) -> int:
        """How many rows a page has.

        :raises BadRequest: for another number than those offered.
        """
        value = self.text("per_page") or str(default)
        if value not in map(str, PAGE_SIZES):
            raise BadRequest(gettext("per_page is one of %(sizes)s.", sizes=", ".join(map(str, PAGE_SIZES))))
        return int(value)

    def url(self, **changes: str | None) -> str:
        """The list with these arguments in place of those of today; None takes one away."""
        args = {name: values for name, values in self._args.lists() if name not in _PAGING and name not in changes}
        return console_url(self._endpoint, **args, **{name: value for name, value in changes.items() if value})

    def url_without(self, name: str, value: str) -> str:
        """The list without one value of an argument."""
        args = {key: list(values) for key, values in self._args.lists() if key not in _PAGING}
        args[name] = [one for one in args.get(name, []) if one.strip() != value]
        return console_url(self._endpoint, **args)

    def query(self, names: Iterable[str]) -> str:
        """The arguments of these names as one text, for a form that sends them on."""
        wanted = set(names)
        return urlencode([(name, value) for name, value in self._args.items(multi=True) if name in wanted])

    def sort_link(self, word: str, *, current: str, descending: bool) -> SortLink:
        """A column head for this order."""
        direction = "descending" if descending else "ascending"
        return SortLink(self.url(sort=word), direction if word == current else None)

    def pager(self, shown: int, next_cursor: str | None, *, count: int | None, is_exact: bool = True) -> Pager:
        """The foot of this page."""
        return Pager(
            text=_count_text(shown, count, is_exact=is_exact),
            first_url=self.url() if self.text("cursor") else None,
            next_url=self.url(cursor=next_cursor) if next_cursor else None,
        )


def _count_text(shown: int, count: int | None, *, is_exact: bool) -> str:
    if count is None or (not is_exact and count < 2):
        return ngettext("%(num)s row on this page", "%(num)s rows on this page", shown)
    if not is_exact:
        return gettext("%(shown)s of more than %(count)s", shown=shown, count=f"{count - 1:,}")
    return gettext("%(shown)s of %(count)s", shown=shown, count=f"{count:,}")


def are_one_of(words: Sequence[str], known: Iterable[str], name: str) -> None:
    """Refuse a word that a filter does not have.

    :raises BadRequest: with the words that it has.
    """
    there = list(known)
    if unknown := [word for word in words if word not in there]:
        raise BadRequest(
            gettext("%(name)s can't be “%(word)s”. Use: %(known)s.", name=name, word=unknown[0], known=", ".join(there))
        )
