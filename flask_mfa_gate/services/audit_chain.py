"""The audit log as a chain: each record is linked to the one before by an HMAC that only the keys of the app can make.

Records are written with the act and linked later, by one sealer at a time, so that no act waits for another. What names
somebody enters the chain as a salted digest: deleting text and salt lets a user be forgotten and the chain still holds.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..clock import Clock
from ..crypto import Keyring
from ..errors import BadRequest
from ..store import Store
from ..store.audit import Record
from .work import Work, Worker

SLICE = 1000
HEAD = "audit-head"
_PURPOSE = "audit-chain"
_SALT_BYTES = 16
log = logging.getLogger("flask_mfa_gate")


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link: whoever keeps it elsewhere can tell later that nothing before it was changed or cut off."""

    number: int = 0
    mac: str = ""

    def __str__(self) -> str:
        return f"{self.number}:{self.mac}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """From its text.

        :raises BadRequest: for anything else.
        """
        number, _, mac = text.strip().partition(":")
        if not number.isdecimal() or len(mac) != 64:
            raise BadRequest("A head is the number and the 64 characters that the log and the digest mail show.")
        return cls(int(number), mac)


@dataclass(frozen=True, slots=True)
class Verification:
    """What the chain proves.

    :param verified: records whose links hold, from the first on.
    :param bare: how many of those can't show what they said about somebody, as he was renamed or forgotten.
    :param unsealed: records that have no place in the chain yet.
    :param broken_at: number of the first record that does not fit; None when all do.
    """

    verified: int
    bare: int
    unsealed: int
    broken_at: int | None


class AuditChain:
    """``gate.audit``: seals, verifies and exports the log."""

    def __init__(self, store: Store, worker: Worker, keyring: Keyring, *, clock: Clock) -> None:
        self._store, self._worker, self._keyring, self._clock = store, worker, keyring, clock

    def seal(self) -> Head:
        """Link what was written since the last time. Two at once take turns."""
        while self._worker.run(self._seal_slice, is_bulk=True) == SLICE:
            pass
        head = self.head()
        log.info("audit head %s", head)
        return head

    def head(self) -> Head:
        """The newest link."""
        with self._store.database.read() as tx:
            mark = self._store.marks.get(tx, HEAD)
        return Head.parse(mark.value) if mark and mark.value else Head()

    def verify(self, head: str | None = None) -> Verification:
        """Check every link.

        :param head: a head that was kept elsewhere; the chain has to lead up to it.
        """
        kept = Head.parse(head) if head is not None else self.head()
        last, bare, met = Head(), 0, kept.number == 0
        for record in self._sealed():
            if record.number != last.number + 1 or not self._fits(record, last):
                return self._verification(last, bare, broken_at=last.number + 1)
            last, bare = Head(record.number, record.mac or ""), bare + (record.salt is None)
            met = met or last == kept
        # SECURITY: a chain that ends before the head that was kept was cut off.
        return self._verification(last, bare, broken_at=None if met else min(last.number + 1, kept.number))

    def export(self, *, since: datetime | None = None, subject: str | None = None) -> Iterator[dict[str, Any]]:
        """Every record, oldest first, as JSON values."""
        with self._store.database.read() as tx:
            for record in self._store.audit.records(tx, since=since, subject=subject):
                yield _as_json(record)

    def _seal_slice(self, work: Work) -> int:
        mark = self._store.marks.lock(work.tx, HEAD, at=self._clock())
        last = Head.parse(mark.value) if mark.value else Head()
        seals = []
        for record in self._store.audit.unsealed(work.tx, limit=SLICE):
            salt = secrets.token_hex(_SALT_BYTES)
            personal, number = _personal_digest(record, salt), last.number + 1
            mac = self._keyring.digest(_linked(record, number, personal, last), purpose=_PURPOSE, row=str(number))
            seals.append({"record_id": record.id, "number": number, "mac": mac, "personal": personal, "salt": salt})
            last = Head(number, mac)
        if seals:
            self._store.audit.seal(work.tx, seals)
            self._store.marks.put(work.tx, HEAD, at=self._clock(), value=str(last))
        return len(seals)

    def _sealed(self) -> Iterator[Record]:
        after = 0
        while True:
            with self._store.database.read() as tx:
                page = self._store.audit.sealed(tx, after=after, limit=SLICE)
            yield from page
            if len(page) < SLICE:
                return
            after = page[-1].number or after

    def _fits(self, record: Record, last: Head) -> bool:
        personal = record.personal or ""
        if record.salt is not None and _personal_digest(record, record.salt) != personal:
            return False
        number = last.number + 1
        link = _linked(record, number, personal, last)
        return record.mac in self._keyring.digests(link, purpose=_PURPOSE, row=str(number))

    def _verification(self, last: Head, bare: int, *, broken_at: int | None) -> Verification:
        with self._store.database.read() as tx:
            unsealed = self._store.audit.count_unsealed(tx)
        return Verification(last.number, bare, unsealed, broken_at)


def _linked(record: Record, number: int, personal: str, last: Head) -> str:
    return json.dumps([last.mac, number, record.event.at.isoformat(), record.event.name, personal])


def _personal_digest(record: Record, salt: str) -> str:
    said = record.event
    words = [said.actor, said.subject, said.address, said.user_agent, said.reason, said.details]
    return hashlib.sha256((salt + json.dumps(words, sort_keys=True)).encode()).hexdigest()


def _as_json(record: Record) -> dict[str, Any]:
    said = record.event
    return {
        "id": record.id,
        "at": said.at.isoformat(),
        "event": said.name,
        "actor": said.actor,
        "subject": said.subject,
        "address": said.address,
        "user_agent": said.user_agent,
        "reason": said.reason,
        "details": said.details,
        "number": record.number,
        "mac": record.mac,
    }
