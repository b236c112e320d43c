"""Whom a command means that was given a key or an email: an exact key first, and nobody where two may be meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from flask_mfa_gate import Person
from flask_mfa_gate.errors import BadRequest
from tests.conftest import state_of
from tests.services.kit import People, meet

pytestmark = pytest.mark.pages
TWINS = [Person("5", email="erin@example.org"), Person("6", email="ERIN@example.org")]
CLASH = [Person("bob@corp", email="bob.baker@mail.example"), Person("mallory", email="bob@corp")]


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Account(db.Model):  # type: ignore[name-defined,misc]
    key: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]


def of_model(make_host: Callable[..., Flask], people: list[Person]) -> Flask:
    config = {"SQLALCHEMY_DATABASE_URI": "sqlite://"}
    app = make_host(config, db=db, user_model=Account)
    with app.app_context():
        db.create_all()
        db.session.add_all([Account(key=one.key, email=one.email) for one in people])
        db.session.commit()
    return app


def of_directory(make_host: Callable[..., Flask], people: list[Person]) -> Flask:
    app = make_host(directory=People(people))
    with app.app_context():
        state_of(app).people.users.sync()
    return app


def of_sign_ins(make_host: Callable[..., Flask], people: list[Person]) -> Flask:
    state = state_of(app := make_host())
    with state.store.database.write() as tx:
        state.store.people.write(tx, people, now=state.clock(), signs_in=True)
    return app


@pytest.fixture(params=[of_model, of_directory, of_sign_ins], ids=lambda one: one.__name__)
def host(request: pytest.FixtureRequest, make_host: Callable[..., Flask]) -> Callable[[list[Person]], Flask]:
    return lambda people: request.param(make_host, people)


def meant(app: Flask, text: str) -> str:
    with app.app_context():
        return state_of(app).people.lookup.key_of(text)


@pytest.mark.parametrize("text", ["erin@example.org", "Erin@Example.ORG"])
def test_an_email_that_two_have_is_refused(host: Any, text: str) -> None:
    with pytest.raises(BadRequest, match="2 users") as refused:
        meant(host(TWINS), text)
    assert "'5', '6'" in str(refused.value)


def test_it_is_refused_also_where_the_gate_has_met_one_of_them(make_host: Callable[..., Flask]) -> None:
    app = of_model(make_host, TWINS)
    meet(app, TWINS[1:])
    with pytest.raises(BadRequest, match="2 users"):
        meant(app, "erin@example.org")
    with pytest.raises(BadRequest, match="flask mfa sync"):
        meant(make_host(directory=People(TWINS)), "erin@example.org")


def test_an_exact_key_comes_before_an_email(host: Any) -> None:
    app = host(CLASH)
    assert meant(app, "bob@corp") == "bob@corp"
    assert meant(app, "bob.baker@mail.example") == "bob@corp"


def test_a_key_that_the_host_has_deleted_is_a_key_still(make_host: Callable[..., Flask]) -> None:
    app = make_host(directory=People(CLASH[1:]))
    with app.app_context():
        state_of(app).people.users.sync()
    meet(app, CLASH[:1])
    assert meant(app, "bob@corp") == "bob@corp"


def test_what_was_only_typed_once_is_no_key_of_anybody(make_host: Callable[..., Flask]) -> None:
    app = of_sign_ins(make_host, [])
    with app.app_context():
        state_of(app).people.enrollments.require("erin@example.org")
    state = state_of(app)
    with state.store.database.write() as tx:
        state.store.people.write(tx, TWINS[:1], now=state.clock(), signs_in=True)
    assert meant(app, "erin@example.org") == "5"


def test_an_email_of_yesterday_is_nobodys(make_host: Callable[..., Flask]) -> None:
    app = of_directory(make_host, [Person("5", email="new@example.org")])
    meet(app, [Person("5", email="old@example.org")])
    assert meant(app, "old@example.org") == "old@example.org"


@pytest.mark.parametrize(
    "text", ["érin@example.org", "e\N{COMBINING ACUTE ACCENT}rin@example.org", "erin@example.org "]
)
def test_an_email_that_looks_alike_is_another(host: Any, text: str) -> None:
    assert meant(host(TWINS[:1]), text) == text


@pytest.mark.parametrize("text", ["a\ud800@example.org", "a\0@example.org", "a@" + "x" * 300])
def test_what_no_database_keeps_is_nobodys_email(app: Flask, text: str) -> None:
    with app.app_context():
        assert state_of(app).people.lookup.key_of(text) == text
