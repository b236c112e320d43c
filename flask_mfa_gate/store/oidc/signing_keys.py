"""Keys that sign ID tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from ...domain.oidc.client import SigningAlgorithm
from ...domain.oidc.signing_key import SigningKey
from ..tables.tables import Tables


class SigningKeys:
    """Rows of the signing key table."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.oidc_signing_key

    def all(self, tx: Connection) -> Sequence[SigningKey]:
        """Every key, retired ones too, oldest first."""
        rows = tx.execute(select(self._table).order_by(self._table.c.algorithm, self._table.c.generation))
        return [_key(dict(row._mapping)) for row in rows]

    def add(self, tx: Connection, key: SigningKey) -> None:
        """A new one.

        :raises IntegrityError: where another process has just made this generation.
        """
        row = {name: getattr(key, name) for name in _COLUMNS}
        tx.execute(insert(self._table).values(**row, algorithm=key.algorithm.value, public=dict(key.public)))

    def retire(self, tx: Connection, kid: str, *, now: datetime) -> bool:
        """It signs nothing from now on; False where it did not before either."""
        mine = (self._table.c.kid == kid, self._table.c.retired_at.is_(None))
        return tx.execute(update(self._table).where(*mine).values(retired_at=now)).rowcount == 1

    def sweep(self, tx: Connection, *, before: datetime) -> int:
        """Forget keys that were retired before then."""
        return tx.execute(delete(self._table).where(self._table.c.retired_at < before)).rowcount


_COLUMNS = ("kid", "generation", "sealed", "created_at", "signs_from", "retired_at")


def _key(row: dict[str, object]) -> SigningKey:
    return SigningKey(**{**row, "algorithm": SigningAlgorithm(row["algorithm"])})  # type: ignore[arg-type]
