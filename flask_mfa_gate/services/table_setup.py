"""The gate's tables brought up to date, with what only the app can do for older rows: it has keys and settings."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

from sqlalchemy import Connection

from ..crypto import Keyring, Place
from ..errors import ConfigError, StoreError, StoreNotReady
from ..factors import totp
from ..factors.totp.factor import shape_of_new_keys
from ..settings import Settings
from ..store import Store, schema
from ..store.database.engine import Database
from .audit.chain import AuditChain

SLICE = 1000
_CODES = ("recovery_code", "access_pass")
_HEX_LENGTH = 64
OWNER = "owner"
log = logging.getLogger("flask_mfa_gate")


@dataclass(frozen=True, slots=True)
class AppId:
    """What an app is called on its tables, the same in each of its processes.

    :param configured: the whole id; the rest is for apps that leave it out.
    :param database: name of the app's own database, by its address; empty where there is none.
    :param is_in_database: whether the gate's tables are in there too.
    """

    configured: str | None
    name: str
    database: str
    is_in_database: bool

    def read(self, database: Database) -> str:
        """The id; the server is asked, since a pooler or the app's ``creator`` may lead elsewhere than the address."""
        where = database.name() if self.is_in_database and not self.configured else self.database
        return self.configured or (f"{self.name}@{where}" if where else self.name)


@dataclass(frozen=True, slots=True)
class TableSetup:
    """``gate.upgrade()``, and whose the tables are."""

    store: Store
    keyring: Keyring
    settings: Settings
    audit: AuditChain
    app: AppId
    _settled: Event = field(default_factory=Event, repr=False)

    def make(self, revision: str = "head") -> None:
        """Bring the tables to a revision, whosever they are: see :func:`schema.upgrade`."""
        prefix = self.settings.table_prefix
        schema.upgrade(self.store.database, prefix=prefix, revision=revision, settle=self._settle)

    def upgrade(self, revision: str = "head", *, adopt: bool = False) -> None:
        """The same with tables of this app, or of nobody.

        :param adopt: take over tables that are another app's, or this one's under another name.
        :raises ConfigError: for tables of another app.
        """
        if not adopt:
            with suppress(StoreNotReady):
                self.require_own(claim=False)
        self.make(revision)
        if adopt:
            self._adopt()
        elif revision == "head":
            self.require_own()

    def has_begun(self) -> bool:
        """Whether there are tables, of any revision."""
        return schema.current(self.store.database, prefix=self.settings.table_prefix) is not None

    def owner(self) -> str | None:
        """The app whose tables these are; None before the first took them."""
        with self.store.database.read() as tx:
            mark = self.store.checkpoints.get(tx, OWNER)
        return mark.value if mark else None

    def require_own(self, *, claim: bool = True) -> None:
        """Take tables that are nobody's yet; of two apps that start together one does.

        :raises ConfigError: for those of another app: its users would be this one's, with their factors and codes.
        """
        owner, own = self.owner(), self._own_id()
        if owner is None and claim:
            self._claim(own)
            owner = self.owner()
        # SECURITY: anyone who has a phone set up as user 1 of another app would open user 1 of this one with it.
        if owner is not None and owner != own:
            raise ConfigError(
                "MFA_GATE_APP_ID",
                f"is not that of the gate's tables, which are the app {owner!r}'s",
                given=own,
                allowed="Another app needs another MFA_GATE_TABLE_PREFIX. If this is the same app under another name, "
                f"set MFA_GATE_APP_ID = {owner!r}, or run: flask mfa upgrade --adopt",
            )

    def require_own_once(self) -> bool:
        """The same until it was answered once in this process; a database that can't be asked yet is passed by.

        :returns: whether it was answered.
        """
        if not self._settled.is_set():
            with suppress(StoreError):
                self.require_own()
                self._settled.set()
        return self._settled.is_set()

    def _own_id(self) -> str:
        return self.app.read(self.store.database)

    def _claim(self, own: str) -> None:
        with self.store.database.write() as tx:
            self.store.checkpoints.put_first(tx, OWNER, at=self.settings.clock(), value=own)

    def _adopt(self) -> None:
        own = self._own_id()
        log.warning("the gate's tables %s* are those of the app %r now", self.settings.table_prefix, own)
        with self.store.database.write() as tx:
            self.store.checkpoints.put(tx, OWNER, at=self.settings.clock(), value=own)

    def _settle(self, tx: Connection, revisions: Collection[str]) -> None:
        """In the transaction of the revisions, and never again: what is vouched for later would cover forgeries."""
        if "0005" in revisions:
            # Until then the settings were every key's shape, so those of now are the best that is known of it.
            self.store.factors.note_data(tx, totp.KIND, shape_of_new_keys(self.settings).to_data())
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
