"""Policies written shortly, and put into a portal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from flask import Flask
from sqlalchemy import event, text

from flask_mfa_gate.domain.policy.conditions.condition_type import Source
from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN, Registry
from flask_mfa_gate.domain.policy.document.codec import read_policy
from flask_mfa_gate.domain.policy.document.policy import Policy
from tests.conftest import Browser, Phone, key_of, state_of

OFFICE = "198.51.100.7"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"


def policy(
    name: str = "rule", action: str = "require", *, on: Sequence[str] = (), users: Mapping[str, Any] | None = None,
    when: Mapping[str, Any] | None = None, state: str = "on", message: str = "", help_link: str = "",
    registry: Registry = BUILT_IN, **effect: Any,
) -> Policy:  # fmt: skip
    """``on`` are resources, ``when`` conditions; the rest goes into the effect."""
    return read_policy(
        {
            "name": name, "state": state, "users": users or {}, "resources": list(on), "conditions": when or {},
            "effect": {"action": action, **effect}, "message": message, "help_link": help_link,
        },
        registry=registry,
    )  # fmt: skip


def put(app: Flask, *policies: Policy) -> None:
    """Saved by the host, and not looked at before: most tests are about one user, and forget the admins."""
    with app.app_context():
        service = state_of(app).access.policies
        check, service._check = service._check, lambda *_: None
        try:
            for one in policies:
                service.save(one)
        finally:
            service._check = check


def drop(app: Flask, name: str) -> None:
    with app.app_context():
        state_of(app).access.policies.delete(name)


def prove(app: Flask, phone: Phone, **options: Any) -> Browser:
    """Dave, with a code."""
    browser = Browser(app)
    browser.client.environ_base.update(options)
    browser.sign_in("dave")
    answer = browser.send("/mfa/challenge", code=phone.code())
    assert answer.status_code == 303, answer.text
    return browser


def signed_in(app: Flask, username: str, **environ: Any) -> Browser:
    browser = Browser(app)
    browser.client.environ_base.update(environ)
    browser.sign_in(username)
    return browser


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """What the gate asks its database meanwhile."""
    seen: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = state_of(app).store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def rows(app: Flask, table: str) -> list[dict[str, Any]]:
    with state_of(app).store.database.read() as tx:
        return [dict(row) for row in tx.execute(text(f"SELECT * FROM mfa_gate_{table}")).mappings()]


def with_traits(app: Flask, **traits: Any) -> None:
    """What the host could have told ``init_app``."""
    state = state_of(app)
    app.extensions["mfa_gate"] = replace(state, host=replace(state.host, traits=replace(state.host.traits, **traits)))
    if "is_managed" in traits:
        state.access.linter._sources |= {Source.MANAGED}


def graces(app: Flask, username: str) -> dict[str, Any]:
    with state_of(app).store.database.read() as tx:
        key = key_of(app, username)
        return dict(state_of(app).store.enrollments.state(tx, key, now=state_of(app).clock()).graces)
