"""How many sessions of one user are kept, so that a password or a cookie alone can't fill a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

MOST_PENDING = 20
MOST_UNPROVEN = 100
MOST_FORMER = 20


class SessionRow(NamedTuple):
    """As much of a session as tells whether it is one too many.

    :param is_pending: a sign-in that waits for its proof.
    :param is_former: another id of the same sign-in took its place.
    """

    id_digest: str
    lineage: str
    is_pending: bool
    is_proven: bool
    is_former: bool


def may_have_surplus(*, current: int, pending: int, former: int) -> bool:
    """Whether one row more could be too many, as far as numbers tell.

    :param current: how many rows no other id took the place of, whatever stands behind them.
    :param pending: how many of these wait for a proof.
    :param former: the most ids that gave way to another in one sign-in.
    """
    return current >= MOST_UNPROVEN or pending >= MOST_PENDING or former >= MOST_FORMER


def surplus(rows: Iterable[SessionRow]) -> list[str]:
    """The ids to delete: of each kind the oldest beyond what is kept. What a proof stands behind always stays.

    :param rows: of one user, newest first.
    """
    kept: Counter[str] = Counter()
    found = []
    for row in rows:
        kind, most = _bound(row)
        kept[kind] += 1
        # SECURITY: with the password, or the host's cookie, anyone could write rows and fill the owner's list for ever.
        if most is not None and kept[kind] > most:
            found.append(row.id_digest)
    return found


def _bound(row: SessionRow) -> tuple[str, int | None]:
    if row.is_former:
        return f"former of {row.lineage}", MOST_FORMER
    if row.is_proven:
        return "proven", None
    return ("pending", MOST_PENDING) if row.is_pending else ("unproven", MOST_UNPROVEN)
