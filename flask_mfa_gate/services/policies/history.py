"""What became of the policies: each version with what it changed and why, and those of an earlier moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from ...domain.policy.analysis.diff import PolicyDiff, changed_fields, difference
from ...domain.policy.conditions.registry import Registry
from ...domain.policy.document.policy import PolicySet
from ...errors import BadRequest
from ...store import Store
from ...store.records.policies import PolicyVersion
from .edits import changed_in, named, with_policy
from .versions import EMPTY, PolicyVersions

LONGEST_HISTORY = 1000
_NOBODY = ""
_FEW = 100
_UNREADABLE = "This version, or the one before it, can no longer be read."


@dataclass(frozen=True, slots=True)
class Edit:
    """One version.

    :param reason: as its author gave it.
    :param before: the set that it changed; None where that can't be read any more, as ``after``.
    """

    version: PolicyVersion
    reason: str | None
    before: PolicySet | None = field(repr=False)
    after: PolicySet | None = field(repr=False)

    @property
    def changes(self) -> tuple[str, ...]:
        """A line for each field that it changed."""
        if self.before is None or self.after is None:
            return (_UNREADABLE,)
        return changed_fields(self.before, self.after)


class PolicyHistory:
    """Reads versions of the policies and changes none."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store, self._versions = store, PolicyVersions(store, registry)

    def edits(self, name: str | None = None, *, limit: int) -> Sequence[Edit]:
        """The latest versions, newest first; of one policy, those in which it differs from the one before."""
        with self._store.database.read() as tx:
            versions = list(self._store.policies.history(tx, limit=limit + 1))
            first = versions[-1].at if versions else None
            told = self._store.audit.records(tx, since=first, subject=_NOBODY)
            reasons = {record.event.details.get("version"): record.event.reason for record in told}
        wanted = versions if name is None else changed_in(versions, name)
        # Before the first there was nothing; what is before the oldest that was read is not looked at.
        shown = [one for one in wanted if len(versions) <= limit or one is not versions[-1]]
        sets = {number: self.readable(number) for one in shown for number in {one.version - 1, one.version}}
        return [
            Edit(one, reasons.get(one.version), sets[one.version - 1], sets[one.version]) for one in shown
        ]  # fmt: skip

    def edit(self, version: int) -> Edit:
        """One version.

        :raises BadRequest: for a number that no version has.
        """
        with self._store.database.read() as tx:
            found = self._store.policies.get(tx, version)
            told = self._store.audit.records(tx, since=found.at if found else None, subject=_NOBODY)
            reasons = {record.event.details.get("version"): record.event.reason for record in islice(told, _FEW)}
        if found is None:
            raise BadRequest("There is no version of the policies with this number; their history lists them.")
        return Edit(found, reasons.get(version), self.readable(version - 1), self.readable(version))

    def readable(self, version: int) -> PolicySet | None:
        """The set of a version; None for one that can't be read."""
        return self._versions.readable(version)

    def back_to(self, version: int, name: str | None = None) -> tuple[PolicyDiff, tuple[str, ...]]:
        """What going back to a version would change, by name and field by field.

        :param name: only this policy goes back.
        :raises BadRequest: for a number that no version has.
        """
        now, then = self.from_now(version, name)
        return difference(now, then), changed_fields(now, then)

    def from_now(self, version: int, name: str | None = None) -> tuple[PolicySet, PolicySet]:
        """The set of now, and what going back would make of it.

        :raises BadRequest: for a number that no version has, and a policy that was not there.
        """
        if not 0 < version <= self._versions.newest():
            raise BadRequest("There is no version of the policies with this number; their history lists them.")
        now, then = self._versions.readable(self._versions.newest()) or EMPTY, self._versions.read(version)
        return now, then if name is None else with_policy(now, named(then, name))

    def at(self, moment: datetime) -> tuple[int, PolicySet]:
        """The version that was in force at a time; 0 before the first. One that can't be read is empty."""
        with self._store.database.read() as tx:
            version = self._store.policies.version_at(tx, moment)
        return version, self._versions.readable(version) or EMPTY
