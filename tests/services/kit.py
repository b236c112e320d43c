"""What the tests of bulk, people and upkeep share: a populated table of people, and the tables as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from flask import Flask
from sqlalchemy import select

from flask_mfa_gate.crypto import new_id
from flask_mfa_gate.domain.factors.totp import TotpShape
from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from flask_mfa_gate.factors.totp.factor import import_secret
from flask_mfa_gate.store import Store
from flask_mfa_gate.store.enrollment.factors import NewFactor
from tests.conftest import state_of

TOTP = FactorKind("totp")
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def tables(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is stored."""
    with store.database.read() as tx:
        return {
            table.name: sorted((tuple(row) for row in tx.execute(select(table))), key=repr)
            for table in store.tables.metadata.sorted_tables
        }


def rows(store: Store, name: str) -> list[Any]:
    """One table."""
    table = getattr(store.tables, name)
    with store.database.read() as tx:
        return list(tx.execute(select(table)))


def events(app: Flask, *names: str) -> list[tuple[str, str]]:
    """Event and subject of each audit record, in order, of these kinds only."""
    found = sorted(rows(state_of(app).store, "audit"), key=lambda row: row.id)
    return [(row.event, row.subject) for row in found if not names or row.event in names]


def mails(app: Flask, *kinds: str) -> list[tuple[str, str]]:
    """Kind and recipient of each mail in the outbox, sorted."""
    found = rows(state_of(app).store, "outbox")
    return sorted((row.kind, row.recipient) for row in found if not kinds or row.kind in kinds)


def meet(app: Flask, people: Sequence[Person], *, now: datetime | None = None) -> None:
    """Let the gate know people, as a sync would."""
    state = state_of(app)
    with state.store.database.write() as tx:
        state.store.people.write(tx, people, now=now or state.clock())


def enroll(app: Flask, key: str, *, kind: FactorKind = TOTP, confirmed: bool = True) -> None:
    """Give a user a key; only TOTP ends a period."""
    state, factor_id, now = state_of(app), new_id(), state_of(app).clock()
    sealed = import_secret(state.keyring, SECRET, factor_id=factor_id, user=key)
    with state.store.database.write() as tx:
        state.store.factors.add_pending(
            tx,
            NewFactor(
                id=factor_id,
                user_key=key,
                kind=kind,
                name="App",
                sealed=sealed,
                data=TotpShape().to_data(),
                lineage=new_id(),
            ),
            now=now,
        )
        if confirmed:
            state.store.factors.try_confirm(tx, factor_id, counter=0, name="App", now=now)
            if kind is FactorKind("totp"):
                state.store.enrollments.note_factor(tx, key, ends_period=True)


class People:
    """A host's own directory, for ``directory=``."""

    def __init__(self, people: Iterable[Person] = ()) -> None:
        self.people = {person.key: person for person in people}
        self.pages = 0
        self.fails_at_page: int | None = None

    def get(self, key: str) -> Person | None:
        return self.people.get(key)

    def page(self, after_key: str | None, limit: int) -> list[Person]:
        self.pages += 1
        if self.pages == self.fails_at_page:
            raise RuntimeError("the directory does not answer")
        keys = sorted(key for key in self.people if after_key is None or key > after_key)
        return [self.people[key] for key in keys[:limit]]
