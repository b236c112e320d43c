"""Forty more people for the demo, at all stages, with two months of sign-ins: what an admin's lists look like.

Written straight into the tables, since no user could have a past. Nobody can sign in as one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from flask import Flask
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from flask_mfa_gate.crypto import new_id
from flask_mfa_gate.domain.enrollment.enrollment import start_period
from flask_mfa_gate.domain.enrollment.state_changes import Requirement
from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.people.roles import Actor
from flask_mfa_gate.web.state import GateState

from .access import judged, refusals, seed_policies
from .models import User, db
from .past import enroll_with_key

DAYS = 60
_FIRST_ID = 100
_FIRST = (
    "Alma", "Amir", "Anja", "Ben", "Chloe", "Dana", "Elif", "Emil", "Fatima", "Femi", "Gita", "Hana", "Igor", "Ines",
    "Jamal", "Jonas", "Kira", "Lars", "Leila", "Lin", "Marta", "Mateo", "Mina", "Nia", "Noah", "Olga", "Omar", "Petra",
    "Priya", "Quinn", "Rosa", "Sami", "Sofia", "Tariq", "Tove", "Uma", "Viktor", "Wen", "Yara", "Zoe",
)  # fmt: skip
_LAST = ("Abe", "Berg", "Costa", "Diaz", "Evans", "Fischer", "Garcia", "Haddad", "Ito", "Jensen", "Khan", "Lopez")
_NO_PASSWORD = "!"  # noqa: S105 - no hash, which no password matches
_GROUPS = ("engineering", "sales", "finance", "support")
_DEVICES = ("windows/chrome", "macos/safari", "linux/firefox", "android/chrome", "ios/safari")
# By turns, so that each group has all of them.
_STAGES = ("enrolled", "enrolled", "enrolled", "period", "lapsed", "forced", "free", "free")


@dataclass(frozen=True, slots=True)
class Extra:
    """One of them.

    :param ago: days since they enrolled, or since their period started.
    """

    key: str
    name: str
    username: str
    group: str
    stage: str
    ago: int

    @property
    def person(self) -> Person:
        """As the gate keeps it."""
        return Person(self.key, self.name, f"{self.username}@example.org", groups=frozenset({self.group}))


def seed_crowd(app: Flask) -> None:
    """Add them, their stages and their past, and count the days that are over, unless they are there."""
    state: GateState = app.extensions["mfa_gate"]
    people, now = list(_people()), state.clock()
    if db.session.get(User, _FIRST_ID) is not None:
        return
    db.session.add_all(_user(one) for one in people)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        return
    state.people.users.sync()
    for one in people:
        _put_into_stage(app, one, now)
    seed_policies(state)
    records = list(_sign_ins(people, now))
    last = {record["user_key"]: record["at"] for record in records}
    with state.store.database.write() as tx:
        tx.execute(insert(state.store.tables.sign_in), records)
        state.store.audit.write(tx, refusals(records, now=now))
        person = state.store.tables.person
        for key, at in last.items():
            tx.execute(
                person.update().where(person.c.user_key == key).values(last_sign_in_at=at, signed_in_sort=at)
            )  # fmt: skip
    while state.people.daily_totals.count_due():
        pass


def _people() -> Iterator[Extra]:
    chance = Random(12)  # noqa: S311 - the same people each time
    for place, name in enumerate(_FIRST):
        last = _LAST[place % len(_LAST)]
        stage = _STAGES[place % len(_STAGES)]
        ago = chance.randrange(3, DAYS) if stage == "enrolled" else {"period": place % 7, "lapsed": 9}.get(stage, 0)
        yield Extra(
            str(_FIRST_ID + place), f"{name} {last}", f"{name}.{last}".lower(), _GROUPS[place * 3 % 7 % 4], stage, ago
        )


def _user(one: Extra) -> User:
    return User(
        id=int(one.key), username=one.username, name=one.name, email=one.person.email, group=one.group, role="",
        password_hash=_NO_PASSWORD, enabled=True,
    )  # fmt: skip


def _put_into_stage(app: Flask, one: Extra, now: datetime) -> None:
    state: GateState = app.extensions["mfa_gate"]
    if one.stage == "free":
        return
    began = now - timedelta(days=one.ago, hours=2)
    period = None if one.stage == "forced" else start_period(began, days=7)
    with state.store.database.write() as tx:
        state.store.enrollments.lock(tx, one.key)
        requirement = Requirement(Actor.SYSTEM.name, period)
        state.store.enrollments.set_requirement(tx, [one.key], requirement, due_at=None if period is None else now)
    if one.stage == "enrolled":
        enroll_with_key(app, one.key, "JBSWY3DPEHPK3PXP" * 2, at=began)


def _sign_ins(people: list[Extra], now: datetime) -> Iterator[Mapping[str, Any]]:
    chance = Random(34)  # noqa: S311
    for day in range(DAYS, -1, -1):
        at = now - timedelta(days=day)
        for place, one in enumerate(people):
            if chance.random() < (0.12 if at.weekday() > 4 else 0.4):
                moment = at - timedelta(minutes=chance.randrange(1, 600))
                yield judged(_sign_in(one, place, day, moment, chance), one.group, chance)


def _sign_in(one: Extra, place: int, day: int, at: datetime, chance: Random) -> Mapping[str, Any]:
    asked, reason = _asked(one, day)
    is_proved = asked in {"challenge", "enroll"} and chance.random() < 0.93
    device = _DEVICES[place % len(_DEVICES)]
    platform, browser = device.split("/")
    return {
        "lineage": new_id(), "user_key": one.key, "at": at, "address": f"198.51.100.{place + 1}", "client": device,
        "facts": {"at": at.isoformat(), "platform": platform, "browser": browser, "method": "POST"},
        "verdict": asked, "reason_id": reason, "policy_version": 2,
        "default_access": "user-setting", "proved_at": at + timedelta(seconds=20) if is_proved else None,
    }  # fmt: skip


def _asked(one: Extra, day: int) -> tuple[str, str]:
    if one.stage == "enrolled" and day < one.ago:
        return "challenge", "second-factor-at-sign-in"
    if one.stage == "period" and day <= one.ago:
        return "prompt", "enrollment-period"
    if one.stage == "lapsed" and day <= 2:
        return "locked", "enrollment-lapsed"
    if one.stage == "forced" and day <= 1:
        return "enroll", "enrollment-required-now"
    return "pass", "satisfied"
