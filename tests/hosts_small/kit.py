"""What every small host shares: one user "1" with a key, a still clock, and a store in memory."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from flask_login import LoginManager, UserMixin

from flask_mfa_gate import MFAGate
from flask_mfa_gate.crypto import new_id
from flask_mfa_gate.domain.factors.totp import TotpShape
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from flask_mfa_gate.factors.totp.factor import import_secret
from flask_mfa_gate.store.enrollment.factors import NewFactor
from tests.conftest import Phone, StillClock, state_of

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class User(UserMixin):
    """A user object of the host."""

    def __init__(self, key: str) -> None:
        self.id = key


class Host:
    """A host app, its clock and its user's phone."""

    def __init__(self, name: str = "host", **config: Any) -> None:
        self.clock = StillClock()
        self.phone = Phone(self.clock, SECRET)
        self.app = Flask(name)
        self.app.config.update(
            SECRET_KEY="host", TESTING=True, MFA_GATE_CLOCK=self.clock, MFA_GATE_DATABASE_URI="sqlite://", **config
        )
        self.gate = MFAGate()

    def with_login_manager(self) -> LoginManager:
        manager = LoginManager(self.app)
        manager.user_loader(User)
        return manager

    def enroll(self, key: str = "1") -> None:
        """Give a user a confirmed key."""
        state, now, factor_id = state_of(self.app), self.clock(), new_id()
        sealed = import_secret(state.keyring, SECRET, factor_id=factor_id, user=key)
        with state.store.database.write() as tx:
            state.store.factors.add_pending(
                tx,
                NewFactor(
                    id=factor_id,
                    user_key=key,
                    kind=FactorKind("totp"),
                    name="App",
                    sealed=sealed,
                    data=TotpShape().to_data(),
                    lineage=key,
                ),
                now=now,
            )
            state.store.factors.try_confirm(tx, factor_id, counter=0, name="App", now=now)

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def pass_challenge(self, client: FlaskClient, **options: Any) -> Any:
        """Type the right code."""
        self.clock.forward(seconds=30)
        token = client.get("/mfa/status", **options).json["csrf_token"]  # type: ignore[index]
        return client.post("/mfa/challenge", data={"csrf_token": token, "code": self.phone.code()}, **options)
