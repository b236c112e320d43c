"""Recovery codes: ten of 80 bits, each good once.

They are kept as sealed HMAC-SHA-256, not as a slow hash: 80 random bits cannot be searched, and a slow hash for each
guess would let a stranger burn the server's time.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import Connection

from ..crypto import Keyring, new_id
from ..domain.assurance import Method
from ..domain.recovery_code import CODE_COUNT, make_code, read_recovery_code, show
from ..domain.totp import CodeShape
from ..store import Store
from .code_digests import CodeDigests
from .protocol import Accepted


class RecoveryCodeFactor:
    """The way back in for a user who lost every factor."""

    method = Method.RECOVERY_CODE
    is_stoppable = False

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store, self._digests = store, CodeDigests(keyring, "recovery_code", "recovery-code")

    def read(self, raw: object) -> tuple[CodeShape, str]:
        """Sixteen characters of base32, whatever case and grouping."""
        return read_recovery_code(raw)

    def make(self, tx: Connection, user_key: str, *, now: datetime) -> list[str]:
        """A new set in place of the old one, to be shown this once."""
        codes = [(new_id(), make_code(secrets.token_bytes)) for _ in range(CODE_COUNT)]
        kept = [(row_id, self._digests.make(code, row=row_id, user=user_key)) for row_id, code in codes]
        self._store.recovery_codes.replace(tx, user_key, kept, now=now)
        return [show(code) for _, code in codes]

    def try_accept(self, tx: Connection, user_key: str, code: str, *, now: datetime) -> Accepted | None:
        """Spend the code, if it is an unused one of this user."""
        is_spent = self._store.recovery_codes.try_spend(
            tx, user_key, lambda row, kept: self._digests.fits(kept, code, row=row, user=user_key), now=now
        )
        return Accepted(self.method) if is_spent else None

    def was_used(self, tx: Connection, user_key: str, code: str, *, now: datetime) -> bool:
        """One of the current set that was spent before."""
        return self._store.recovery_codes.was_spent(
            tx, user_key, lambda row, kept: self._digests.fits(kept, code, row=row, user=user_key)
        )

    def hint(self, tx: Connection, user_key: str, code: str, *, now: datetime) -> str | None:
        """Nothing more can be said about a wrong recovery code."""
        return None
