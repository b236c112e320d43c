"""The beginning of the log: old records are removed, and an anchor under the keys stands where they ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from ...crypto import Keyring
from ...store import Store
from .links import Head

_MARK, _PURPOSE = "audit-anchor", "audit-anchor"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The link of the last record that was removed, and when; number 0 while the log has its first."""

    last: Head = Head()
    removed_at: datetime | None = None

    def __str__(self) -> str:
        if self.removed_at is None:
            return "no records were removed"
        return f"records before {self.last.number + 1} were removed by retention on {self.removed_at:%Y-%m-%d}"


class Anchors:
    """The anchor of one log, in a row that nobody without the keys can write."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store, self._keyring = store, keyring

    def get(self, tx: Connection) -> Anchor:
        """Where the log begins."""
        mark = self._store.checkpoints.get(tx, _MARK)
        said, _, mac = mark.value.rpartition(" ") if mark is not None else ("", "", "")
        # SECURITY: an anchor that was moved or made up is none; so the record behind it does not fit, and is found.
        if mac not in self._keyring.digests(said, purpose=_PURPOSE, row=self._log):
            return Anchor()
        last, removed_at = said.split(" ")
        return Anchor(Head.parse(last), datetime.fromisoformat(removed_at))

    def put(self, tx: Connection, last: Head, *, at: datetime) -> None:
        """Let the log begin behind this link."""
        said = f"{last} {at.isoformat()}"
        mac = self._keyring.digest(said, purpose=_PURPOSE, row=self._log)
        self._store.checkpoints.put(tx, _MARK, at=at, value=f"{said} {mac}")

    @property
    def _log(self) -> str:
        # SECURITY: bound to its table, so that the anchor of another app under the same keys is none here.
        return self._store.tables.audit.name
