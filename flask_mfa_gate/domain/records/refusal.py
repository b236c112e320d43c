"""What was refused, and the reference that is read out on the phone for it."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..authorization.decision import Decision

BITS = 40
THROTTLED, WAITS, STOPPED = "throttled", "wrong-codes-wait", "wrong-codes-stopped"
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKE = str.maketrans("OIL", "011")
_READ = re.compile(rf"[{_DIGITS}]{{8}}", re.ASCII)


class Refusal(NamedTuple):
    """A request, or a code, that was not let through and that no proof would have helped.

    :param verdict: a word of :class:`Ask`, or :data:`THROTTLED`, whose reasons are :data:`WAITS` and :data:`STOPPED`.
    :param policies: names of those that say so.
    :param endpoint: of the view that was asked for.
    """

    verdict: str
    reason_id: str
    policies: tuple[str, ...] = ()
    endpoint: str | None = None

    @classmethod
    def of(cls, decision: Decision, *, endpoint: str | None) -> Refusal:
        """A denied or locked-out access."""
        return cls(decision.ask.value, decision.reason_id, decision.policies, endpoint)


def reference_of(number: int) -> str:
    """Forty bits as ``K7QX-2M9P``, in Crockford's base 32, which has no letter that is taken for a digit."""
    digits = "".join(_DIGITS[number >> shift & 31] for shift in range(BITS - 5, -1, -5))
    return f"{digits[:4]}-{digits[4:]}"


def read_reference(typed: str) -> str | None:
    """A reference as people type it, with or without the dash and in any case; None for anything else."""
    digits = re.sub(r"[\s-]", "", typed).upper().translate(_LOOKALIKE)
    return f"{digits[:4]}-{digits[4:]}" if _READ.fullmatch(digits) else None
