"""A host says it in its own words, in another language, or with another look."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from jinja2 import ChoiceLoader, DictLoader, TemplateNotFound

from flask_mfa_gate.domain.records.mail_kind import MailKind
from flask_mfa_gate.mail.notices import notice
from tests.conftest import state_of
from tests.mail.kit import Inbox, Somebody, post, rendered, send_due

FRENCH = "{{ issuer }} : bonjour\n\nBonjour {{ name }},\n\nvotre compte : {{ ends_at }}\n\nIci : {{ link }}\n"


def give(app: Flask, **templates: str) -> None:
    own = {f"mfa_gate/mail/{name.replace('__', '/').replace('_dot_', '.')}": words for name, words in templates.items()}
    app.jinja_loader = ChoiceLoader([DictLoader(own), app.jinja_loader])  # type: ignore[list-item]


def start(app: Flask, locale: str = "", **facts: Any) -> Any:
    message = notice(MailKind.START, Somebody(locale=locale), now=state_of(app).clock(), **facts)  # type: ignore[arg-type]
    return rendered(app, message)


def test_its_own_words(app: Flask) -> None:
    give(app, en__start_dot_txt="Moin from {{ issuer }}\n\nAhoy {{ name }}!\n\nGo: {{ link }}\n")
    found = start(app)
    assert found.subject == "Moin from Example Portal"
    assert found.text == "Ahoy Frank Ford!\n\nGo: https://portal.example.org/mfa/\n"
    assert "Ahoy Frank Ford!" in found.html
    assert ">Go</a>" in found.html
    assert "Guten Tag" in start(app, "de").text, "other languages stay"


def test_its_own_look_for_all_kinds(app: Flask) -> None:
    give(app, layout_dot_html="<main>{% for one in paragraphs %}<p>{{ one.text }}</p>{% endfor %}</main>")
    assert start(app).html.startswith("<main><p>Hello Frank Ford,</p>")
    assert start(app, "de").html.startswith("<main><p>Guten Tag Frank Ford,</p>")


def test_one_whole_html_part(app: Flask) -> None:
    give(app, en__start_dot_html="<h1>{{ name }} {{ days }}</h1>")
    assert start(app, days=7).html == "<h1>Frank Ford 7</h1>"
    assert "Multi-Faktor" in start(app, "de", days=7).html


def test_a_fault_in_an_own_part_is_not_hidden(app: Flask) -> None:
    give(app, en__start_dot_html="{% include 'gone.html' %}")
    with pytest.raises(TemplateNotFound, match=r"gone\.html"):
        start(app)


@pytest.mark.parametrize(
    ("locale", "subject"),
    [
        ("fr", "Example Portal : bonjour"),
        ("fr-CA", "Québec"),
        ("fr_ca", "Québec"),
        ("fr-BE", "Example Portal : bonjour"),
        ("FR", "Example Portal : bonjour"),
        ("it", "Example Portal: multi-factor authentication is now required"),
        ("", "Example Portal: multi-factor authentication is now required"),
    ],
)
def test_another_language_the_nearest_first(app: Flask, locale: str, subject: str) -> None:
    give(app, fr__start_dot_txt=FRENCH, fr_CA__start_dot_txt="Québec\n\nAllô\n")
    assert start(app, locale).subject == subject


def test_another_language_has_its_own_dates(app: Flask) -> None:
    give(app, fr__start_dot_txt=FRENCH)
    found = start(app, "fr", ends_at=state_of(app).clock())
    assert "2 mars 2026" in found.text
    assert '<html lang="fr">' in found.html


@pytest.mark.parametrize("trim", [True, False])
def test_paragraphs_stay_apart_whatever_the_host_trims(app: Flask, trim: bool) -> None:
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = trim
    give(
        app, en__start_dot_txt="S\n\n{% if link %}One.{% endif %}\n\nTwo.\n\n{% if 1 %}\n- a: b\n{% endif %}\n- c: d\n"
    )
    assert start(app).text == "One.\n\nTwo.\n\n- a: b\n- c: d\n"


def test_a_broken_override_delays_its_own_kind_only(portal: Flask, inbox: tuple[Inbox, int]) -> None:
    give(portal, en__start_dot_txt="{{ nobody.knows.this }}")
    now = state_of(portal).clock()
    people = Somebody(email="a@example.org"), Somebody(email="b@example.org")
    post(portal, notice(MailKind.START, people[0], now=now), notice(MailKind.RESET, people[1], now=now))  # type: ignore[arg-type]
    assert send_due(portal) == (1, 1)
    assert [mail["To"] for mail in inbox[0].mails] == ["b@example.org"]
