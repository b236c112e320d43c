"""The gate's pages and mails come out the same whatever a host has made of Jinja; what replaces them may fail."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, render_template_string
from flask.templating import Environment
from flask_login import login_user
from jinja2 import ChoiceLoader, DictLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from flask_mfa_gate.domain.records.mail_kind import MailKind
from flask_mfa_gate.mail.notices import notice
from tests.hosts_small.kit import Host, User
from tests.mail.kit import Somebody, rendered

RAW = ("{{", "{%", "}}", "%}", "[[", "<%")


class Sandboxed(SandboxedEnvironment, Environment):
    """An environment class of the host's own."""


def squares(app: Flask) -> None:
    app.jinja_options = {"variable_start_string": "[[", "variable_end_string": "]]"}


def erb(app: Flask) -> None:
    app.jinja_options = {
        "variable_start_string": "<%=", "variable_end_string": "%>", "block_start_string": "<%", "block_end_string": "%>",
        "comment_start_string": "<%#", "comment_end_string": "%>",
    }  # fmt: skip


def lines(app: Flask) -> None:
    app.jinja_options = {"line_statement_prefix": "<", "line_comment_prefix": "  <", "trim_blocks": True}


def strict(app: Flask) -> None:
    app.jinja_options = {"undefined": StrictUndefined, "finalize": lambda _value: "gone", "autoescape": False}


def asynchronous(app: Flask) -> None:
    app.jinja_options = {"enable_async": True}


def of_its_own_class(app: Flask) -> None:
    app.jinja_environment = Sandboxed
    app.select_jinja_autoescape = lambda _name: False  # type: ignore[method-assign]


def poorer(app: Flask) -> None:
    for name in ("length", "lower", "round", "int"):
        app.jinja_env.filters.pop(name)
    app.jinja_env.globals.clear()


VARIANTS = [squares, erb, lines, strict, asynchronous, of_its_own_class, poorer]
Variant = Callable[[Flask], None]


def host_with(*variants: Variant, templates: dict[str, str] | None = None) -> Host:
    host = Host()
    for variant in variants:
        variant(host.app)
    host.app.jinja_loader = DictLoader(templates or {})
    host.with_login_manager()
    host.app.add_url_rule("/login", "login", lambda: str(login_user(User("1"))), methods=["POST"])
    host.gate.init_app(host.app)
    return host


def setup_page(host: Host) -> str:
    """The page that shows most."""
    with host.app.app_context():
        host.gate.enrollments.require(["1"], days=7)
    client = host.client()
    client.post("/login")
    answer = client.get("/mfa/enroll/totp")
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize("variant", VARIANTS)
def test_pages_are_drawn(variant: Variant) -> None:
    drawn, plain = setup_page(host_with(variant)), setup_page(host_with())
    assert "<form" in drawn
    assert "<svg" in drawn
    assert not any(mark in drawn for mark in RAW)
    assert len(drawn.splitlines()) == len(plain.splitlines()), "down to the blanks"


@pytest.mark.parametrize("variant", VARIANTS[:-1])
def test_mails_are_written(variant: Variant) -> None:
    host = host_with(variant)
    message = notice(MailKind.START, Somebody(name="<b>"), now=host.clock(), days=7)  # type: ignore[arg-type]
    mail = rendered(host.app, message)
    assert not any(mark in f"{mail.subject}{mail.text}{mail.html}" for mark in RAW)
    assert mail.subject.endswith("multi-factor authentication is now required")
    assert "<b>" in mail.text
    assert "<b>" not in mail.html


OWN_BASE = (
    '{% extends "mfa_gate/default/base.html" %}{% block head %}<meta name="brand" content="{{ brand }}">{% endblock %}'
    "{% block footer %}{{ 'made of ' ~ brand | shout }}{{ page.issuer }}{% endblock %}"
)


@pytest.mark.parametrize("variant", [*VARIANTS[:4], asynchronous])
def test_a_base_of_the_host_has_its_filters_and_context(variant: Variant) -> None:
    host = host_with(variant, templates={"mfa_gate/base.html": OWN_BASE})
    host.app.context_processor(lambda: {"brand": "<Acme>"})
    host.app.template_filter("shout")(str.upper)
    drawn = setup_page(host)
    assert '<meta name="brand" content="&lt;Acme&gt;">' in drawn
    assert "made of &lt;ACME&gt;" in drawn
    assert "pages.css" in drawn


@pytest.mark.parametrize(
    "template", ["{% extends 'gone.html' %}", "{{ 1 / 0 }}", "{% oops %}", "{{ page.nothing.at_all }}", "{{ fails }}"]
)
def test_a_base_that_fails_gives_way_to_the_built_in_one(template: str, caplog: pytest.LogCaptureFixture) -> None:
    host = host_with(templates={"mfa_gate/base.html": template})
    if "fails" in template:
        host.app.context_processor(lambda: {"fails": 1 / 0})
    with caplog.at_level(logging.ERROR, "flask_mfa_gate"):
        assert "<svg" in setup_page(host)
    assert "the app's own template for the gate's page enroll_totp.html failed" in caplog.text
    with host.app.app_context():
        assert "broken-page" in [found.code for found in host.gate.doctor()]


def test_context_of_the_host_that_fails_is_not_asked_for_built_in_pages() -> None:
    host = host_with()
    host.app.context_processor(lambda: {"fails": 1 / 0})
    assert "<svg" in setup_page(host)


def test_one_page_of_the_host_in_its_own_layout() -> None:
    templates = {
        "layout.html": "<main>{% block body %}{% endblock %}</main>",
        "mfa_gate/enroll_totp.html": "{% extends 'layout.html' %}{% block body %}<svg>{{ secret }}{% endblock %}",
    }
    assert setup_page(host_with(templates=templates)).startswith("<main><svg>")


@pytest.mark.parametrize("variant", [squares, asynchronous, lines])
def test_the_banner_is_in_the_hosts_templates_and_macros(variant: Variant) -> None:
    host = host_with(variant)
    mark = ("[[", "]]") if variant is squares else ("{{", "}}")
    host.app.jinja_loader = ChoiceLoader(
        [DictLoader({"m.html": "{% macro top() %}" + f"{mark[0]} mfa_gate.banner() {mark[1]}" + "{% endmacro %}"})]
    )

    @host.app.get("/page")
    @host.gate.exempt
    def page() -> Any:
        return render_template_string("{% import 'm.html' as m %}" + f"{mark[0]} m.top() {mark[1]}")

    with host.app.app_context():
        host.gate.enrollments.require(["1"], days=7)
    client = host.client()
    client.post("/login")
    token = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    client.post("/mfa/enroll/later", data={"csrf_token": token})
    assert '<p class="mfa-gate-banner"' in client.get("/page").text
