"""Makes up a past for the demo's people, straight in the gate's tables: no user can do this."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Flask

from flask_mfa_gate.crypto import new_id
from flask_mfa_gate.domain.enrollment.enrollment import start_period
from flask_mfa_gate.domain.enrollment.state_changes import Requirement
from flask_mfa_gate.domain.factors.totp import TotpShape
from flask_mfa_gate.domain.people.roles import Actor
from flask_mfa_gate.factors import totp
from flask_mfa_gate.factors.totp.factor import import_secret
from flask_mfa_gate.store.enrollment.factors import NewFactor
from flask_mfa_gate.web.state import GateState


def let_period_lapse(app: Flask, key: str) -> None:
    """A period that ended a day ago."""
    state: GateState = app.extensions["mfa_gate"]
    period = start_period(state.clock() - timedelta(days=8), days=7)
    with state.store.database.write() as tx:
        requirement = Requirement(Actor.SYSTEM.name, period)
        state.store.enrollments.set_requirement(tx, [key], requirement, due_at=state.clock())


def enroll_with_key(app: Flask, key: str, secret: str, *, at: datetime | None = None) -> None:
    """A key that was confirmed at this time, or just now."""
    state: GateState = app.extensions["mfa_gate"]
    factor_id, now = new_id(), at or state.clock()
    with state.store.database.write() as tx:
        state.store.factors.add_pending(
            tx,
            NewFactor(
                id=factor_id,
                user_key=key,
                kind=totp.KIND,
                name="Authenticator app",
                sealed=import_secret(state.keyring, secret, factor_id=factor_id, user=key),
                data=TotpShape().to_data(),
                lineage=new_id(),
            ),
            now=now,
        )
        state.store.factors.try_confirm(tx, factor_id, counter=0, name="Authenticator app", now=now)
        state.store.enrollments.note_factor(tx, key, ends_period=True)
