"""What links records: HMACs that only the keys of the app can make, over digests that can be forgotten."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any, Self

from ...crypto import Keyring
from ...errors import BadRequest
from ...store.records.audit import Record

_PURPOSE, _AMENDED = "audit-chain", "audit-amended"


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link: kept elsewhere, it shows later that nothing before it was changed or cut off."""

    number: int = 0
    mac: str = ""

    def __str__(self) -> str:
        return f"{self.number}:{self.mac}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """From its text.

        :raises BadRequest: for anything else.
        """
        number, _, mac = text.strip().partition(":")
        if not (number.isascii() and number.isdecimal()) or len(mac) != 64:
            raise BadRequest("A head is the number and the 64 characters that the log and the digest email show.")
        return cls(int(number), mac)


class Links:
    """Makes and checks links.

    :param keyring: digests under its newest key; those of older keys hold too.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def make(self, record: Record, last: Head, *, personal: str) -> Head:
        """The link of a record that comes after ``last``."""
        number = last.number + 1
        link = _linked(record, number, personal, last)
        return Head(number, self._keyring.digest(link, purpose=_PURPOSE, row=str(number)))

    def follow(self, record: Record, last: Head) -> Head | None:
        """The link of a sealed record, if it is the one that comes after ``last`` and says what it said."""
        number = last.number + 1
        if record.number != number or not self.says_what_it_said(record):
            return None
        link = _linked(record, number, record.personal or "", last)
        if record.mac not in self._keyring.digests(link, purpose=_PURPOSE, row=str(number)):
            return None
        return link_of(record)

    def says_what_it_said(self, record: Record) -> bool:
        """Whether nothing in it was changed, but on behalf of somebody who was renamed or forgotten."""
        if record.salt is not None:
            return personal_digest(record, record.salt) == record.personal
        # SECURITY: without its salt a record could say anything of anybody; it has to be what was amended here.
        rights = self._keyring.digests(_amended(record), purpose=_AMENDED, row=str(record.number))
        return record.amended in rights

    def vouched(self, record: Record) -> Record:
        """The record with an HMAC of what it says now."""
        mac = self._keyring.digest(_amended(record), purpose=_AMENDED, row=str(record.number))
        return replace(record, amended=mac)


def link_of(record: Record) -> Head:
    """As it is written, whether it holds or not."""
    return Head(record.number or 0, record.mac or "")


def personal_digest(record: Record, salt: str) -> str:
    """Of all that names somebody."""
    return hashlib.sha256((salt + json.dumps(_said(record), sort_keys=True)).encode()).hexdigest()


def _linked(record: Record, number: int, personal: str, last: Head) -> str:
    return json.dumps([last.mac, number, record.event.at.isoformat(), record.event.name, personal])


def _amended(record: Record) -> str:
    return json.dumps([record.personal, _said(record)], sort_keys=True)


def _said(record: Record) -> list[Any]:
    said = record.event
    return [said.actor, said.subject, said.address, said.user_agent, said.reason, said.details]
