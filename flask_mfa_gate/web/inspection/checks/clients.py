"""What requests bring along."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ....services.sign_in.origins import UNREADABLE_ADDRESS
from ..findings import Finding, warning
from ..registry import Inspection, Needs, check

_LATELY = timedelta(days=7)


@check(Needs.TABLES)
def addresses(on: Inspection) -> Iterator[Finding]:
    """Whether clients could be told apart lately."""
    with on.store.database.read() as tx:
        mark = on.store.marks.get(tx, UNREADABLE_ADDRESS)
    if mark is not None and on.now - mark.at < _LATELY:
        yield warning(
            "unreadable-address",
            f"The address of a client could not be read on {mark.at:%Y-%m-%d}. Incorrect codes of all such clients "
            "count together, and no success clears them.",
            fix="Behind a proxy or a socket, wrap the app in werkzeug's ProxyFix so that remote_addr is the client's.",
        )
