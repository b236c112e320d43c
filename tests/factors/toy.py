"""A kind of factor for the tests of the protocol: a secret that is said together with what the challenge says.

It is what a kind of the product is: words, a class with the five verbs, pages. A challenge leaves state, as that of a
security key does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from flask import Response
from sqlalchemy import Connection

from flask_mfa_gate.crypto import new_id
from flask_mfa_gate.domain.factors.typed_code import CodeShape
from flask_mfa_gate.domain.sign_in.assurance import FactorKind, Method, Strength
from flask_mfa_gate.errors import MFAGateError
from flask_mfa_gate.factors import registry
from flask_mfa_gate.factors.base import About, Accepted, Begun, Challenge, Description, Enrollee, Why
from flask_mfa_gate.factors.parts import FactorParts
from flask_mfa_gate.factors.rows import FactorRows
from flask_mfa_gate.store.enrollment import enrollments
from flask_mfa_gate.store.people import user_facets
from flask_mfa_gate.store.sign_in import holdings, session_rows
from flask_mfa_gate.store.sign_in.holdings import Held
from flask_mfa_gate.web.account.authenticated_request import AuthenticatedRequest
from flask_mfa_gate.web.account.factor_setup import setup_route
from flask_mfa_gate.web.account.factors import registry as pages_registry
from flask_mfa_gate.web.account.factors.pages import ChallengePage, CodeField, FactorPages
from flask_mfa_gate.web.responses import answers


@dataclass(frozen=True)
class Shown:
    """The secret, once."""

    secret: str

    @property
    def public(self) -> Mapping[str, Any]:
        return {"secret": self.secret}


class Echo:
    """A user may have several of them."""

    proofs: tuple[Method, ...] = ()
    answer_field = "echo"
    is_stoppable, has_state = True, True
    about = About("Echo", use="Use your echo", used="Echo used", icon="key-round", offer="Set up an echo")

    def __init__(self, parts: FactorParts) -> None:
        self.kind, self.method = FactorKind("echo"), Method("echo")
        self.proofs = (self.method,)
        self._rows = FactorRows(parts.store, parts.keyring, self.kind)

    def read(self, raw: object) -> tuple[CodeShape, str]:
        return (CodeShape.OK, raw) if isinstance(raw, str) and len(raw) < 200 else (CodeShape.UNUSABLE, "")

    def begin(self, tx: Connection, who: Enrollee, *, now: datetime) -> Shown:
        secret = new_id()
        self._rows.add(tx, who, secret.encode(), data={"state": "of begin"}, name="Echo", now=now)
        return Shown(secret)

    def confirm(self, tx: Connection, who: Enrollee, answer: str, *, now: datetime) -> str | None:
        row = self._rows.waiting(tx, who, now=now)
        if row is None or self._rows.secret(row) != answer.encode() or row.data != {"state": "of begin"}:
            return None
        return row.id if self._rows.try_confirm(tx, row, counter=None, name="Echo", now=now) else None

    def challenge(self, held: Held, *, now: datetime) -> Challenge:
        nonce = new_id()
        return Challenge({"nonce": nonce}, {"nonce": nonce})

    def verify(
        self, tx: Connection, held: Held, answer: str, *, state: Mapping[str, Any], now: datetime
    ) -> Accepted | None:
        rights = {f"{(self._rows.secret(row) or b'').decode()}{state['nonce']}" for row in self._rows.of(held)}
        return Accepted(self.method) if state and answer in rights else None

    def explain(self, tx: Connection, user_key: str, answer: str, *, now: datetime) -> Why:
        return Why(hint="Ask for a new challenge.")

    def describe(self, held: Held) -> Description:
        return Description(is_there=bool(self._rows.of(held)))


def pages() -> FactorPages:
    kind, method = FactorKind("echo"), Method("echo")

    def show(desk: AuthenticatedRequest, begun: Begun, error: MFAGateError | None) -> Response:
        return answers.json_answer(dict(begun.public))

    def ask(desk: AuthenticatedRequest, challenge: Challenge) -> ChallengePage:
        return ChallengePage("Say the echo", {"field": CodeField("Echo", challenge.public["nonce"])})

    def options(desk: AuthenticatedRequest) -> Response:
        challenges = desk.state.sign_in.challenges
        held = challenges.holdings(desk.session, desk.origin)
        return answers.json_answer(dict(challenges.begin(desk.session, method, held).public))

    routes = [setup_route(kind, show), ("/challenge/echo", "challenge_echo", ["GET"], options)]
    return FactorPages(method, ask, routes, kind=kind, note="All you need is a voice.")


@contextmanager
def echo_added() -> Iterator[None]:
    """The two lines that add the kind, taken back afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for words in (FactorKind, Method):
            for name, value in list(vars(words).items()):
                if isinstance(value, dict | frozenset):
                    patch.setattr(words, name, type(value)(value))
        FactorKind.define("echo")
        Method.define("echo", Strength.FACTOR, amr=("swk", "mfa"))
        patch.setattr(registry, "BUILDERS", (*registry.BUILDERS, Echo))
        patch.setattr(pages_registry, "ALL", (*pages_registry.ALL, pages()))
        _forget_statements()
        yield
    _forget_statements()


def _forget_statements() -> None:
    """Those with a column for each kind are built once for all apps."""
    for build in (session_rows._loading, holdings._loading, enrollments._standing_of_one, user_facets._values):
        build.cache_clear()
