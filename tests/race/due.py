"""Many people whose reminder or lapse is due, and what becomes of them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import delete, func, insert, select

from flask_mfa_gate.domain.people.person import Person
from tests.conftest import state_of

STRANGERS = "due-"


def add_people(app: Flask, count: int) -> list[str]:
    """Whom the gate knows, in the place of those who were there before."""
    tables, now = state_of(app).store.tables, state_of(app).clock()
    keys = [f"{STRANGERS}{number:05}" for number in range(count)]
    people = [Person(key, key, f"{key}@example.org") for key in keys]
    with state_of(app).store.database.write() as tx:
        for table in (tables.enrollment, tables.person, tables.outbox):
            tx.execute(delete(table).where(table.c.user_key.startswith(STRANGERS)))
        tx.execute(delete(tables.audit).where(tables.audit.c.subject.startswith(STRANGERS)))
        state_of(app).store.people.write(tx, people, now=now)
    return keys


def add_periods(app: Flask, keys: list[str]) -> None:
    """A period of each, by turns one that has just ended and one that ends tomorrow."""
    now = state_of(app).clock().replace(microsecond=0)
    rows = []
    for place, key in enumerate(keys):
        ends_at = now if place % 2 else now + timedelta(hours=20)
        due_at = now if place % 2 else ends_at - timedelta(days=1)
        rows.append(
            {"user_key": key, "required": True, "required_by": "cli", "days": 7, "due_at": due_at,
             "started_at": ends_at - timedelta(days=7), "ends_at": ends_at}
        )  # fmt: skip
    with state_of(app).store.database.write() as tx:
        tx.execute(insert(state_of(app).store.tables.enrollment), rows)


def expected_words(keys: list[str]) -> dict[str, tuple[list[str], list[str]]]:
    """Of each: the events on record, and the mails."""
    words = {0: (["enrollment_reminded"], ["reminder"]), 1: (["enrollment_lapsed"], ["lapsed"])}
    return {key: words[place % 2] for place, key in enumerate(keys)}


def words(app: Flask, keys: list[str]) -> dict[str, tuple[list[str], list[str]]]:
    tables = state_of(app).store.tables
    events: dict[str, list[str]] = {key: [] for key in keys}
    mails: dict[str, list[str]] = {key: [] for key in keys}
    audit, outbox = tables.audit.c, tables.outbox.c
    with state_of(app).store.database.read() as tx:
        mine = select(audit.subject, audit.event).where(audit.subject.startswith(STRANGERS)).order_by(audit.id)
        for key, event in tx.execute(mine).all():
            events[key].append(event)
        for key, kind in tx.execute(select(outbox.user_key, outbox.kind)).all():
            if key in mails:
                mails[key].append(kind)
    return {key: (events[key], mails[key]) for key in keys}


def starts(app: Flask) -> dict[str, datetime | None]:
    """When each one's period started."""
    row = state_of(app).store.tables.enrollment.c
    with state_of(app).store.database.read() as tx:
        found = select(row.user_key, row.started_at).where(row.user_key.startswith(STRANGERS))
        return {one.user_key: one.started_at for one in tx.execute(found).all()}


def unsent(app: Flask) -> int:
    row = state_of(app).store.tables.outbox.c
    with state_of(app).store.database.read() as tx:
        return int(tx.execute(select(func.count()).where(row.sent_at.is_(None))).scalar_one())


def still_due(app: Flask) -> int:
    row = state_of(app).store.tables.enrollment.c
    with state_of(app).store.database.read() as tx:
        return int(tx.execute(select(func.count()).where(row.due_at <= state_of(app).clock())).scalar_one())


def message_ids(mails: list[Any]) -> Counter[str]:
    return Counter(str(mail["Message-ID"]) for mail in mails)


def recipients(mails: list[Any]) -> Counter[str]:
    return Counter(address for mail in mails for address in mail.envelope_to)


def run_due(app: Flask) -> tuple[int, int, int, int]:
    done = state_of(app).operations.upkeep.run_due()
    return done.reminded, done.lapsed, done.mails_sent, done.mails_failed
