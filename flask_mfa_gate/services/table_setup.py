"""The gate's tables brought up to date, with what only the app can do for older rows: it has keys and settings."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection

from ..crypto import Keyring, Place
from ..domain.assurance import FactorKind
from ..factors.totp import shape_of_new_keys
from ..settings import Settings
from ..store import Store, schema
from .audit_chain import AuditChain

SLICE = 1000
_CODES = ("recovery_code", "access_pass")
_HEX_LENGTH = 64


@dataclass(frozen=True, slots=True)
class TableSetup:
    """``gate.upgrade()``."""

    store: Store
    keyring: Keyring
    settings: Settings
    audit: AuditChain

    def upgrade(self, revision: str = "head") -> None:
        """Bring the tables to a revision: see :func:`schema.upgrade`."""
        prefix = self.settings.table_prefix
        schema.upgrade(self.store.database, prefix=prefix, revision=revision, settle=self._settle)

    def _settle(self, tx: Connection, revisions: Collection[str]) -> None:
        """In the transaction of the revisions, and never again: what is vouched for later would cover forgeries."""
        if "0005" in revisions:
            # Until then the settings were every key's shape, so those of now are the best that is known of it.
            self.store.factors.note_data(tx, FactorKind.TOTP, shape_of_new_keys(self.settings).to_data())
            self.audit.vouch_for_bare(tx)
            for table in _CODES:
                self._seal_digests(tx, table)

    def _seal_digests(self, tx: Connection, table: str) -> None:
        column, after = self.store.sealed.columns()[table], ""
        while rows := self.store.sealed.page(tx, table, after=after, limit=SLICE):
            clear = [row for row in rows if len(row.sealed) == _HEX_LENGTH]
            sealed = [
                self.keyring.seal(bytes.fromhex(row.sealed.decode()), Place(table, column, row.place, row.user))
                for row in clear
            ]
            self.store.sealed.replace(tx, table, list(zip(clear, sealed, strict=True)))
            after = rows[-1].id
