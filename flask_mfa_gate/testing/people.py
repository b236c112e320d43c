"""Users with an authenticator app, and test clients that proved it.

Nothing here goes round the gate. A client is proved by a code that is sent to the page of the challenge like anybody's;
what makes it easy is that the test knows the key, since it enrolled the user itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pyotp
from flask import Flask, current_app, request, session, url_for
from flask.globals import request_ctx
from flask.testing import FlaskClient

from ..clock import Clock
from ..crypto import new_id
from ..domain.factors.totp import TotpShape, step_at
from ..factors import totp
from ..factors.base import Enrollee
from ..factors.totp.factor import PendingKey
from ..services.unit_of_work import UnitOfWork
from ..web.middleware.admission import bind
from ..web.middleware.enforcement import begin_unseen
from ..web.request_context import begin_context
from ..web.sessions.cookies import cookie_name
from ..web.state import EXTENSION, GateState
from .clock import MovableClock

_JSON = {"Accept": "application/json"}
_NOT_TESTING = "flask_mfa_gate.testing is for tests: set TESTING = True in the app under test."


@dataclass(slots=True)
class Authenticator:
    """The authenticator app of an enrolled user, with the recovery codes beside it."""

    user_key: str
    secret: str = field(repr=False)
    recovery_codes: tuple[str, ...] = field(repr=False)
    _totp: pyotp.TOTP = field(repr=False)
    _clock: Clock = field(repr=False)
    _window: int = 1
    _last_step: int = -1

    def code(self) -> str:
        """A code that was not used before. Each is good once, so a clock of the test is moved on to the next one.

        :raises RuntimeError: for a third code within one time step of a clock that can't be moved.
        """
        step = step_at(self._clock(), period=self._totp.interval)
        if step <= self._last_step:
            step = self._next_step(step)
        self._last_step = step
        return self._totp.generate_otp(step)

    def _next_step(self, now: int) -> int:
        step = self._last_step + 1
        if isinstance(self._clock, MovableClock):
            self._clock.forward(seconds=(step - now) * self._totp.interval)
        elif step > now + self._window:
            raise RuntimeError("The next code is not valid yet. Use the fixture mfa_clock as MFA_GATE_CLOCK.")
        return step


class Tester:
    """Makes users and clients for the tests of one app.

    :raises RuntimeError: when the app is not under test.
    """

    # The name is no invitation to pytest.
    __test__ = False

    def __init__(self, app: Flask) -> None:
        # SECURITY: keys of users are handed out below, which an app that serves people must never do.
        if not app.testing:
            raise RuntimeError(_NOT_TESTING)
        self._app = app
        self._state: GateState = app.extensions[EXTENSION]
        self._authenticators: dict[str, Authenticator] = {}

    def enroll(self, user: Any) -> Authenticator:
        """An authenticator app for a user, in place of any that they had, as if they had set it up earlier.

        :param user: the host's user object, or their key.
        """
        key = user if isinstance(user, str) else self._state.host.user_key(user)
        with self._app.app_context():
            self._authenticators[key] = self._state.worker.run(lambda work: self._enroll(work, key))
        return self._authenticators[key]

    def _enroll(self, work: UnitOfWork, key: str) -> Authenticator:
        store, factors, now = self._state.store, self._state.factors.registry, self._state.clock()
        factor = factors.factors[totp.KIND]
        store.enrollments.lock(work.tx, key)
        who = Enrollee(key, new_id())
        pending = cast(PendingKey, factor.begin(work.tx, who, now=now))
        generator = _generator(pending.secret, pending.shape)
        window = self._state.settings.totp_window
        # The step before where that counts, so that the code of this moment is still good for a sign-in.
        step = step_at(now, period=pending.shape.period) - min(window, 1)
        factor.confirm(work.tx, who, generator.generate_otp(step), now=now)
        store.enrollments.note_factor(work.tx, key, ends_period=True)
        codes = factors.companion.issue(work.tx, key, now=now)
        return Authenticator(key, pending.secret, tuple(codes), generator, self._state.clock, window, step)

    def client(self, user: Any, *, login: Callable[[FlaskClient], Any] | None = None) -> FlaskClient:
        """A test client of an enrolled user that is signed in and past the gate.

        :param user: the host's user object, or their key. Somebody who has no authenticator of this tester is enrolled.
        :param login: signs the client in at the host, as in ``lambda client: client.post("/login", data=...)``. Without
            it the session is made as Flask-Login would.
        """
        key = user if isinstance(user, str) else self._state.host.user_key(user)
        authenticator = self._authenticators.get(key) or self.enroll(user)
        client = self._app.test_client()
        if login is not None:
            login(client)
        else:
            self._sign_in(client, user)
        self.prove(client, authenticator)
        return client

    def _sign_in(self, client: FlaskClient, user: Any) -> None:
        """As a browser comes that signed in: with the host's session, and a session of the gate without any proof."""
        signed_in = {"_user_id": user if isinstance(user, str) else user.get_id(), "_fresh": True}
        with client.session_transaction() as kept:
            kept.update(signed_in)
        with self._app.test_request_context():
            session.update(signed_in)
            if isinstance(user, str):
                user = current_app.login_manager._user_callback(user)  # type: ignore[attr-defined]
            context = begin_context(request_ctx._get_current_object(), before=signed_in)  # type: ignore[attr-defined]
            key = self._state.host.user_key(user)
            bind(context, user, key)
            begin_unseen(context, user, key)
            client.set_cookie(cookie_name(request, self._state.settings), str(context.token))

    def prove(self, client: FlaskClient, authenticator: Authenticator) -> None:
        """Type a code in: a pending sign-in continues, a session that is in meets a step-up for as long as that lasts.

        :raises AssertionError: when the gate does not take it, or asks for something else.
        """
        with self._app.test_request_context():
            status, challenge = url_for("mfa_gate.status"), url_for("mfa_gate.challenge")
        facts: Mapping[str, Any] = client.get(status, headers=_JSON).json or {}
        if "csrf_token" not in facts:
            raise AssertionError("This client is not signed in, so there is nothing to prove.")
        headers = {**_JSON, "X-CSRFToken": facts["csrf_token"]}
        found: Mapping[str, Any] = (
            client.post(challenge, json={"code": authenticator.code()}, headers=headers).json or {}
        )
        if found.get("next") != "pass":
            raise AssertionError(
                f"The gate still asks for {found.get('next')}: {found.get('detail', 'no reason given')}"
            )


def _generator(secret: str, shape: TotpShape) -> pyotp.TOTP:
    return pyotp.TOTP(secret, digits=shape.digits, interval=shape.period)
