"""Time steps and typed codes of TOTP (RFC 6238). The code of a step itself comes from outside."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from .typed_code import CodeShape, usable_text

DIGITS = (6, 8)
PERIODS = (30, 60)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = frozenset("0123456789")


class Algorithm(StrEnum):
    """What codes are made with (RFC 6238 section 1.2), in the words of an ``otpauth://`` address."""

    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA512 = "SHA512"


@dataclass(frozen=True, slots=True)
class TotpShape:
    """How a key makes its codes. It is the key's own for life: a phone never hears of a changed setting.

    :param period: seconds that one step lasts.
    """

    digits: int = 6
    period: int = 30
    algorithm: Algorithm = Algorithm.SHA1

    def __post_init__(self) -> None:
        """Refuse what no setting makes.

        :raises ValueError: for it.
        """
        if self.digits not in DIGITS or self.period not in PERIODS:
            raise ValueError(f"codes have {DIGITS} digits and change every {PERIODS} seconds")

    def to_data(self) -> dict[str, Any]:
        """As JSON values, to be kept with the key."""
        return {"digits": self.digits, "period": self.period, "algorithm": self.algorithm.value}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> TotpShape:
        """From what was kept."""
        return cls(data["digits"], data["period"], Algorithm(data["algorithm"]))


def read_code(raw: object) -> tuple[CodeShape, str]:
    """Canonical form of a typed code: as many ASCII digits as some key makes."""
    text = usable_text(raw)
    if text is None:
        return CodeShape.UNUSABLE, ""
    # SECURITY: only ASCII digits; libraries that fold Unicode would take one code in many spellings.
    is_code = len(text) in DIGITS and _DIGITS.issuperset(text)
    return (CodeShape.OK, text) if is_code else (CodeShape.WRONG, "")


def step_at(now: datetime, *, period: int) -> int:
    """The time step of an instant, counted from the Unix epoch (RFC 6238 section 4.2).

    :param period: seconds that one step lasts.
    :raises TypeError: for a naive datetime, which is another instant on another machine.
    """
    # In whole numbers: as a float, the end of a far step is rounded up into the next one.
    return (now - _EPOCH) // timedelta(seconds=period)


def window_steps(step: int, *, window: int) -> tuple[int, ...]:
    """The steps whose codes are accepted, oldest first."""
    return tuple(candidate for candidate in range(step - window, step + window + 1) if candidate >= 0)


def far_steps(step: int, *, window: int, reach: int = 20) -> tuple[int, ...]:
    """Steps before the window, that a phone whose clock is slow would be at."""
    # SECURITY: no later steps, or the hint would tell a guesser which code to try again in a few minutes.
    return tuple(candidate for candidate in range(step - reach, step - window) if candidate >= 0)


def matching_step(code: str, steps: Sequence[int], generate: Callable[[int], str]) -> int | None:
    """The newest step with this code. Every step is computed, whichever matches."""
    given = code.encode(errors="surrogatepass")
    # SECURITY: constant work and constant-time comparison tell nothing about how near a guess was.
    matches = [step for step in steps if hmac.compare_digest(generate(step).encode(), given)]
    return max(matches, default=None)
