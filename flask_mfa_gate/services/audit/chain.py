"""The audit log as a chain: each record is linked to the one before by an HMAC that only the keys of the app can make.

Records are written with the act and linked later, by one sealer at a time, so that no act waits for another. What names
somebody enters the chain as a salted digest: without text and salt a user is forgotten, and the chain still holds. A
record that was so amended carries an HMAC of what it says since.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ...crypto import Keyring
from ...errors import BadRequest
from ...sentences import Sentence
from ...signals import Event
from ...store.records.audit import Record
from ..unit_of_work import TransactionRunner, UnitOfWork
from .anchor import Anchor, Anchors
from .links import Head, Links, link_of, personal_digest

SLICE = 1000
LOOK_BACK = 100
HEAD = "audit-head"
_SALT_BYTES = 16
log = logging.getLogger("flask_mfa_gate")


@dataclass(frozen=True, slots=True)
class Verification:
    """What the chain proves.

    :param verified: records whose links hold, from the first on that is there.
    :param bare: how many of those no longer show what they said, as somebody was renamed or forgotten since.
    :param unsealed: records that have no place in the chain yet.
    :param broken_at: number of the first record that does not fit; None when all do.
    :param anchor: where the log begins since old records were removed.
    """

    verified: int
    bare: int
    unsealed: int
    broken_at: int | None
    anchor: Anchor


class AuditChain:
    """``gate.audit``: seals, verifies and exports the log."""

    def __init__(self, worker: TransactionRunner, keyring: Keyring) -> None:
        self._store, self._worker, self._clock = worker.store, worker, worker.clock
        self._links, self._anchors = Links(keyring), Anchors(worker.store, keyring)

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
            mark = self._store.checkpoints.get(tx, HEAD)
        return Head.parse(mark.value) if mark and mark.value else Head()

    def verify(self, head: str | None = None) -> Verification:
        """Check every link.

        :param head: a head that was kept elsewhere; the chain has to lead up to it.
        :raises BadRequest: for one whose record was removed since, as nothing here can show that it was the same.
        """
        kept = Head.parse(head) if head is not None else None
        while True:
            anchor = self._anchor()
            if kept is not None and kept.number < anchor.last.number:
                raise BadRequest(
                    Sentence(
                        "Record %(number)s is gone: %(anchor)s. Give a newer head.", number=kept.number, anchor=anchor
                    )
                )
            found = self._walk(anchor, kept or self.head())
            # What looks cut off may have been removed meanwhile; then the log is looked at from where it begins now.
            if found.broken_at is None or self._anchor() == anchor:
                return found

    def rename(self, work: UnitOfWork, old: str, new: str) -> None:
        """Let every record speak of a user by the key that they will have."""
        self._amend(work, old, lambda event: replace(_by(event, old, new), subject=_other(event.subject, old, new)))

    def forget(self, work: UnitOfWork, key: str, *, pseudonym: str) -> None:
        """Of what happened to a user only that it happened and when stays, to somebody without a name."""

        def edit(event: Event) -> Event:
            event = _by(event, key, pseudonym)
            if event.subject != key:
                return event
            return replace(event, subject=pseudonym, address=None, user_agent=None, reason=None, details={})

        self._amend(work, key, edit)

    def vouch_for_bare(self, tx: Connection) -> None:
        """Vouch for the records that were amended before records were vouched for: once, when the tables get there."""
        for page in _pages(lambda after: self._store.audit.bare(tx, after=after, limit=SLICE)):
            self._store.audit.rewrite(tx, [self._links.vouched(record) for record in page])

    def has_its_end(self) -> bool:
        """Whether the newest records are there, fit, and lead up to the head. ``verify`` looks at all of them."""
        head, anchor = self.head(), self._anchor().last
        begin = max(anchor.number, head.number - LOOK_BACK)
        last = anchor if begin == anchor.number else None
        for record in self._sealed(begin):
            if last is not None and self._links.follow(record, last) is None:
                return False
            last = link_of(record)
        # Another process may have sealed more, or removed what is old, meanwhile.
        return (last or anchor) == head or self.head() != head or self._anchor().last != anchor

    def export(self, *, since: datetime | None = None, subject: str | None = None) -> Generator[dict[str, Any]]:
        """Every record, oldest first, as JSON values; close it to give the connection back early."""
        with self._store.database.read() as tx:
            for record in self._store.audit.records(tx, since=since, subject=subject):
                yield as_json(record)

    def _seal_slice(self, work: UnitOfWork) -> int:
        mark = self._store.checkpoints.lock(work.tx, HEAD, at=self._clock())
        last = Head.parse(mark.value) if mark.value else Head()
        seals = []
        for record in self._store.audit.unsealed(work.tx, limit=SLICE):
            salt = secrets.token_hex(_SALT_BYTES)
            personal = personal_digest(record, salt)
            last = self._links.make(record, last, personal=personal)
            place = {"number": last.number, "mac": last.mac, "personal": personal, "salt": salt}
            seals.append({"record_id": record.id, **place})
        if seals:
            self._store.audit.seal(work.tx, seals)
            self._store.checkpoints.put(work.tx, HEAD, at=self._clock(), value=str(last))
        return len(seals)

    def _sealed(self, after: int = 0) -> Iterator[Record]:
        while True:
            with self._store.database.read() as tx:
                page = self._store.audit.sealed(tx, after=after, limit=SLICE)
            yield from page
            if len(page) < SLICE:
                return
            after = page[-1].number or after

    def _anchor(self) -> Anchor:
        with self._store.database.read() as tx:
            return self._anchors.get(tx)

    def _walk(self, anchor: Anchor, kept: Head) -> Verification:
        last, bare, met = anchor.last, 0, kept == anchor.last
        for record in self._sealed(last.number):
            link = self._links.follow(record, last)
            if link is None:
                return self._verification(anchor, last, bare, broken_at=last.number + 1)
            last, bare = link, bare + record.is_bare
            met = met or last == kept
        # SECURITY: a chain that ends before the head that was kept was cut off.
        return self._verification(anchor, last, bare, broken_at=None if met else min(last.number + 1, kept.number))

    def _amend(self, work: UnitOfWork, key: str, edit: Callable[[Event], Event]) -> None:
        for page in _pages(lambda after: self._store.audit.naming(work.tx, key, after=after, limit=SLICE)):
            self._store.audit.rewrite(work.tx, [self._amended(record, edit) for record in page])

    def _amended(self, record: Record, edit: Callable[[Event], Event]) -> Record:
        changed = replace(record, event=edit(record.event), salt=None, amended=None)
        # SECURITY: what was forged before is not vouched for by the way.
        return self._links.vouched(changed) if changed.is_bare and self._links.says_what_it_said(record) else changed

    def _verification(self, anchor: Anchor, last: Head, bare: int, *, broken_at: int | None) -> Verification:
        with self._store.database.read() as tx:
            unsealed = self._store.audit.count_unsealed(tx)
        return Verification(last.number - anchor.last.number, bare, unsealed, broken_at, anchor)


def _by(event: Event, old: str, new: str) -> Event:
    return replace(event, actor=_other(event.actor, f"user:{old}", f"user:{new}"))


def _other(text: str, old: str, new: str) -> str:
    return new if text == old else text


def _pages(read: Callable[[int], Sequence[Record]]) -> Iterator[Sequence[Record]]:
    after = 0
    while page := read(after):
        yield page
        after = page[-1].id


def as_json(record: Record) -> dict[str, Any]:
    """A record in JSON values, as it is exported."""
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
