"""What requests bring along, and where they are counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ....sentences import Sentence
from ....services.client.origins import UNREADABLE_ADDRESS
from ....services.observations import Observation
from ..findings import Finding, warning
from ..registry import Inspection, Needs, check

_LATELY = timedelta(days=7)
_PROXY_FIX = "Behind a proxy or a socket, wrap the app in werkzeug's ProxyFix so that remote_addr is the client's."


@check(Needs.TABLES)
def addresses(on: Inspection) -> Iterator[Finding]:
    """Whether clients could be told apart lately."""
    with on.store.database.read() as tx:
        mark = on.store.checkpoints.get(tx, UNREADABLE_ADDRESS)
    if mark is not None and on.now - mark.at < _LATELY:
        yield warning(
            "unreadable-address",
            Sentence(
                "The address of a client could not be read on %(at)s. Incorrect codes of all such clients count "
                "together, and no success clears them.",
                at=f"{mark.at:%Y-%m-%d}",
            ),
            fix=_PROXY_FIX,
        )


@check(Needs.TABLES)
def proxies(on: Inspection) -> Iterator[Finding]:
    """Whether the address of a proxy is taken for that of every client."""
    with on.store.database.read() as tx:
        headers = on.state.operations.observations.recent(tx, Observation.UNTOLD_PROXY)
    if headers:
        yield warning(
            "untold-proxy",
            Sentence(
                "Sign-ins came through a proxy that names the client in %(value)s, which the app does not read. All "
                "clients count as one address, so the sign-ins of one can keep everybody else out.",
                value=headers[0],
            ),
            fix=_PROXY_FIX,
        )


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
