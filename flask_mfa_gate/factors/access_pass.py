"""Access passes: codes of 80 bits that an admin gives out, kept like recovery codes."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import Connection

from ..crypto import Keyring, new_id
from ..domain.access_pass import AccessPass, Scope
from ..domain.assurance import Method
from ..domain.recovery_code import make_code, read_recovery_code, show
from ..domain.totp import CodeShape
from ..store import Store
from ..store.access_passes import IssuedPass
from .code_digests import CodeDigests
from .protocol import Accepted


class AccessPassFactor:
    """The way back in, or to the first factor, by an admin's hand."""

    method = Method.ACCESS_PASS
    is_stoppable = False

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store, self._digests = store, CodeDigests(keyring, "access_pass", "access-pass")

    def read(self, raw: object) -> tuple[CodeShape, str]:
        """Sixteen characters of base32, whatever case and grouping."""
        return read_recovery_code(raw)

    def issue(self, tx: Connection, user_key: str, terms: AccessPass, *, issued_by: str, now: datetime) -> str:
        """A new pass, to be shown this once."""
        row_id, code = new_id(), make_code(secrets.token_bytes)
        kept = self._digests.make(code, row=row_id, user=user_key)
        self._store.access_passes.add(tx, IssuedPass(row_id, user_key, kept, terms, issued_by), now=now)
        return show(code)

    def try_accept(self, tx: Connection, user_key: str, code: str, *, now: datetime) -> Accepted | None:
        """Use the pass, if it is a live one of this user; its scope says what it proves."""
        used = self._store.access_passes.try_use(
            tx, user_key, lambda row, kept: self._digests.fits(kept, code, row=row, user=user_key), now=now
        )
        if used is None:
            return None
        is_full = used.terms.scope is Scope.FULL
        method = Method.ACCESS_PASS if is_full else Method.ENROLLMENT_PASS
        return Accepted(method, pass_id=used.id, ends_at=used.terms.ends_at)

    def was_used(self, tx: Connection, user_key: str, code: str, *, now: datetime) -> bool:
        """A pass that is over says no more of itself than a wrong one."""
        return False

    def hint(self, tx: Connection, user_key: str, code: str, *, now: datetime) -> str | None:
        """Nothing more can be said about a wrong pass."""
        return None
