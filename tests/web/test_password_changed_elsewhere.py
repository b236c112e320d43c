"""The password is changed elsewhere while an unsafe request of another session is open: that one ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask_login import current_user, login_required, login_user
from sqlalchemy import text, update

from example_app.models import User, db
from flask_mfa_gate.web.inspection.doctor import findings
from tests.conftest import Phone, StillClock, state_of
from tests.web.kit import signed_in

NEW = "scrypt:1024:8:1$salt$" + "0" * 32


def _by_object() -> None:
    current_user.password_hash = NEW
    db.session.commit()


def _by_query() -> None:
    db.session.query(User).filter_by(id=current_user.id).update({"password_hash": NEW})
    db.session.commit()


def _by_statement() -> None:
    db.session.execute(update(User).where(User.id == current_user.id).values(password_hash=NEW))
    db.session.commit()


def _by_text() -> None:
    given = {"hash": NEW, "id": current_user.id}
    db.session.execute(text("UPDATE portal_user SET password_hash = :hash WHERE id = :id"), given)
    db.session.commit()


def _elsewhere(app: Flask) -> Callable[[], None]:
    """In another thread, which is no part of this request."""

    def change(key: int) -> None:
        with app.app_context():
            db.session.execute(update(User).where(User.id == key).values(password_hash=NEW))
            db.session.commit()

    def act() -> None:
        key = current_user.id
        db.session.rollback()
        thread = threading.Thread(target=change, args=(key,))
        thread.start()
        thread.join()
        # What the view then does is its own, and rests on a user that was read after the change.
        user = db.session.get(User, key)
        assert user is not None
        user.name = "renamed"
        # Some keep each version of a row; that is no change of the password.
        db.session.add(User(id=key + 1000, username="was", name="", email="", password_hash=user.password_hash))
        db.session.commit()

    return act


def _elsewhere_and_signs_in_again(app: Flask) -> Callable[[], None]:
    def act() -> None:
        _elsewhere(app)()
        login_user(current_user._get_current_object())

    return act


def _by_connection() -> None:
    """Which then reads, and is rolled back as it is closed."""
    change = update(User).where(User.id == current_user.id).values(password_hash=NEW)
    db.session.rollback()
    with db.engine.connect() as conn:
        conn.execute(change)
        conn.commit()
        conn.execute(text("SELECT 1"))


def _by_object_twice() -> None:
    current_user.password_hash = NEW[::-1]
    current_user.name = "renamed, as it were"
    db.session.commit()
    _by_object()


# Each carries the new hash after it was changed elsewhere, without having made the change.
CARRIED = {
    "whole_row": "UPDATE portal_user SET name = 'a, where', password_hash = :hash WHERE id = :id",
    "condition": "UPDATE portal_user SET name = 'renamed' WHERE id = :id AND password_hash = :hash",
    "copy": "UPDATE portal_user SET name = :hash WHERE id = :id",
}


def _carrying(app: Flask, statement: str) -> Callable[[], None]:
    def act() -> None:
        _elsewhere(app)()
        db.session.execute(text(statement), {"hash": NEW, "id": current_user.id})
        db.session.commit()

    return act


def _rolled_back(app: Flask) -> Callable[[], None]:
    def act() -> None:
        current_user.password_hash = NEW
        db.session.flush()
        db.session.rollback()
        _elsewhere(app)()

    return act


def _told(app: Flask) -> Callable[[], None]:
    def act() -> None:
        _elsewhere(app)()
        state_of(app).gate.password_changed(str(current_user.id))

    return act


@pytest.fixture
def changing(make_app: Any) -> Flask:
    """The portal with a view for each way in which a password changes while it runs."""
    app: Flask = make_app()
    app._got_first_request = False
    own = {
        "object": _by_object, "query": _by_query, "statement": _by_statement, "text": _by_text, "told": _told(app),
        "elsewhere": _elsewhere(app), "elsewhere_again": _elsewhere_and_signs_in_again(app),
        "connection": _by_connection, "twice": _by_object_twice, "rolled_back": _rolled_back(app),
        **{name: _carrying(app, statement) for name, statement in CARRIED.items()},
    }  # fmt: skip

    def add(name: str, act: Callable[[], None]) -> None:
        def view() -> str:
            act()
            return "done"

        app.add_url_rule(f"/{name}", f"change_{name}", login_required(view), methods=["GET", "POST"])

    for name, act in own.items():
        add(name, act)
    return app


@pytest.mark.parametrize("name", ["object", "query", "statement", "text", "connection", "twice", "told"])
def test_the_session_whose_own_view_changed_it_stays(
    changing: Flask, phone: Phone, clock: StillClock, name: str
) -> None:
    own = signed_in(changing, "dave", phone)
    clock.forward(seconds=30)
    other = signed_in(changing, "dave", phone)
    assert own.client.post(f"/{name}").text == "done"
    assert [own.is_in(), other.is_in()] == [True, False]


@pytest.mark.parametrize("who", ["dave", "frank"])
def test_one_that_was_open_meanwhile_ends(changing: Flask, phone: Phone, who: str) -> None:
    thief = signed_in(changing, who, phone if who == "dave" else None)
    assert thief.client.post("/elsewhere").text == "done"
    assert not thief.is_in()
    with changing.app_context():
        told = [one.sentence for one in findings(changing, state_of(changing)) if one.code == "untold-password"]
    assert ["change_elsewhere" in sentence for sentence in told] == [True]


@pytest.mark.parametrize("name", [*CARRIED, "rolled_back"])
def test_one_that_only_carries_the_new_hash_ends(changing: Flask, name: str) -> None:
    thief = signed_in(changing, "frank")
    assert thief.client.post(f"/{name}").text == "done"
    assert not thief.is_in()


def test_a_request_that_only_reads_keeps_no_session(changing: Flask, phone: Phone) -> None:
    """Even one that writes the new password back with the rest of the user's row."""
    thief = signed_in(changing, "dave", phone)
    assert thief.get("/object").text == "done"
    assert not thief.is_in()


def test_one_that_signs_in_again_meanwhile_proves_its_factor_again(changing: Flask, phone: Phone) -> None:
    thief = signed_in(changing, "dave", phone)
    assert thief.client.post("/elsewhere_again").location == "/mfa/challenge"
    assert not thief.is_in()
