"""One place that says in which form a page answers: HTML, JSON, CSV, or JSON lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from flask import Response, request, stream_with_context

from ...errors import BadRequest
from ...sentences import Sentence
from ..client import Client
from ..responses import answers
from .console import Console

T = TypeVar("T")


class Format(StrEnum):
    """How a list can be had."""

    HTML = "html"
    JSON = "json"
    CSV = "csv"
    LINES = "jsonl"


_TYPES = {
    Format.HTML: "text/html",
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.LINES: "application/x-ndjson",
}
_BY_TYPE = {mime: word for word, mime in _TYPES.items()}
# A spreadsheet takes a cell for a formula that begins so, also in the full-width forms of East Asian keyboards, and
# also behind spaces; a tab or a line break opens the next cell.
_ACTIVE = re.compile(r"[\s\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_FLUSH = 200


def format_wanted(console: Console, *offered: Format) -> Format:
    """By ``?format=``, else by ``Accept``; programs get JSON, people a page.

    :raises BadRequest: for a word that this page does not offer.
    """
    word = request.args.get("format")
    if word:
        if word not in set(offered):
            raise BadRequest(Sentence("Unknown format. This page has: %(known)s.", known=", ".join(offered)))
        return Format(word)
    if console.auth.context.client is Client.API:
        return Format.JSON
    best = request.accept_mimetypes.best_match([_TYPES[one] for one in offered], default=_TYPES[Format.HTML])
    return _BY_TYPE[best]


def wants_document(console: Console) -> bool:
    """Whether errors are told as ``application/problem+json``."""
    asked = request.args.get("format", Format.HTML)
    return console.auth.context.client is Client.API or asked != Format.HTML


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """One page of a list.

    :param next_cursor: where the next page begins; None at the end.
    :param count: how many there are at all, or at least; None where nobody counted.
    """

    items: Sequence[T]
    next_cursor: str | None = None
    count: int | None = None
    count_is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Table(Generic[T]):
    """How one row of a list is written for programs and spreadsheets.

    :param name: of the file, without its ending.
    :param row: the cells by column, as JSON values.
    :param columns: those of the file, in order.
    """

    name: str
    columns: tuple[str, ...]
    row: Callable[[T], Mapping[str, Any]]


def json_list(listing: Listing[T], table: Table[T]) -> Response:
    """``items``, ``next_cursor``, ``count``, ``count_is_exact``."""
    return answers.json_answer(
        {
            "items": [dict(table.row(item)) for item in listing.items],
            "next_cursor": listing.next_cursor,
            "count": listing.count,
            "count_is_exact": listing.count_is_exact,
        }
    )


def csv_file(table: Table[T], rows: Iterable[T]) -> Response:
    """Every row, streamed: a list of a million is never in memory."""
    lines = _csv_lines(table, rows)
    return _download(lines, f"{table.name}.csv", "text/csv; charset=utf-8; header=present")


def lines_file(table: Table[T], rows: Iterable[T]) -> Response:
    """Every row as one JSON object a line."""
    written = (json.dumps(dict(table.row(item)), ensure_ascii=False, default=str) + "\n" for item in rows)
    return _download(written, f"{table.name}.jsonl", _TYPES[Format.LINES])


def whole_list(console: Console, table: Table[T], kind: Format, rows: Iterable[T]) -> Response:
    """All of a list as a file, which is put on record first."""
    console.state.operations.audit_reader.note_export(console.actor, table.name, origin=console.origin)
    return csv_file(table, rows) if kind is Format.CSV else lines_file(table, rows)


def safe_cell(value: Any) -> str:
    """A cell as text that no spreadsheet runs."""
    text = _text(value)
    # SECURITY: names and reasons are typed by others; an apostrophe makes a spreadsheet take the cell for text.
    is_number = isinstance(value, int | float)
    return f"'{text}" if not is_number and _ACTIVE.match(text) else text


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else str(value)


def _csv_lines(table: Table[T], rows: Iterable[T]) -> Iterator[str]:
    place = io.StringIO(newline="")
    writer = csv.writer(place)
    writer.writerow(table.columns)
    for number, item in enumerate(rows, 1):
        cells = table.row(item)
        writer.writerow([safe_cell(cells[name]) for name in table.columns])
        if number % _FLUSH == 0:
            yield _taken(place)
    yield _taken(place)


def _taken(place: io.StringIO) -> str:
    text = place.getvalue()
    place.seek(0)
    place.truncate()
    return text


def _download(lines: Iterable[str], name: str, content_type: str) -> Response:
    response = Response(stream_with_context(iter(lines)), content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answers.guarded(response)
