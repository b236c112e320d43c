"""Notes about where requests come from, for the doctor."""

from __future__ import annotations

import logging
from datetime import timedelta

from ...domain.address import place_of
from ...domain.people.person import Origin
from ..unit_of_work import UnitOfWork

UNREADABLE_ADDRESS = "unreadable-address"
_NOTED_FOR = timedelta(hours=1)
log = logging.getLogger("flask_mfa_gate")


def note_if_unreadable(work: UnitOfWork, origin: Origin) -> None:
    """Behind a socket without ProxyFix all clients look alike, and nobody would notice."""
    if place_of(origin.address) is not None:
        return
    mark = work.store.checkpoints.get(work.tx, UNREADABLE_ADDRESS)
    if mark is None or work.clock() - mark.at > _NOTED_FOR:
        work.store.checkpoints.put(work.tx, UNREADABLE_ADDRESS, at=work.clock())
        log.warning("the address of a client can't be read, so wrong codes are counted for all such clients together")
