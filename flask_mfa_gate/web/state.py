"""What the gate keeps for one app, in ``app.extensions["mfa_gate"]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from flask import current_app

from ..clock import Clock
from ..crypto import Keyring
from ..domain.assurance import Method
from ..domain.verdict import Rules
from ..factors.protocol import Verifier
from ..factors.totp import TotpFactor
from ..mail.delivery import Delivery
from ..services.attempts import AttemptService
from ..services.challenges import ChallengeService
from ..services.directory import Directory
from ..services.enrollments import EnrollmentService
from ..services.self_service import SelfService
from ..services.sessions import SessionService
from ..services.totp_enrollment import TotpEnrollmentService
from ..services.upkeep import UpkeepService
from ..services.work import Worker
from ..settings import Settings
from ..store import Store
from ..store.location import Location
from .identity import IdentitySource

EXTENSION = "mfa_gate"


@dataclass(frozen=True, slots=True)
class GateState:
    """The parts of one app's gate, wired once."""

    gate: Any
    settings: Settings
    rules: Rules
    clock: Clock
    keyring: Keyring
    location: Location
    store: Store
    worker: Worker
    directory: Directory
    identity: IdentitySource
    user_key: Callable[[Any], str]
    verifiers: Mapping[Method, Verifier]
    totp: TotpFactor
    attempts: AttemptService
    sessions: SessionService
    challenges: ChallengeService
    totp_enrollment: TotpEnrollmentService
    enrollments: EnrollmentService
    self_service: SelfService
    delivery: Delivery
    upkeep: UpkeepService

    key_column: str | None = None
    has_own_identity: bool = False

    @property
    def issuer(self) -> str:
        """The name of the app, as users know it."""
        return self.settings.issuer or current_app.name


def current_state() -> GateState:
    """The state of the app that serves this request."""
    return cast(GateState, current_app.extensions[EXTENSION])
