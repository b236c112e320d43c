"""Everything there is to see of one user, for those who help them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ...clock import Clock
from ...domain.factors.throttle import MEMORY
from ...domain.sign_in.session import GateSession, Lifetimes
from ...signals import Event
from ...store import Store
from ...store.enrollment.access_passes import IssuedPass
from ...store.enrollment.factors import Factor

RECENT_EVENTS = 50


@dataclass(frozen=True, slots=True)
class UserProfile:
    """What a user holds and did. Nothing in it is a secret.

    :param sessions: that are alive, also those that wait for their second factor.
    :param access_pass: the one that opens now or will; None without any.
    :param wrong_codes: of the last 30 days that no later success cleared.
    :param graces: when the days of grace of policies began, by their names.
    :param events: the latest, newest first.
    """

    factors: Sequence[Factor]
    recovery_codes_left: int
    sessions: Sequence[GateSession]
    access_pass: IssuedPass | None
    wrong_codes: int
    graces: Mapping[str, datetime]
    events: Sequence[Event]


class ProfileReader:
    """Reads profiles."""

    def __init__(self, store: Store, lifetimes: Lifetimes, *, clock: Clock) -> None:
        self._store, self._lifetimes, self._clock = store, lifetimes, clock

    def read(self, key: str) -> UserProfile:
        """Of this user, all as of one moment."""
        now = self._clock()
        with self._store.database.read() as tx:
            passes = self._store.access_passes.waiting_or_live(tx, key, now=now)
            sessions = self._store.sessions.of_user(tx, key)
            return UserProfile(
                factors=self._store.factors.confirmed(tx, key),
                recovery_codes_left=self._store.recovery_codes.left(tx, key),
                sessions=[one for one in sessions if one.is_alive(self._lifetimes, now=now)],
                access_pass=passes[-1] if passes else None,
                wrong_codes=self._store.failures.count_since(tx, key, since=now - MEMORY),
                graces=self._store.enrollments.state(tx, key, now=now).graces,
                events=self._store.audit.recent(tx, key, limit=RECENT_EVENTS),
            )
