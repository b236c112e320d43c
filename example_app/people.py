"""The people of the portal, each in another state of enrollment."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from werkzeug.security import generate_password_hash

from flask_mfa_gate import Actor, MFAGate

from .models import User, db
from .past import enroll_with_key, let_period_lapse

PASSWORD = "correct horse battery staple"  # noqa: S105 - printed on the sign-in page of the demo
DAVES_KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
DEMO_KEY = "ZGVtbyBrZXkgb2YgdGhlIGV4YW1wbGUgcG9ydGFsISE="
# A cheap hash keeps the demo's start quick; a real app uses the default.
_METHOD = "scrypt:1024:8:1"


@dataclass(frozen=True, slots=True)
class Somebody:
    """One of the demo's people."""

    username: str
    name: str
    story: str
    group: str = ""
    role: str = ""


PEOPLE = (
    Somebody("ada", "Ada Admin", "admin, not enrolled", role="admin"),
    Somebody("bob", "Bob Baker", "has 7 days to enroll"),
    Somebody("carol", "Carol Clark", "let their period lapse, is locked out"),
    Somebody("dave", "Dave Dean", "enrolled, asked for a code of the key below"),
    Somebody("erin", "Erin Ellis", "finance, nothing required", group="finance"),
    Somebody("frank", "Frank Ford", "nothing required"),
    Somebody("grace", "Grace Gray", "helpdesk, nothing required", role="helpdesk"),
    Somebody("hugo", "Hugo Hill", "auditor, nothing required", role="auditor"),
)


def seed(gate: MFAGate, app: Flask) -> None:
    """Tables and people, when there are none yet. Two workers that start at once end up with one set."""
    try:
        db.create_all()
    except (OperationalError, ProgrammingError):
        db.session.rollback()
        db.create_all()
    if db.session.scalars(select(User.id).limit(1)).first() is not None:
        return
    password_hash = generate_password_hash(PASSWORD, method=_METHOD)
    db.session.add_all(_user(number, one, password_hash) for number, one in enumerate(PEOPLE, 1))
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        return
    _put_into_their_states(gate, app)


def _user(number: int, one: Somebody, password_hash: str) -> User:
    return User(
        id=number, username=one.username, name=one.name, email=f"{one.username}@example.org",
        group=one.group, role=one.role, password_hash=password_hash, enabled=True,
    )  # fmt: skip


def _put_into_their_states(gate: MFAGate, app: Flask) -> None:
    keys = {user.username: str(user.id) for user in db.session.scalars(select(User))}
    gate.enrollments.require(keys["bob"], days=7, actor=Actor.SYSTEM, notify=False)
    gate.enrollments.require(keys["carol"], days=7, actor=Actor.SYSTEM, notify=False)
    let_period_lapse(app, keys["carol"])
    gate.enrollments.require(keys["dave"], days=7, actor=Actor.SYSTEM, notify=False)
    enroll_with_key(app, keys["dave"], DAVES_KEY)
