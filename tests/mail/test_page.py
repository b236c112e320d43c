"""The page about mails says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import ChoiceLoader, DictLoader

from flask_mfa_gate.domain.records.mail_kind import MailKind
from flask_mfa_gate.mail.notices import _FACTS, is_silenceable, notice
from tests.conftest import state_of
from tests.mail.kit import Somebody, rendered

PAGE = (Path(__file__).parents[2] / "docs" / "mails.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", MailKind)
def test_each_kind_has_its_row(kind: MailKind) -> None:
    (row,) = re.findall(rf"(?m)^\| `{kind}` \| .* \| (yes|\*\*no\*\*) \|$", PAGE)
    assert (row == "yes") == is_silenceable(kind)


@pytest.mark.parametrize("kind", [kind for kind in MailKind if _FACTS[kind]])
def test_each_fact_is_named(kind: MailKind) -> None:
    (row,) = re.findall(rf"(?m)^\| [^|]*`{kind}`[^|]* \| ([^|]*) \|$", PAGE)
    assert [fact for fact in _FACTS[kind] if f"`{fact}`" not in row] == []


def test_its_example_works(app: Flask) -> None:
    example = PAGE.partition("```text\n")[2].partition("```")[0]
    app.jinja_loader = ChoiceLoader([DictLoader({"mfa_gate/mail/en/start.txt": example}), app.jinja_loader])  # type: ignore[list-item]
    now = state_of(app).clock()
    found = rendered(app, notice(MailKind.START, Somebody(), now=now, days=7, ends_at=now))  # type: ignore[arg-type]
    assert found.subject == "Example Portal: please set up MFA"
    assert "- Until: 2 March 2026, 09:00 UTC\n" in found.text
    assert 'class="warning"' in found.html
    assert ">Set it up here</a>" in found.html
