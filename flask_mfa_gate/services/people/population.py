"""Everybody whom policies may hit, also in an app whose people were never taken over."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ...clock import Clock
from ...domain.people.person import Person
from ...domain.people.roles import Actor, Role
from ...domain.policy.facts import Subject
from ...store import Store
from .directory import UserDirectory
from .user_objects import is_key

PAGE = 1000
SYNC_DONE = "sync-done"


class Population:
    """Asks the host for what the gate's own tables can't tell yet."""

    def __init__(self, store: Store, directory: UserDirectory, *, clock: Clock) -> None:
        self._store, self._directory, self._clock = store, directory, clock

    def is_taken_over(self) -> bool:
        """Whether the gate knows everybody: after the first whole run over the host's users, or without such a host."""
        if not self._directory.lists_users:
            return True
        with self._store.database.read() as tx:
            return self._store.checkpoints.get(tx, SYNC_DONE) is not None

    def pages(self) -> Iterator[Sequence[Person]]:
        """Everybody, as the host says. Nothing is kept."""
        for _, people in self._directory.pages(None, PAGE):
            yield people

    def known_among(self, keys: Collection[str]) -> frozenset[str] | None:
        """Those of these keys that somebody has; None where there is no host to ask."""
        if not self._directory.lists_users:
            return None
        with self._store.database.read() as tx:
            met = self._store.people.known(tx, keys, now=self._clock())
        asked = {key for key in keys if key not in met and is_key(key) and self._directory.get(key) is not None}
        return frozenset(met) | asked

    def admins_of_host(self, by: Actor) -> tuple[Subject, ...]:
        """Admins whom the gate's tables may lack: the acting admin, and all of them until people were taken over."""
        found = {} if self.is_taken_over() else {one.key: one for page in self.pages() for one in page}
        acting = self._directory.get(by.user_key) if by.user_key is not None else None
        if acting is not None:
            found[acting.key] = acting
        return tuple(Subject(one.key, one.groups) for one in found.values() if one.role is Role.ADMIN and one.is_active)
