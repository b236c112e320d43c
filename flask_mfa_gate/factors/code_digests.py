"""Codes that are kept without being known: a keyed digest of each, sealed for its row and its user."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from ..crypto import Keyring, Place
from ..errors import SecretUnreadable

_COLUMN = "sealed"


@dataclass(frozen=True, slots=True)
class CodeDigests:
    """The digests of one table.

    :param table: its name without prefix.
    :param purpose: keeps digests of one kind of code from standing for another.
    """

    keyring: Keyring
    table: str
    purpose: str

    def make(self, code: str, *, row: str, user: str) -> bytes:
        """What is kept of a code in canonical form."""
        digest = self.keyring.digest(code, purpose=self.purpose, row=row)
        return self.keyring.seal(bytes.fromhex(digest), Place(self.table, _COLUMN, row, user))

    def fits(self, kept: bytes, code: str, *, row: str, user: str) -> bool:
        """Whether the code is the one that was kept, in this row and of this user; False for what can't be opened."""
        try:
            # SECURITY: sealed for the user too, so that a row given to another user opens nothing for either.
            digest = self.keyring.open(kept, Place(self.table, _COLUMN, row, user))
        except SecretUnreadable:
            return False
        rights = self.keyring.digests(code, purpose=self.purpose, row=row)
        return any(hmac.compare_digest(digest, bytes.fromhex(right)) for right in rights)
