"""What people read, in their language as far as there is a catalog of it; else in English."""

from __future__ import annotations

from functools import cache, lru_cache
from gettext import NullTranslations, translation
from pathlib import Path

from flask import has_request_context, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from ..sentences import Sentence
from ..templating import Texts
from .request_notes import note, noted

DOMAIN = "flask_mfa_gate"
_CATALOGS = Path(__file__).parents[1] / "translations"
_ENGLISH = NullTranslations()
_PREFERRED = "mfa_gate.ui_locales"
_LONGEST_TAGS, _LONGEST_HEADER, _MOST_HEADERS = 200, 1_000, 256


def gettext(message: str, /, **values: object) -> str:
    """A message with its values filled in: ``gettext("Hello %(name)s", name=...)``."""
    return _text(message) % values if values else _text(message)


def ngettext(singular: str, plural: str, number: int, /, **values: object) -> str:
    """The form for a number of things, which stands in it as ``num``."""
    return _form(singular, plural, number) % {"num": number, **values}


def translated(text: str) -> str:
    """What a rule or a service says: a :class:`Sentence` with all that it is made of, or a message without values."""
    if not isinstance(text, Sentence):
        return _text(text) if text else text
    values = {name: translated(one) if isinstance(one, Sentence) else one for name, one in text.values.items()}
    return _text(text.message) % values if values else _text(text.message)


def error_text(error: Exception) -> str:
    """What an error says to people."""
    said = error.args[0] if error.args else ""
    return translated(said) if isinstance(said, str) else str(error)


def marked(message: str) -> str:
    """A message that is put into the reader's language only where it is shown; this lets the extraction find it."""
    return message


def prefer(tags: str) -> None:
    """The languages of this request in place of the browser's, as an app asks for its user (``ui_locales``)."""
    note(_PREFERRED, [tag.replace("_", "-").lower() for tag in tags[:_LONGEST_TAGS].split()])


def language() -> str:
    """The reader's language, of those that there are."""
    if not has_request_context():
        return "en"
    for tag in noted(_PREFERRED) or ():
        for known in ("en", *_languages()):
            if tag == known.replace("_", "-").lower() or tag.partition("-")[0] == known.lower():
                return known
    accepted = request.headers.get("Accept-Language", "")
    # SECURITY: anybody may send as much as the server takes, and what was sent is kept.
    return _best_of(accepted) if len(accepted) <= _LONGEST_HEADER else "en"


@lru_cache(maxsize=_MOST_HEADERS)
def _best_of(accepted: str) -> str:
    """By a browser's header, which is asked for each sentence of a page."""
    return parse_accept_header(accepted, LanguageAccept).best_match(["en", *_languages()]) or "en"


def _text(message: str) -> str:
    return _catalog(language()).gettext(message)


def _form(singular: str, plural: str, number: int) -> str:
    return _catalog(language()).ngettext(singular, plural, number)


TEXTS = Texts(_text, _form, translated)


def languages() -> tuple[str, ...]:
    """Every language that there is, as BCP 47 names it."""
    return ("en", *(name.replace("_", "-") for name in _languages()))


@cache
def _languages() -> tuple[str, ...]:
    return tuple(sorted(path.name for path in _CATALOGS.glob("*") if path.is_dir()))


@cache
def _catalog(name: str) -> NullTranslations:
    return _ENGLISH if name == "en" else translation(DOMAIN, _CATALOGS, [name], fallback=True)
