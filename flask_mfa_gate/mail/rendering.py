"""From the facts of a message to the words of a mail, in the person's language and zone."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import Environment, TemplateNotFound

from ..domain.records.mail_kind import MailKind
from ..store.records.outbox import Message
from ..templating import standard_overlay
from .browsers import browser_called
from .moments import date_locale, in_words, languages_for, zone_called
from .paragraphs import as_text, read_paragraphs

FOLDER = "mfa_gate/mail"
_FOR_ADMINS = frozenset({MailKind.BREAK_GLASS, MailKind.DIGEST})
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True, slots=True)
class Rendered:
    """One mail in words."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Portal:
    """What mails say of the app, as configured. Without a base URL there is no link.

    :param locks_out: whether a lapsed period locks the account.
    :param locks_partly: whether it locks only what asks for a factor. With neither it forces enrollment.
    """

    issuer: str
    base_url: str | None
    prefix: str
    admin_prefix: str
    locks_out: bool
    locks_partly: bool = False

    def link_in(self, kind: str) -> str | None:
        """What the button of a mail opens."""
        prefix = self.admin_prefix if kind in _FOR_ADMINS else self.prefix
        # SECURITY: the Host header of a request is whatever its sender likes, so no link is made from it.
        return f"{self.base_url}{prefix}/" if self.base_url else None


def mail_environment(host: Environment) -> Environment:
    """The host's templates and filters, with the rules that the gate's mails count on."""
    # SECURITY: the HTML part is escaped even where the host has switched that off; names are data.
    return standard_overlay(host, autoescape=lambda name: bool(name and name.endswith(".html")))


def render(message: Message, environment: Environment, portal: Portal) -> Rendered:
    """Subject, text and HTML of a message."""
    locale = one_line(str(message.facts.get("locale") or ""))
    names = [f"{FOLDER}/{language}/{message.kind}.txt" for language in languages_for(locale)]
    template = environment.select_template(names)
    language = str(template.name).split("/")[-2]
    issuer, link = one_line(portal.issuer), portal.link_in(message.kind)
    facts = _facts(message, locale, language)
    lapse = {"locks_out": portal.locks_out, "locks_partly": portal.locks_partly}
    values = {**facts, **lapse, "issuer": issuer, "link": link}
    first, _, body = template.render(values).strip().partition("\n")
    subject, paragraphs = one_line(first), read_paragraphs(body, link=link)
    html = _html_template(environment, f"{FOLDER}/{language}/{message.kind}.html").render(
        values,
        subject=subject,
        heading=_heading(subject, issuer),
        paragraphs=paragraphs,
        language=language.replace("_", "-"),
    )
    return Rendered(subject, as_text(paragraphs, link=link), html)


def one_line(text: str) -> str:
    """The same on one line, without marks that can't be seen but turn, end or hide what follows."""
    # SECURITY: a line break in a name must not become another header, or a paragraph or button of its own.
    return "".join(mark for mark in " ".join(text.split()) if mark in _JOINERS or not _is_control(mark))


def _is_control(mark: str) -> bool:
    return unicodedata.category(mark) in {"Cc", "Cf", "Cs"}


def _html_template(environment: Environment, own: str) -> Any:
    """One whole HTML part of the host, if there is one, or the common layout."""
    try:
        return environment.get_template(own)
    except TemplateNotFound as error:
        if error.name != own:
            raise
        return environment.get_template(f"{FOLDER}/layout.html")


def _heading(subject: str, issuer: str) -> str:
    heading = subject.removeprefix(f"{issuer}: ")
    return heading[:1].upper() + heading[1:]


def _facts(message: Message, locale: str, language: str) -> dict[str, Any]:
    zone = zone_called(str(message.facts.get("timezone") or ""))
    dates = date_locale(locale, language)
    facts = _readable(message.facts, lambda moment: in_words(moment, zone=zone, locale=dates))
    return {**facts, "browser": browser_called(facts.get("user_agent") or "")}


def _readable(facts: Mapping[str, Any], when: Callable[[datetime], str]) -> dict[str, Any]:
    return {name: _readable_value(name, value, when) for name, value in facts.items()}


def _readable_value(name: str, value: Any, when: Callable[[datetime], str]) -> Any:
    """Instants in words, texts on one line."""
    if isinstance(value, Mapping):
        return _readable(value, when)
    if isinstance(value, list):
        return [_readable_value(name, one, when) for one in value]
    if not isinstance(value, str):
        return value
    if name == "at" or name.endswith("_at"):
        return when(datetime.fromisoformat(value))
    return one_line(value)
