"""Wires sign-ins, and what users do with their own factors."""

from __future__ import annotations

from ..services.audit.sign_in_reasons import SignInReasons
from ..services.client.flood_guard import FloodGuard
from ..services.client.risk import RiskService
from ..services.enrollment.enrollment_deferral import EnrollmentDeferral
from ..services.enrollment.enrollment_eligibility import EnrollmentEligibility, FirstEnrollment
from ..services.enrollment.factor_enrollment import FactorEnrollment
from ..services.enrollment.recovery_codes import RecoveryCodeService
from ..services.policies.history import PolicyHistory
from ..services.sign_in.attempts import AttemptService
from ..services.sign_in.challenges import ChallengeService
from ..services.sign_in.login_view import LastLoginView
from ..services.sign_in.refusals import Refusals
from ..services.sign_in.revocation import RevocationService
from ..services.sign_in.self_service import SelfService
from ..services.sign_in.sessions import SessionService
from ..web.state import FactorServices, SignInServices
from .base import Base


def account_services(base: Base, history: PolicyHistory) -> tuple[SignInServices, FactorServices]:
    """Sign-ins and own factors, which raise the same sessions and count the same wrong codes."""
    store, worker, rules, clock = base.store, base.worker, base.rules, base.clock
    refusals = Refusals(worker)
    attempts = AttemptService(worker, refusals)
    sessions = SessionService(worker, base.keyring, rules, lifetimes=base.lifetimes)
    sign_in = SignInServices(
        attempts=attempts,
        refusals=refusals,
        flood_guard=_flood_guard(base),
        sessions=sessions,
        revocations=RevocationService(worker, lifetimes=base.lifetimes),
        challenges=ChallengeService(worker, attempts, sessions, verifiers=base.factors.verifiers),
        last_login_view=LastLoginView(worker),
        reasons=SignInReasons(store, base.host.conditions, history),
        risk=RiskService(store, base.places, clock=clock),
        places=base.places,
    )
    return sign_in, _factor_services(base, attempts, sessions)


def _factor_services(base: Base, attempts: AttemptService, sessions: SessionService) -> FactorServices:
    worker, rules, clock = base.worker, base.rules, base.clock
    companion = base.factors.companion
    eligibility = EnrollmentEligibility(rules, FirstEnrollment.of(base.settings, base.directory), clock=clock)
    return FactorServices(
        registry=base.factors,
        enrollment=FactorEnrollment(
            worker, attempts=attempts, sessions=sessions, eligibility=eligibility, companion=companion
        ),
        eligibility=eligibility,
        deferral=EnrollmentDeferral(worker, sessions),
        recovery_codes=RecoveryCodeService(worker, companion),
        self_service=SelfService(worker, companion, rules),
    )  # fmt: skip


def _flood_guard(base: Base) -> FloodGuard:
    """Apps on one Redis server count apart."""
    settings, app = base.settings, base.app_id.configured or base.app_id.name
    name = f"mfa_gate:{app}:{settings.table_prefix}"
    return FloodGuard(settings.flood_limit, settings.flood_storage, name=name, clock=settings.clock)
