"""Who acts: nobody gains a right, or another's name in the log, by the key that they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate import Actor, NotAllowed, Person
from flask_mfa_gate.domain.people.roles import Role
from flask_mfa_gate.errors import BadRequest
from tests.conftest import state_of
from tests.services.kit import People, rows

pytestmark = pytest.mark.pages
WORDS = ["cli", "host", "system", "user:1", "user:", "user:user:1"]
PEOPLE = [Person("1", role=Role.ADMIN), Person("2"), *(Person(key) for key in WORDS)]


@pytest.fixture(params=["directory", "nobody to ask"])
def app(request: pytest.FixtureRequest, make_host: Callable[..., Flask]) -> Flask:
    """Users who have words for keys."""
    if request.param == "directory":
        return make_host(directory=People(PEOPLE))
    app = make_host(admin_role=lambda _user: None)
    state = state_of(app)
    with state.store.database.write() as tx:
        state.store.people.write(tx, PEOPLE, now=state.clock(), signs_in=True)
    return app


def act(app: Flask, actor: Any) -> list[str]:
    """The actors of what went on record."""
    with app.app_context():
        state_of(app).people.enrollments.reset("2", actor=actor, notify=False)
    return [row.actor for row in rows(state_of(app).store, "audit")]


@pytest.mark.parametrize("text", ["cli", "host", "system", "user:1", "user:user:1"])
def test_text_that_is_also_somebodys_key_is_refused(app: Flask, text: str) -> None:
    for call in (
        lambda: act(app, text), lambda: state_of(app).people.users.forget("2", actor=text),
        lambda: state_of(app).people.access_passes.issue("2", actor=text),
        lambda: state_of(app).access.policies.delete("any", actor=text),
        lambda: state_of(app).access.policies.restart_grace("2", "any", actor=text),
    ):  # fmt: skip
        with app.app_context(), pytest.raises(BadRequest, match="Actor"):
            call()
    assert rows(state_of(app).store, "audit") == []


@pytest.mark.parametrize("key", ["cli", "host", "system", "user:1", "mallory"])
def test_a_user_who_is_named_as_a_user_is_one(app: Flask, key: str) -> None:
    for actor in (Actor.user(key), Actor.user(key).__class__(f"user:{key}", Role.ADMIN)):
        with pytest.raises((NotAllowed, BadRequest)):
            act(app, actor)
    with app.app_context():
        state_of(app).people.users.password_changed("2", actor=Actor.user(key))
    assert [row.actor for row in rows(state_of(app).store, "audit")] == [f"user:{key}"]


@pytest.mark.parametrize(("actor", "name"), [(Actor.CLI, "cli"), (Actor.HOST, "host"), (Actor.SYSTEM, "system")])
def test_a_word_that_is_meant_is_a_word(app: Flask, actor: Actor, name: str) -> None:
    assert act(app, actor) == [name]


def test_the_app_itself_acts_where_a_user_is_called_host(app: Flask) -> None:
    """What a call leaves out is no text of the caller's."""
    with app.app_context():
        state_of(app).people.enrollments.require("2")
        state_of(app).people.users.forget("2")
    assert {row.actor for row in rows(state_of(app).store, "audit")} == {"host"}


@pytest.mark.parametrize("actor", ["cli", "host", "system"])
def test_text_is_taken_where_nobody_has_it_for_a_key(make_host: Callable[..., Flask], actor: str) -> None:
    assert act(make_host(directory=People([Person("2")])), actor) == [actor]
    assert act(make_host(), "cli")[-1] == "cli", "a key that only was asked for is nobody's"
