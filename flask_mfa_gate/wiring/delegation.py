"""Wires what acts in a user's stead."""

from __future__ import annotations

from ..services.actions.actions import ActionRunner
from ..services.delegation.api_tokens import ApiTokenService
from ..services.delegation.impersonations import ImpersonationService
from ..web.state import DelegationServices
from .base import Base


def delegation_services(base: Base, runner: ActionRunner) -> DelegationServices:
    """Tokens of the host, and impersonations."""
    return DelegationServices(
        api_tokens=ApiTokenService(base.worker, runner),
        impersonations=ImpersonationService(base.worker, base.keyring, base.rules),
    )
