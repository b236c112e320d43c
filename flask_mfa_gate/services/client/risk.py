"""Risk signals: what is unusual about a sign-in, told by what earlier proven sign-ins of the same user noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ...clock import Clock
from ...domain.address import place_of
from ...domain.policy.conditions.words.risk import RiskSignal
from ...store import Store
from ...store.sign_in.sign_ins import SignInRecord
from .geoip import Places, is_impossible

MEMORY = timedelta(days=180)
FAILURE_WINDOW = timedelta(hours=1)
MANY_FAILURES = 3


@dataclass(frozen=True, slots=True)
class Client:
    """From where and with what somebody comes.

    :param device: platform and browser as one word; None when they can't be read.
    """

    address: str | None
    device: str | None

    def is_as_in(self, kept: Mapping[str, Any]) -> bool:
        """Whether signals that a session kept were taken from here and with this."""
        return (place_of(kept.get("address")), kept.get("device")) == (place_of(self.address), self.device)


class RiskService:
    """The built-in signals. A signal that can't be told is left out, and so is unknown."""

    def __init__(self, store: Store, places: Places, *, clock: Clock) -> None:
        self._store, self._places, self._clock = store, places, clock

    def signals(self, user_key: str, client: Client) -> Mapping[RiskSignal, bool]:
        """For each signal that can be told, whether it is raised."""
        now = self._clock()
        with self._store.database.read() as tx:
            proven = self._store.sign_ins.proven(tx, user_key, since=now - MEMORY)
            failures = self._store.failures.count_since(tx, user_key, since=now - FAILURE_WINDOW)
        found = {RiskSignal.FAILED_ATTEMPTS: failures >= MANY_FAILURES}
        if (place := place_of(client.address)) is not None:
            found[RiskSignal.NEW_ADDRESS] = place not in {place_of(record.address) for record in proven}
        if client.device is not None:
            found[RiskSignal.NEW_DEVICE] = client.device not in {record.client for record in proven}
        travelled = self._has_travelled(proven, client, now)
        return found if travelled is None else {**found, RiskSignal.IMPOSSIBLE_TRAVEL: travelled}

    def _has_travelled(self, proven: list[SignInRecord], client: Client, now: datetime) -> bool | None:
        if not self._places.is_known or client.address is None:
            return None
        last = next((record for record in proven if record.address is not None and record.proved_at is not None), None)
        if last is None or last.proved_at is None:
            return False
        before, after = self._places.of(last.address), self._places.of(client.address)
        return is_impossible(before, after, apart=now - last.proved_at)
