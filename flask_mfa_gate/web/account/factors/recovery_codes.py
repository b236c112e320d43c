"""The pages of recovery codes: one that takes a code, and one that makes new ones."""

from __future__ import annotations

from flask import Response, request

from ....domain.sign_in.assurance import Method
from ....factors.base import Challenge
from ....factors.recovery_codes import LOW, METHOD
from ...responses import answers
from ...responses.host_names import own_url
from ...translation import gettext
from ..authenticated_request import AuthenticatedRequest, require_proved
from ..factor_setup import ask_proof
from .pages import ChallengePage, CodeField, FactorPages


def _ask(_desk: AuthenticatedRequest, _challenge: Challenge) -> ChallengePage:
    field = CodeField(gettext("Recovery code"), gettext("Enter one of the codes you saved. Each code works once."))
    return ChallengePage(gettext("Enter a recovery code"), {"field": field})


def recovery_codes(auth: AuthenticatedRequest) -> Response:
    """How many are left; POST makes new ones and shows them once, after a fresh proof."""
    if (stopped := require_proved(auth)) is not None:
        return stopped
    if not auth.enrollment.factors:
        return answers.problem(
            auth.context, 409, "conflict", gettext("Recovery codes come with your first authentication method.")
        )
    codes: list[str] = []
    if request.method == "POST":
        # SECURITY: a stolen session alone makes no codes.
        if not auth.state.factors.eligibility.has_fresh_factor(auth.session):
            return ask_proof(auth, Method.of_factors, back=own_url("mfa_gate.recovery_codes"))
        codes = auth.state.factors.recovery_codes.make(auth.session, origin=auth.origin)
    left = auth.state.factors.recovery_codes.left(auth.session)
    low = left <= LOW
    if auth.wants_json:
        return answers.json_answer({"left": left, "low": low, **({"recovery_codes": codes} if codes else {})})
    return answers.page(
        "recovery_codes.html", auth.context, 200, codes=codes, left=left, low=low,
        action_url=own_url("mfa_gate.recovery_codes"), back_url=own_url("mfa_gate.security"),
    )  # fmt: skip


PAGES = FactorPages(METHOD, _ask, [("/recovery-codes", "recovery_codes", ["GET", "POST"], recovery_codes)])
