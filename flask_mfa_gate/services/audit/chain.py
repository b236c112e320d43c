"""The audit log as a chain: each record is linked to the one before by an HMAC that only the keys of the app can make.

Records are written with the act and linked later, by one sealer at a time, so that no act waits for another. What names
somebody enters the chain as a salted digest: without text and salt a user is forgotten, and the chain still holds. A
record that was so amended carries an HMAC of what it says since.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ...clock import Clock
from ...crypto import Keyring
from ...errors import BadRequest
from ...signals import Event
from ...store import Store
from ...store.audit import Record
from ..unit_of_work import TransactionRunner, UnitOfWork

SLICE = 1000
LOOK_BACK = 100
HEAD = "audit-head"
_PURPOSE, _AMENDED = "audit-chain", "audit-amended"
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
    :param bare: how many of those no longer show what they said, as somebody was renamed or forgotten since.
    :param unsealed: records that have no place in the chain yet.
    :param broken_at: number of the first record that does not fit; None when all do.
    """

    verified: int
    bare: int
    unsealed: int
    broken_at: int | None


class AuditChain:
    """``gate.audit``: seals, verifies and exports the log."""

    def __init__(self, store: Store, worker: TransactionRunner, keyring: Keyring, *, clock: Clock) -> None:
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
            last, bare = Head(record.number, record.mac or ""), bare + record.is_bare
            met = met or last == kept
        # SECURITY: a chain that ends before the head that was kept was cut off.
        return self._verification(last, bare, broken_at=None if met else min(last.number + 1, kept.number))

    def rename(self, work: UnitOfWork, old: str, new: str) -> None:
        """Let every record speak of a user by the key that they will have."""
        self._amend(work, old, lambda event: replace(_by(event, old, new), subject=_other(event.subject, old, new)))

    def forget(self, work: UnitOfWork, key: str, *, stranger: str) -> None:
        """Of what happened to a user only that it happened and when stays, to somebody without a name."""

        def edit(event: Event) -> Event:
            event = _by(event, key, stranger)
            if event.subject != key:
                return event
            return replace(event, subject=stranger, address=None, user_agent=None, reason=None, details={})

        self._amend(work, key, edit)

    def vouch_for_bare(self, tx: Connection) -> None:
        """Vouch for the records that were amended before records were vouched for: once, when the tables get there."""
        for page in _pages(lambda after: self._store.audit.bare(tx, after=after, limit=SLICE)):
            self._store.audit.rewrite(tx, [self._vouched(record) for record in page])

    def has_its_end(self) -> bool:
        """Whether the newest records are there, fit, and lead up to the head. ``verify`` looks at all of them."""
        head = self.head()
        begin = max(0, head.number - LOOK_BACK)
        last = None if begin else Head()
        for record in self._sealed(begin):
            if last is not None and (record.number != last.number + 1 or not self._fits(record, last)):
                return False
            last = Head(record.number or 0, record.mac or "")
        # Another process may have sealed more meanwhile.
        return (last or Head()) == head or self.head() != head

    def export(self, *, since: datetime | None = None, subject: str | None = None) -> Iterator[dict[str, Any]]:
        """Every record, oldest first, as JSON values."""
        with self._store.database.read() as tx:
            for record in self._store.audit.records(tx, since=since, subject=subject):
                yield _as_json(record)

    def _seal_slice(self, work: UnitOfWork) -> int:
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

    def _sealed(self, after: int = 0) -> Iterator[Record]:
        while True:
            with self._store.database.read() as tx:
                page = self._store.audit.sealed(tx, after=after, limit=SLICE)
            yield from page
            if len(page) < SLICE:
                return
            after = page[-1].number or after

    def _fits(self, record: Record, last: Head) -> bool:
        number, personal = last.number + 1, record.personal or ""
        if not self._says_what_it_said(record):
            return False
        link = _linked(record, number, personal, last)
        return record.mac in self._keyring.digests(link, purpose=_PURPOSE, row=str(number))

    def _says_what_it_said(self, record: Record) -> bool:
        if record.salt is not None:
            return _personal_digest(record, record.salt) == record.personal
        # SECURITY: without its salt a record could say anything of anybody; it has to be what was amended here.
        rights = self._keyring.digests(_amended(record), purpose=_AMENDED, row=str(record.number))
        return record.amended in rights

    def _amend(self, work: UnitOfWork, key: str, edit: Callable[[Event], Event]) -> None:
        for page in _pages(lambda after: self._store.audit.naming(work.tx, key, after=after, limit=SLICE)):
            self._store.audit.rewrite(work.tx, [self._amended(record, edit) for record in page])

    def _amended(self, record: Record, edit: Callable[[Event], Event]) -> Record:
        changed = replace(record, event=edit(record.event), salt=None, amended=None)
        # SECURITY: what was forged before is not vouched for by the way.
        return self._vouched(changed) if changed.is_bare and self._says_what_it_said(record) else changed

    def _vouched(self, record: Record) -> Record:
        mac = self._keyring.digest(_amended(record), purpose=_AMENDED, row=str(record.number))
        return replace(record, amended=mac)

    def _verification(self, last: Head, bare: int, *, broken_at: int | None) -> Verification:
        with self._store.database.read() as tx:
            unsealed = self._store.audit.count_unsealed(tx)
        return Verification(last.number, bare, unsealed, broken_at)


def _linked(record: Record, number: int, personal: str, last: Head) -> str:
    return json.dumps([last.mac, number, record.event.at.isoformat(), record.event.name, personal])


def _personal_digest(record: Record, salt: str) -> str:
    return hashlib.sha256((salt + json.dumps(_said(record), sort_keys=True)).encode()).hexdigest()


def _amended(record: Record) -> str:
    return json.dumps([record.personal, _said(record)], sort_keys=True)


def _said(record: Record) -> list[Any]:
    said = record.event
    return [said.actor, said.subject, said.address, said.user_agent, said.reason, said.details]


def _by(event: Event, old: str, new: str) -> Event:
    return replace(event, actor=_other(event.actor, f"user:{old}", f"user:{new}"))


def _other(text: str, old: str, new: str) -> str:
    return new if text == old else text


def _pages(read: Callable[[int], Sequence[Record]]) -> Iterator[Sequence[Record]]:
    after = 0
    while page := read(after):
        yield page
        after = page[-1].id


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
