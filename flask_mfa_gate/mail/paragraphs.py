"""The paragraphs of a mail, read once from its words and written as text and as HTML.

In a template a blank line ends a paragraph. Lines that start with ``- `` are a list of ``label: value``, a paragraph
that starts with ``! `` is a warning, and one that ends with the link of the mail is its button.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

WIDTH = 76


class Shape(StrEnum):
    """How a paragraph looks."""

    TEXT = "text"
    WARNING = "warning"
    LINK = "link"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a list. ``label`` is empty in a list of plain lines."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph; a list has ``rows``, the others ``text``. The text of a link is its label."""

    shape: Shape
    text: str = ""
    rows: tuple[Row, ...] = ()


def read_paragraphs(words: str, *, link: str | None) -> tuple[Paragraph, ...]:
    """The paragraphs of a rendered template."""
    found = (_read(lines, link) for part in re.split(r"\n[ \t]*\n", words) if (lines := _lines(part)))
    return tuple(_joined(found))


def as_text(paragraphs: Iterable[Paragraph], *, link: str | None) -> str:
    """The plain-text part."""
    return "\n\n".join(_text(paragraph, link) for paragraph in paragraphs) + "\n"


def _lines(part: str) -> list[str]:
    return [line.strip() for line in part.splitlines() if line.strip()]


def _read(lines: list[str], link: str | None) -> Paragraph:
    if all(line.startswith("- ") for line in lines):
        return Paragraph(Shape.LIST, rows=tuple(_row(line[2:]) for line in lines))
    text = " ".join(lines)
    if text.startswith("! "):
        return Paragraph(Shape.WARNING, text[2:])
    if link and text.endswith(link):
        return Paragraph(Shape.LINK, text.removesuffix(link).rstrip(" :") or link)
    return Paragraph(Shape.TEXT, text)


def _row(line: str) -> Row:
    label, colon, value = line.partition(": ")
    return Row(label, value) if colon else Row("", line)


def _joined(paragraphs: Iterable[Paragraph]) -> Iterator[Paragraph]:
    """Lists that only the lines of a condition kept apart become one."""
    for shape, group in groupby(paragraphs, key=lambda paragraph: paragraph.shape):
        if shape is Shape.LIST:
            yield Paragraph(shape, rows=tuple(row for paragraph in group for row in paragraph.rows))
        else:
            yield from group


def _text(paragraph: Paragraph, link: str | None) -> str:
    if paragraph.shape is Shape.LIST:
        return "\n".join(f"- {_line(row)}" for row in paragraph.rows)
    if paragraph.shape is Shape.LINK:
        return f"{paragraph.text}: {link}" if paragraph.text != link else paragraph.text
    return textwrap.fill(paragraph.text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _line(row: Row) -> str:
    return f"{row.label}: {row.value}" if row.label else row.value
