"""What the tests of the pages do again and again."""

from __future__ import annotations

from typing import Any

from flask import Flask
from sqlalchemy import text

from flask_mfa_gate.crypto import new_id
from tests.conftest import Browser, Phone, key_of, state_of


def act(app: Flask, action: str, username: str, **options: Any) -> Any:
    """An action of ``gate.enrollments`` on one user."""
    with app.app_context():
        return getattr(state_of(app).people.enrollments, action)(key_of(app, username), **options)


def issue(app: Flask, username: str, **terms: Any) -> str:
    """A new access pass."""
    with app.app_context():
        return state_of(app).people.access_passes.issue(key_of(app, username), **terms)


def hand_in(browser: Browser, code: str) -> Any:
    return browser.send("/mfa/challenge", factor="access_pass", code=code)


def signed_in(app: Flask, username: str, phone: Phone | None = None) -> Browser:
    """A browser with the password, and with a phone the code."""
    browser = Browser(app)
    browser.sign_in(username)
    if phone is not None:
        assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303
        assert browser.is_in()
    return browser


def change_user(app: Flask, username: str, **values: Any) -> None:
    """What the host's own pages would write."""
    from example_app.models import User, db

    with app.app_context():
        db.session.execute(db.update(User).where(User.username == username).values(**values))
        db.session.commit()


def hold_security_key(app: Flask, username: str) -> str:
    """A confirmed factor of a kind that has no page yet, straight in the table."""
    return give_security_key(app, key_of(app, username))


def give_security_key(app: Flask, user_key: str) -> str:
    """The same for whom the app knows by this key."""
    state, factor_id = state_of(app), new_id()
    row = {
        "id": factor_id, "user_key": user_key, "kind": "webauthn", "name": "Key", "secret": b"x",
        "created_at": state.clock(), "confirmed_at": state.clock(),
    }  # fmt: skip
    with state.store.database.write() as tx:
        tx.execute(state.store.tables.factor.insert().values(**row))
    return factor_id


def mails(app: Flask, username: str) -> list[Any]:
    """What was ever put into the outbox for a user, oldest first."""
    outbox = state_of(app).store.tables.outbox
    with state_of(app).store.database.read() as tx:
        rows = tx.execute(outbox.select().where(outbox.c.user_key == key_of(app, username)))
        return sorted(rows, key=lambda row: (row.created_at, row.id))


def kinds(app: Flask, username: str) -> list[str]:
    return [row.kind for row in mails(app, username)]


def everything_kept(app: Flask) -> str:
    """Every row of every table of the gate, as text."""
    state = state_of(app)
    with state.store.database.read() as tx:
        names = [table.name for table in state.store.tables.metadata.sorted_tables]
        return " ".join(str(tx.execute(text(f"SELECT * FROM {name}")).all()) for name in names)


def events(app: Flask, username: str, name: str) -> list[Any]:
    """Records of one event about a user."""
    audit = state_of(app).store.tables.audit
    with state_of(app).store.database.read() as tx:
        mine = audit.select().where(audit.c.subject == key_of(app, username), audit.c.event == name)
        return list(tx.execute(mine))
