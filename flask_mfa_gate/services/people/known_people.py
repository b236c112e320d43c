"""Who the users of a host without a directory are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from ...clock import Clock
from ...domain.people.person import Person
from ...store import Store
from .directory import HostAccount
from .persons import PersonReader
from .user_objects import key_of


class KnownPeople:
    """A host that told nothing about its users: whom the gate has met, and every key as it is given."""

    lists_users: ClassVar[bool] = False
    reads_user_objects: ClassVar[bool] = True

    def __init__(self, store: Store, reader: PersonReader, load: Callable[[str], Any], *, clock: Clock) -> None:
        self._store, self._reader, self._load, self._clock = store, reader, load, clock

    def get(self, key: str) -> Person | None:
        """As last seen at a sign-in, else a person of whom only the key is known."""
        with self._store.database.read() as tx:
            known = self._store.people.known(tx, [key], now=self._clock()).get(key)
        return known.person if known else Person(key)

    def existing(self, key: str) -> Person | None:
        """Only if anybody signed in by this key, or was acted on."""
        with self._store.database.read() as tx:
            is_known = self._store.keys.is_known(tx, key)
        return self.get(key) if is_known else None

    def as_shown(self, person: Person) -> Person | None:
        """As the host's user loader finds them, where it takes keys."""
        try:
            user = self._load(person.key)
            is_theirs = user is not None and key_of(user, self._reader.user_key) == person.key
        except Exception:  # noqa: BLE001 - a loader that takes no keys may raise anything
            return None
        return self._reader.read(user, person.key) if is_theirs else None

    def account(self, key: str) -> HostAccount:
        """Open, as far as anybody can tell."""
        return HostAccount(is_open=True)

    def find(self, email: str) -> None:
        """There is nobody to ask."""

    def pages(self, after: str | None, limit: int) -> Iterator[tuple[str, Sequence[Person]]]:
        """Nobody beside those whom the gate has met."""
        return iter(())
