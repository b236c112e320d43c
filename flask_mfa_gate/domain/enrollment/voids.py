"""What an action makes worthless beside, or without, everything that proves."""

from __future__ import annotations

from dataclasses import dataclass

from ..sign_in.assurance import FactorKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Voids:
    """Parts of what a user holds.

    :param sessions: every sign-in.
    :param access_passes: every pass, and the sessions that it opened.
    :param kind: of the factors that are voided.
    :param factor_id: the only one of them that is.
    """

    sessions: bool = False
    access_passes: bool = False
    kind: FactorKind | None = None
    factor_id: str | None = None
