"""Enrollment: the prompt, the key, the first code."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response, request
from markupsafe import Markup

from ...domain.assurance import PASS_METHODS, SETUP_METHODS, Method
from ...domain.enrollment import days_until
from ...domain.session import StepUp
from ...domain.verdict import Demand, Reason, Verdict, Word
from ...errors import CodeInvalid, Conflict, MFAGateError, Throttled
from ...factors.qr import qr_svg
from ...factors.totp import PendingKey
from ...services.enrollment.totp_enrollment import FRESH, Enrolled
from ..client import is_prefetch
from ..endpoints import is_account_page
from ..responses import answers
from ..responses.host_names import own_url
from ..responses.login_page import login_url
from .desk import Desk, Route, next_step
from .refusals import code_page

_QR_LABEL = "QR code for your authenticator app. The setup key is also shown as text."
_FOR_PAGE = "This page requires multi-factor authentication. Set it up to continue."
_BY_CHOICE = "Multi-factor authentication protects your account even if someone learns your password."
_PREFETCHED = "Open this page by clicking a link to it."


def enroll(desk: Desk) -> Response:
    """The prompt with the days left, and the choice of factor."""
    verdict = desk.setup_verdict
    is_by_choice = verdict.word is Word.PASS and not desk.session.is_pending and not desk.standing.factors
    if not is_by_choice and verdict.word not in {Word.ENROLL, Word.PROMPT}:
        return next_step(desk, verdict)
    if desk.wants_json:
        return _next_as_json(verdict)
    ends_at = _deferrable_until(desk, verdict)
    can_defer = verdict.word is Word.PROMPT or _is_deferrable_at_resource(desk)
    return answers.page(
        "prompt.html", desk.passage, 200,
        can_defer=can_defer, days_left=days_until(ends_at, desk.state.clock()) if ends_at else None, ends_at=ends_at,
        later_url=own_url("mfa_gate.later"), totp_url=own_url("mfa_gate.enroll_totp"),
        reason=_why(desk, verdict, ends_at, can_defer=can_defer),
    )  # fmt: skip


def _why(desk: Desk, verdict: Verdict, ends_at: datetime | None, *, can_defer: bool) -> str:
    """What the user is asked for a factor by: his own requirement, the page that he came from, or nobody."""
    step_up = desk.session.step_up
    if verdict.word is Word.PASS and not can_defer and step_up is not None and not is_account_page(step_up.endpoint):
        return _FOR_PAGE
    if verdict.word is Word.PASS and ends_at is None:
        return _BY_CHOICE
    is_soft = ends_at is not None and (can_defer or verdict.word is Word.PASS)
    return answers.SENTENCES[Reason.ENROLLMENT_PERIOD if is_soft else verdict.reason]


def _deferrable_until(desk: Desk, verdict: Verdict) -> datetime | None:
    """The end of the period, or of the days of grace that a policy gives, whichever comes first."""
    period = desk.standing.period
    step_up = desk.session.step_up
    ends = [period.ends_at if period else None, verdict.grace_ends_at, step_up.deferrable_until if step_up else None]
    return min((end for end in ends if end is not None), default=None)


def _is_deferrable_at_resource(desk: Desk) -> bool:
    step_up = desk.session.step_up
    return step_up is not None and step_up.is_deferrable(desk.state.clock()) and not desk.session.is_pending


def _next_as_json(verdict: Verdict) -> Response:
    """What is demanded; nothing may be, and the setup is open all the same."""
    if verdict.word is not Word.PASS:
        return answers.demand_problem(verdict)
    return answers.json_answer({"next": verdict.word.value, "continue_url": own_url("mfa_gate.enroll_totp")})


def later(desk: Desk) -> Response:
    """ "Set up later": in for this time. Where nothing is asked any more, or was put off already, it goes on too."""
    verdict = desk.setup_verdict
    is_over = verdict.word is Word.PASS and desk.session.step_up is None
    if _is_shut(verdict) or is_over:
        return next_step(desk, verdict)
    entry = desk.state.totp_enrollment.defer(desk.session, desk.standing, origin=desk.origin, ruler=desk.ruler)
    return desk.arrive(desk.go_on(entry))


def enroll_totp(desk: Desk) -> Response:
    """Show the key of this sign-in, or confirm it by its first code."""
    if (stopped := _before_setup(desk)) is not None:
        return stopped
    if is_prefetch(request):
        raise Conflict("prefetch", _PREFETCHED)
    if request.method == "GET":
        return _show_key(desk, desk.state.totp_enrollment.begin(desk.session))
    try:
        enrolled = desk.state.totp_enrollment.confirm(
            desk.session, desk.fields.get("code"), origin=desk.origin, ruler=desk.ruler, act=desk.act
        )
    except (CodeInvalid, Throttled) as error:
        if desk.wants_json:
            return answers.failure(desk.passage, error)
        return _show_key(desk, desk.state.totp_enrollment.begin(desk.session), error)
    except Conflict as error:
        if error.reason != "set-up-already" or desk.wants_json:
            raise
        return _show_done(desk, error)
    return _show_success(desk, enrolled)


def _show_done(desk: Desk, error: Conflict) -> Response:
    """The codes are gone with the page that was reloaded, or with the first of two clicks."""
    return answers.page(
        "problem.html", desk.passage, error.status, title="You're all set", detail=str(error),
        continue_url=own_url("mfa_gate.recovery_codes"), continue_label="Create new recovery codes",
    )  # fmt: skip


def _is_shut(verdict: Verdict) -> bool:
    """Locked or denied: nothing can be set up."""
    return verdict.word in {Word.LOCKED, Word.DENY}


def _before_setup(desk: Desk) -> Response | None:
    """What has to come first: a proof of the factor that is there, or the password once more."""
    # SECURITY: with a factor in place, the password alone shows no new key; after the lapse nothing does.
    verdict = desk.setup_verdict
    if _is_shut(verdict) or verdict.word is Word.CHALLENGE:
        return next_step(desk, verdict)
    if not desk.state.totp_enrollment.is_offered():
        return answers.problem(desk.passage, 409, "conflict", "Authenticator apps are turned off for this app.")
    if desk.state.totp_enrollment.needs_proof(desk.session, desk.standing):
        return ask_proof(desk, SETUP_METHODS, back=own_url("mfa_gate.enroll_totp"))
    if desk.state.totp_enrollment.needs_pass(desk.session, desk.standing):
        return ask_proof(desk, PASS_METHODS, back=own_url("mfa_gate.enroll_totp"))
    if desk.state.totp_enrollment.needs_sign_in(desk.session, desk.standing):
        return _sign_in_again(desk)
    return None


def ask_proof(desk: Desk, methods: frozenset[Method], *, back: str) -> Response:
    """Step up to what changing a factor asks for, then come back."""
    demand = Demand(methods, FRESH)
    desk.state.sessions.ask(desk.session, StepUp(demand, request.endpoint or "", None, back))
    verdict = Verdict(Word.CHALLENGE, Reason.STEP_UP, demand, at_resource=True)
    if desk.wants_json:
        return answers.demand_problem(verdict)
    if methods == PASS_METHODS:
        return answers.see_other(own_url("mfa_gate.challenge", factor=Method.ACCESS_PASS.value))
    return answers.see_other(answers.next_url(Word.CHALLENGE))


def _sign_in_again(desk: Desk) -> Response:
    if desk.wants_json:
        sentence = "To set up your first method, you need to have entered your password in the last 15 minutes."
        way = {"continue_url": login_url(desk.state.settings)}
        return answers.problem_document(401, "sign_in_again", sentence, way)
    return answers.page("sign_in_again.html", desk.passage, 401)


def _show_key(desk: Desk, pending: PendingKey, error: MFAGateError | None = None) -> Response:
    account = _account(desk)
    uri = desk.state.totp.provisioning_uri(pending, account=account, issuer=desk.state.issuer)
    svg = qr_svg(uri, label=_QR_LABEL)
    if desk.wants_json:
        return answers.json_answer({"secret": pending.secret, "otpauth_uri": uri, "qr_svg": svg})
    return code_page(
        "enroll_totp.html", desk, desk.state.totp, error,
        qr_svg=Markup(svg), secret_groups=pending.grouped(), secret=pending.secret, account=account,  # noqa: S704
        otpauth_uri=uri, digits=pending.shape.digits, period=pending.shape.period,
        action_url=own_url("mfa_gate.enroll_totp"),
        back_url=own_url("mfa_gate.security" if desk.standing.factors else "mfa_gate.enroll"),
        replacing=bool(desk.standing.factors),
    )  # fmt: skip


def _account(desk: Desk) -> str:
    person = desk.state.directory.get(desk.session.user_key)
    return (person.email or person.name or person.key) if person else desk.session.user_key


def _show_success(desk: Desk, enrolled: Enrolled) -> Response:
    continue_url = desk.go_on(enrolled.entry)
    desk.keep_remembered()
    codes: dict[str, Any] = {"recovery_codes": list(enrolled.recovery_codes)}
    if desk.wants_json:
        return answers.json_answer({**codes, "next": desk.next_word().value, "continue_url": continue_url})
    return answers.page("enrolled.html", desk.passage, 200, codes=codes["recovery_codes"], continue_url=continue_url)


ROUTES: list[Route] = [
    ("/enroll", "enroll", ["GET"], enroll),
    ("/enroll/later", "later", ["POST"], later),
    ("/enroll/totp", "enroll_totp", ["GET", "POST"], enroll_totp),
]
