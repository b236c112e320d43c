"""Time that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_START = datetime(2026, 1, 5, 9, tzinfo=UTC)  # a Monday morning, for policies with hours


class MovableClock:
    """A clock for ``MFA_GATE_CLOCK`` that stands still until it is told to move on."""

    def __init__(self, now: datetime = _START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The moment it stands at."""
        return self.now

    def forward(self, **parts: float) -> None:
        """Move on by the parts of a :class:`~datetime.timedelta`, as in ``forward(days=8)``."""
        self.now += timedelta(**parts)
