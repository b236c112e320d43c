"""What requests showed of an app's set-up: the doctor runs in no request, and sees none of it by itself."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from ..errors import MFAGateError
from .unit_of_work import TransactionRunner

log = logging.getLogger("flask_mfa_gate")
# With its prefix it is the name of a mark.
_LONGEST_DETAIL = 150
KEPT = timedelta(days=7)
OBSERVED = "observed:"


class Observation(StrEnum):
    """What a request may show."""

    NAMELESS_USER = "nameless-user"
    LATE_IDENTITY = "late-identity"
    UNSEEN_IDENTITY = "unseen-identity"
    UNASKED_SIGN_IN = "unasked-sign-in"
    UPSTREAM_USER = "upstream-user"
    NO_HOOKS = "no-hooks"
    BROKEN_PAGE = "broken-page"
    PLAIN_COOKIE = "plain-cookie"
    UNTOLD_PROXY = "untold-proxy"
    UNTOLD_PASSWORD = "untold-password"  # noqa: S105 - a word of the vocabulary, not a secret


class Observations:
    """Noted once a day and process, and forgotten by the doctor when it was not seen for a week.

    :ivar doors: endpoints that asked for credentials of their own, as far as this process knows.
    """

    def __init__(self, worker: TransactionRunner) -> None:
        self._store, self._worker, self._clock = worker.store, worker, worker.clock
        self._noted: dict[str, datetime] = {}
        self.doors: set[str] = set()

    def note(self, observation: Observation, detail: str) -> None:
        """Write it down. A store that can't is no reason to answer the request otherwise.

        :param detail: of the app's own making, such as an endpoint: there have to be few of them.
        """
        name, now = f"{_prefix(observation)}{detail[:_LONGEST_DETAIL]}", self._clock()
        if name in self._noted and now - self._noted[name] < timedelta(days=1):
            return
        log.warning("%s: %s", observation.value, detail)
        try:
            self._worker.run(lambda work: self._store.checkpoints.put(work.tx, name, at=now))
        except MFAGateError as error:
            log.warning("an observation for the doctor could not be noted: %s", error)
        self._noted[name] = now

    def recent(self, tx: Connection, observation: Observation) -> list[str]:
        """The details of what was seen lately."""
        return self._store.checkpoints.names(tx, prefix=_prefix(observation), since=self._clock() - KEPT)


def _prefix(observation: Observation) -> str:
    return f"{OBSERVED}{observation.value}:"
