"""A language whose words are all marked, to find text that no catalog was asked for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from gettext import NullTranslations
from pathlib import Path

from bs4 import BeautifulSoup, Comment, Doctype, Tag
from jinja2 import Environment

from example_app.people import PEOPLE
from flask_mfa_gate.web import translation

PACKAGE = Path(translation.__file__).parents[1]
_FUNCTIONS = ("_", "gettext", "ngettext", "mfa_gettext", "mfa_ngettext")
# What is data, or is typed as it stands.
_DATA = (
    "code",
    "time",
    "script",
    "style",
    "svg",
    "pre",
    "textarea",
    "select[data-zone]",
    ".ac-mono",
    ".ac-who",
    "title",
)
_MARKED = re.compile("⟦[^⟦⟧]*⟧")
_WORD = re.compile(r"[^\W\d_]{2,}")
# Names of people, groups, policies and machines on these pages, and abbreviations that no language changes.
_NAMES = (
    "UTC CSV JSON MFA K7QX cli finance Example Portal NAMED NETWORK WAYS CIDR payroll wiki transfer mfa portal login"
)
_KNOWN = frozenset(re.findall(r"[^\W_]+", f"{_NAMES} Mar example org")).union(
    *([*one.name.split(), one.username] for one in PEOPLE)
)


@cache
def messages() -> frozenset[str]:
    """What a catalog can hold: texts that stand in the source as they are asked for."""
    found = {
        node.value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    extract = environment.extract_translations  # type: ignore[attr-defined]
    for path in (PACKAGE / "templates").rglob("*.html"):
        for _line, _function, texts in extract(path.read_text(), _FUNCTIONS):
            found.update([texts] if isinstance(texts, str) else (text for text in texts or () if text))
    return frozenset(found)


class Marked(NullTranslations):
    """Puts every text in brackets that a catalog could hold."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧" if message in messages() else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


def unmarked(html: str) -> Iterator[str]:
    """Texts with words in them that no catalog was asked for."""
    page = BeautifulSoup(html, "html.parser")
    for part in page.select(", ".join(_DATA)):
        part.decompose()
    texts = [one for one in page.find_all(string=True) if not isinstance(one, Comment | Doctype)]
    # As one, since a sentence goes on behind what is typed as it stands.
    for line in without_marks("\n".join(" ".join(str(one).split()) for one in texts)).splitlines():
        if left(line):
            yield line.strip()
    for tag in page.find_all(True):
        yield from (f"{name}={value}" for name, value in said_by(tag) if left(value))


def said_by(tag: Tag) -> Iterator[tuple[str, str]]:
    for name in ("aria-label", "data-label", "alt"):
        value = tag.get(name)
        if isinstance(value, str):
            yield name, value


def without_marks(text: str) -> str:
    while (shorter := _MARKED.sub(" ", text)) != text:
        text = shorter
    return text


def left(text: str) -> list[str]:
    return [word for word in _WORD.findall(without_marks(text)) if word not in _KNOWN]
