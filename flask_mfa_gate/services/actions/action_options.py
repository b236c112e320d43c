"""With what an action on users is carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from ...domain.sign_in.assurance import FactorKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionOptions:
    """With what an action is carried out.

    :param days: of an enrollment period; 0 is now; None is the default of the action.
    :param until: the new end itself.
    :param renew: restart periods that are running.
    :param factor: a kind, or the id of a single factor.
    :param policy: whose days of grace restart.
    :param notify: whether users are told.
    """

    days: int | None = None
    until: datetime | None = None
    renew: bool = False
    factor: str | None = None
    policy: str | None = None
    reason: str | None = None
    notify: bool = True

    def as_json(self) -> dict[str, object]:
        """As it is kept."""
        until = self.until.isoformat() if self.until else None
        return {**asdict(self), "until": until}

    @classmethod
    def of_json(cls, kept: Mapping[str, object]) -> ActionOptions:
        """As it was kept."""
        values = dict(kept)
        if isinstance(until := values.get("until"), str):
            values["until"] = datetime.fromisoformat(until)
        return cls(**values)  # type: ignore[arg-type]

    def arguments(self, action: str, *, is_single: bool) -> Mapping[str, object]:
        """What the call of an action takes beside the terms of every action.

        :param is_single: whether it is about one user only, whose running period restarts.
        """
        factor = self.factor or ""
        kind, factor_id = (factor, None) if factor in set(FactorKind) or not factor else (None, factor)
        known: Mapping[str, Mapping[str, object]] = {
            "require": {"days": self.days, "renew": self.renew or is_single},
            "extend": {"days": self.days, "until": self.until},
            "reset": {"days": self.days},
            "revoke-factor": {"kind": kind, "factor_id": factor_id},
            "restart-grace": {"policy": self.policy or ""},
        }
        return known.get(action, {})
