"""The rows of one kind in the factor table, which all kinds share: pending, live, void, with the secret sealed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ..crypto import Keyring, Place, new_id
from ..domain.sign_in.assurance import FactorKind
from ..errors import SecretMisplaced
from ..store import Store
from ..store.enrollment.factors import Factor, NewFactor
from ..store.sign_in.holdings import Held
from .base import Enrollee

log = logging.getLogger("flask_mfa_gate")


class FactorRows:
    """What a kind does with its rows."""

    def __init__(self, store: Store, keyring: Keyring, kind: FactorKind) -> None:
        self._store, self._keyring, self._kind = store, keyring, kind

    def waiting(self, tx: Connection, who: Enrollee, *, now: datetime) -> Factor | None:
        """The row that this sign-in began and has not confirmed."""
        return self._store.factors.pending(tx, who.user_key, self._kind, lineage=who.session_family, now=now)

    def add(
        self, tx: Connection, who: Enrollee, secret: bytes, *, data: Mapping[str, Any], name: str, now: datetime
    ) -> str:
        """A row that waits for its first answer; its id."""
        row_id = new_id()
        new = NewFactor(
            id=row_id, user_key=who.user_key, kind=self._kind, name=name, data=data, lineage=who.session_family,
            sealed=seal(self._keyring, secret, factor_id=row_id, user=who.user_key),
        )  # fmt: skip
        self._store.factors.add_pending(tx, new, now=now)
        return row_id

    def live(self, tx: Connection, user_key: str) -> Sequence[Factor]:
        """Every confirmed row of this user, oldest first."""
        return [row for row in self._store.factors.confirmed(tx, user_key) if row.kind is self._kind]

    def of(self, held: Held) -> Sequence[Factor]:
        """The same, where they have been read."""
        return [row for row in held.factors if row.kind is self._kind]

    def secret(self, row: Factor) -> bytes | None:
        """What is sealed in a row, or None where it is not as the gate wrote it.

        :raises SecretUnreadable: where one of ``MFA_GATE_KEYS`` is missing.
        """
        try:
            return self._keyring.open(row.sealed, _place(row.id, row.user_key))
        # SECURITY: a row that was edited, or given to another user, proves nothing, and keeps nobody from what does.
        except SecretMisplaced as error:
            refuse(row, error)
            return None

    def try_confirm(self, tx: Connection, row: Factor, *, counter: int | None, name: str, now: datetime) -> bool:
        """Make it live; False when it is live or void already."""
        return self._store.factors.try_confirm(tx, row.id, counter=counter, name=name, now=now)

    def try_confirm_alone(self, tx: Connection, row: Factor, *, counter: int | None, name: str, now: datetime) -> bool:
        """The same, and forget all others of this kind, waiting and live."""
        return self._store.factors.try_confirm_alone(tx, row, counter=counter, name=name, now=now)

    def try_advance(self, tx: Connection, row: Factor, *, counter: int, now: datetime) -> bool:
        """Move the counter on; False when it is there already, or further."""
        return self._store.factors.try_advance(tx, row.id, counter=counter, now=now)

    def void(self, tx: Connection, row: Factor, *, now: datetime) -> None:
        """Forget one."""
        self._store.factors.void(tx, row.user_key, now=now, only=row.id)


def seal(keyring: Keyring, secret: bytes, *, factor_id: str, user: str) -> bytes:
    """What is kept of a secret, good in this row and for this user only."""
    return keyring.seal(secret, _place(factor_id, user))


def refuse(row: Factor, error: Exception) -> None:
    """Tell the operator of a row that can't be used."""
    log.error("the key %s of the user %r is refused: %r", row.id, row.user_key, error)


def _place(factor_id: str, user: str) -> Place:
    return Place("factor", "secret", factor_id, user)
