"""What a list of policies says beside the policies themselves: whom each is about, and who changed it last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ...domain.policy.document.policy import Policy
from ...domain.policy.document.users import Users
from ...domain.records.event_name import EventName
from ...signals import Event
from ...store import Store
from .writing import NOBODY

_LOOKED_BACK = 200


@dataclass(frozen=True, slots=True)
class LastChange:
    """The newest version that changed a policy."""

    version: int
    at: datetime
    author: str
    reason: str | None


class PolicyOverview:
    """Reads, and changes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reach(self, policies: Iterable[Policy]) -> Mapping[str, int]:
        """How many of the users whom the gate knows each policy is about, whatever they open."""
        found: dict[Users, int] = {}
        with self._store.database.read() as tx:
            counted = {policy.name: policy.users for policy in policies}
            for users in counted.values():
                if users not in found:
                    found[users] = self._store.reach.count(tx, users)
        return {name: found[users] for name, users in counted.items()}

    def last_changes(self, names: Collection[str]) -> Mapping[str, LastChange]:
        """Of each of these that one of the last 200 versions changed."""
        found: dict[str, LastChange] = {}
        with self._store.database.read() as tx:
            newest = self._store.policies.newest(tx)
            since = self._store.policies.made_at(tx, max(1, newest - _LOOKED_BACK))
            for record in self._store.audit.records(tx, since=since, subject=NOBODY):
                if record.event.name == EventName.POLICY_CHANGED:
                    found |= dict.fromkeys(_touched(record.event).intersection(names), _change_of(record.event))
        return found


def _touched(event: Event) -> frozenset[str]:
    lists = (event.details.get(name) for name in ("added", "changed"))
    return frozenset(str(name) for names in lists if isinstance(names, list) for name in names)


def _change_of(event: Event) -> LastChange:
    version = event.details.get("version")
    return LastChange(version if isinstance(version, int) else 0, event.at, event.actor, event.reason)
