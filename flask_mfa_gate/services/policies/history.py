"""What became of the policies: each version with what it changed and why, and those of an earlier moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ...domain.policy.analysis.diff import PolicyDiff, changed_fields, difference
from ...domain.policy.conditions.registry import Registry
from ...domain.policy.document.policy import PolicySet
from ...errors import BadRequest
from ...store import Store
from ...store.policies import PolicyVersion
from .edits import changed_in
from .versions import EMPTY, PolicyVersions

_NOBODY = ""
_UNREADABLE = "This version, or the one before it, can't be read any more."


@dataclass(frozen=True, slots=True)
class Edit:
    """One version.

    :param changes: a line for each field that it changed.
    :param reason: as its author gave it.
    """

    version: PolicyVersion
    changes: tuple[str, ...]
    reason: str | None


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
        wanted = {one.version for one in (versions if name is None else changed_in(versions, name))}
        sets = [self._versions.readable(one.version) for one in versions]
        # Before the first there was nothing; what is before the oldest that was read is not looked at.
        older = [*sets[1:], EMPTY] if len(versions) <= limit else sets[1:]
        return [
            Edit(version, _changes(before, after), reasons.get(version.version))
            for version, after, before in zip(versions, sets, older, strict=False)
            if version.version in wanted
        ]

    def back_to(self, version: int) -> tuple[PolicyDiff, tuple[str, ...]]:
        """What going back to a version would change, by name and field by field.

        :raises BadRequest: for a number that no version has.
        """
        if not 0 < version <= self._versions.newest():
            raise BadRequest("There is no version of the policies with this number; their history lists them.")
        now, then = self._versions.readable(self._versions.newest()) or EMPTY, self._versions.read(version)
        return difference(now, then), changed_fields(now, then)

    def at(self, moment: datetime) -> tuple[int, PolicySet]:
        """The version that was in force at a time; 0 before the first. One that can't be read is empty."""
        with self._store.database.read() as tx:
            version = self._store.policies.version_at(tx, moment)
        return version, self._versions.readable(version) or EMPTY


def _changes(before: PolicySet | None, after: PolicySet | None) -> tuple[str, ...]:
    return (_UNREADABLE,) if before is None or after is None else changed_fields(before, after)
