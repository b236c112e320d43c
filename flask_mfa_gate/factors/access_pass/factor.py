"""Access passes: codes of 80 bits that an admin gives out, kept like recovery codes."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ...crypto import new_id
from ...domain.factors.access_pass import AccessPass, Scope
from ...domain.factors.typed_code import CodeShape
from ...store.enrollment.access_passes import IssuedPass
from ...store.sign_in.holdings import Held
from ..base import About, Accepted, Challenge, Description, Why
from ..base32_code import make_code, read_code, show
from ..code_digests import CodeDigests
from ..parts import FactorParts
from .words import FOR_SETUP, METHOD

_WRONG = "That access pass didn't work. Check it, or ask your administrator for a new one."


class AccessPasses:
    """The way back in, or to the first factor, by an admin's hand."""

    method = METHOD
    proofs, answer_field = (METHOD, FOR_SETUP), "code"
    is_stoppable, has_state = False, False
    about = About(
        "Access pass", use="Use an access pass", used="Access pass used", icon="key-round", wrong=_WRONG,
    )  # fmt: skip

    def __init__(self, parts: FactorParts) -> None:
        self._store, self._digests = parts.store, CodeDigests(parts.keyring, "access_pass", "access-pass")

    def read(self, raw: object) -> tuple[CodeShape, str]:
        """Sixteen characters of base32, whatever case and grouping."""
        return read_code(raw)

    def issue(self, tx: Connection, user_key: str, terms: AccessPass, *, issued_by: str, now: datetime) -> str:
        """A new pass, to be shown this once."""
        row_id, code = new_id(), make_code(secrets.token_bytes)
        kept = self._digests.make(code, row=row_id, user=user_key)
        self._store.access_passes.add(tx, IssuedPass(row_id, user_key, kept, terms, issued_by), now=now)
        return show(code)

    def challenge(self, held: Held, *, now: datetime) -> Challenge:
        """The pass itself is all there is to it."""
        return Challenge()

    def verify(
        self, tx: Connection, held: Held, answer: str, *, state: Mapping[str, Any], now: datetime
    ) -> Accepted | None:
        """Use the pass, if it is a live one of this user; its scope says what it proves."""
        used = self._store.access_passes.try_use(
            tx, held.user_key, lambda row, kept: self._digests.fits(kept, answer, row=row, user=held.user_key), now=now
        )
        if used is None:
            return None
        method = METHOD if used.terms.scope is Scope.FULL else FOR_SETUP
        return Accepted(method, pass_id=used.id, ends_at=used.terms.ends_at)

    def explain(self, tx: Connection, user_key: str, answer: str, *, now: datetime) -> Why:
        """A pass that is over says no more of itself than a wrong one."""
        return Why()

    def describe(self, held: Held) -> Description:
        """The answer doesn't tell whether there is one."""
        return Description()

    def withdraw(self, tx: Connection, user_keys: Collection[str], *, now: datetime) -> None:
        """Void every pass."""
        self._store.access_passes.void(tx, *user_keys, now=now)
