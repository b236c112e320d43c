"""Recovery codes: ten of 80 bits, each good once.

They are kept as sealed HMAC-SHA-256, not as a slow hash: 80 random bits cannot be searched, and a slow hash for each
guess would let anyone burn the server's time.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ...crypto import new_id
from ...domain.factors.typed_code import CodeShape
from ...domain.records.mail_kind import MailKind, Notice
from ...store.sign_in.holdings import Held
from ..base import About, Accepted, Challenge, Description, Why
from ..base32_code import make_code, read_code, show
from ..code_digests import CodeDigests
from ..parts import FactorParts
from .words import METHOD

CODE_COUNT = 10
LOW = 3
_USED = "You already used this recovery code. Each one works once; enter another."


class RecoveryCodes:
    """The way back in for a user who lost every factor."""

    method = METHOD
    proofs, answer_field = (METHOD,), "code"
    is_stoppable, has_state = False, False
    about = About("Recovery code", use="Use a recovery code", used="Recovery code used", icon="key-round")

    def __init__(self, parts: FactorParts) -> None:
        self._store = parts.store
        self._digests = CodeDigests(parts.keyring, "recovery_code", "recovery-code")

    def read(self, raw: object) -> tuple[CodeShape, str]:
        """Sixteen characters of base32, whatever case and grouping."""
        return read_code(raw)

    def issue(self, tx: Connection, user_key: str, *, now: datetime) -> list[str]:
        """A new set in place of the old one, to be shown this once."""
        codes = [(new_id(), make_code(secrets.token_bytes)) for _ in range(CODE_COUNT)]
        kept = [(row_id, self._digests.make(code, row=row_id, user=user_key)) for row_id, code in codes]
        self._store.recovery_codes.replace(tx, user_key, kept, now=now)
        return [show(code) for _, code in codes]

    def challenge(self, held: Held, *, now: datetime) -> Challenge:
        """Any code of the set will do."""
        return Challenge()

    def verify(
        self, tx: Connection, held: Held, answer: str, *, state: Mapping[str, Any], now: datetime
    ) -> Accepted | None:
        """Spend the code, if it is an unused one of this user."""
        is_spent = self._store.recovery_codes.try_spend(
            tx, held.user_key, lambda row, kept: self._digests.fits(kept, answer, row=row, user=held.user_key), now=now
        )
        if not is_spent:
            return None
        left = self._store.recovery_codes.left(tx, held.user_key)
        return Accepted(self.method, notice=Notice(MailKind.RECOVERY_CODE_USED, {"left": left}))

    def explain(self, tx: Connection, user_key: str, answer: str, *, now: datetime) -> Why:
        """One of the current set that was spent before; of a wrong one nothing can be said."""
        was_spent = self._store.recovery_codes.was_spent(
            tx, user_key, lambda row, kept: self._digests.fits(kept, answer, row=row, user=user_key)
        )
        return Why(_USED) if was_spent else Why()

    def describe(self, held: Held) -> Description:
        """How many are unused."""
        return Description(is_there=held.codes > 0, left=held.codes, is_low=held.codes <= LOW)

    def withdraw(self, tx: Connection, user_keys: Collection[str], *, now: datetime) -> None:
        """Delete every code."""
        self._store.recovery_codes.void(tx, *user_keys)
