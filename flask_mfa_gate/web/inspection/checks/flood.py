"""The flood guard's shared counters."""

from __future__ import annotations

from collections.abc import Iterator

from ....sentences import Sentence
from ..findings import Finding, warning
from ..registry import Inspection, Needs, check


@check(Needs.NETWORK)
def flood_storage(on: Inspection) -> Iterator[Finding]:
    """A Redis server that counts for all processes, asked now."""
    if (failure := on.state.sign_in.flood_guard.failure()) is not None:
        yield warning(
            "flood-storage",
            Sentence(
                "The storage of MFA_GATE_FLOOD_STORAGE can't be used, so each process counts by itself (%(failure)s).",
                failure=failure,
            ),
            fix="Start the Redis server, or correct MFA_GATE_FLOOD_STORAGE.",
        )
