"""The page that sets a factor up, for every kind: what comes first, what it shows, and its first answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from flask import Response, request

from ...domain.authorization.decision import Ask, AuthnRequirement, Decision, Reason
from ...domain.sign_in.assurance import FactorKind, Method
from ...domain.sign_in.session import StepUp
from ...errors import CodeInvalid, Conflict, MFAGateError, Throttled
from ...factors.base import Begun, Factor
from ...services.enrollment.enrollment_eligibility import FRESH
from ...services.enrollment.factor_enrollment import Enrolled
from ...services.observations import Observation
from ...services.people.persons import shown_account
from ..client import is_prefetch
from ..endpoints import setup_endpoint
from ..host.cookies_apart import rests_on_cookies
from ..responses import answers
from ..responses.host_names import own_url
from ..responses.login_page import login_url
from .desk import Desk, Route, next_step

Show: TypeAlias = Callable[[Desk, Begun, MFAGateError | None], Response]
"""Draws the page of one kind, also again after a wrong answer."""
_PREFETCHED = "Open this page by clicking a link to it."


def setup_route(kind: FactorKind, show: Show) -> Route:
    """The page of one kind.

    :param show: draws it for people; programs get what is public of it.
    """

    def set_up(desk: Desk) -> Response:
        factor = desk.state.factors.registry.factors[kind]
        return _before(desk, factor) or _set_up(desk, factor, show)

    return f"/enroll/{kind.value}", setup_endpoint(kind).partition(".")[2], ["GET", "POST"], set_up


def _set_up(desk: Desk, factor: Factor, show: Show) -> Response:
    """Show what waits in this sign-in, or confirm it by its first answer."""
    if is_prefetch(request):
        raise Conflict("prefetch", _PREFETCHED)
    if request.method == "GET":
        return _begin(desk, factor, show)
    try:
        enrolled = desk.state.factors.enrollment.confirm(
            desk.session,
            factor,
            desk.fields.get(factor.answer_field),
            origin=desk.origin,
            authorizer=desk.authorizer,
            act=desk.act,
        )
    except (CodeInvalid, Throttled) as error:
        return answers.failure(desk.passage, error) if desk.wants_json else _begin(desk, factor, show, error)
    except Conflict as error:
        if error.reason != "set-up-already" or desk.wants_json:
            raise
        return _show_done(desk, error)
    return _show_success(desk, enrolled)


def _begin(desk: Desk, factor: Factor, show: Show, error: MFAGateError | None = None) -> Response:
    begun = desk.state.factors.enrollment.begin(desk.session, factor, account=account_of_user(desk))
    return answers.json_answer(dict(begun.public)) if desk.wants_json else show(desk, begun, error)


def account_of_user(desk: Desk) -> str:
    """What users are called at the app, as the thing that they set up will show it."""
    directory = desk.state.host.directory
    if desk.user is not None and directory.reads_user_objects:
        return shown_account(desk.user) or desk.session.user_key
    person = directory.get(desk.session.user_key)
    return (person.email or person.name or person.key) if person else desk.session.user_key


def _show_done(desk: Desk, error: Conflict) -> Response:
    """The codes are gone with the page that was reloaded, or with the first of two clicks."""
    return answers.page(
        "problem.html", desk.passage, error.status, title="You're all set", detail=str(error),
        continue_url=own_url("mfa_gate.recovery_codes"), continue_label="Create new recovery codes",
    )  # fmt: skip


def _show_success(desk: Desk, enrolled: Enrolled) -> Response:
    continue_url = desk.go_on(enrolled.entry)
    desk.keep_remembered()
    codes = list(enrolled.codes)
    if desk.wants_json:
        return answers.json_answer(
            {"recovery_codes": codes, "next": desk.next_word().value, "continue_url": continue_url}
        )
    return answers.page("enrolled.html", desk.passage, 200, codes=codes, continue_url=continue_url)


def is_shut(verdict: Decision) -> bool:
    """Locked or denied: nothing can be set up."""
    return verdict.ask in {Ask.LOCKED, Ask.DENY}


def _before(desk: Desk, factor: Factor) -> Response | None:
    """What has to come first: a proof of the factor that is there, or the password once more."""
    # SECURITY: after the lapse, or where access is denied, nothing shows a new key.
    verdict, eligibility = desk.setup_verdict, desk.state.factors.eligibility
    if is_shut(verdict) or verdict.ask is Ask.CHALLENGE:
        return next_step(desk, verdict)
    if not eligibility.is_offered(factor.kind):
        return answers.problem(desk.passage, 409, "conflict", f"{factor.about.label}s are turned off for this app.")
    back = own_url(setup_endpoint(factor.kind))
    # SECURITY: with a factor in place, a password alone shows no new key.
    if eligibility.needs_proof(desk.session, desk.standing):
        return ask_proof(desk, Method.at_setup, back=back)
    if eligibility.needs_pass(desk.session, desk.standing):
        return ask_proof(desk, Method.passes, back=back)
    if eligibility.needs_sign_in(desk.session, desk.standing):
        return _sign_in_again(desk, back)
    return None


def ask_proof(desk: Desk, methods: frozenset[Method], *, back: str) -> Response:
    """Step up to what changing a factor asks for, then come back."""
    demand = AuthnRequirement(methods, FRESH)
    desk.state.sign_in.sessions.ask(desk.session, StepUp(demand, request.endpoint or "", None, back))
    verdict = Decision(Ask.CHALLENGE, Reason.STEP_UP, demand, at_resource=True)
    if desk.wants_json:
        return answers.demand_problem(verdict)
    if methods == Method.passes:
        return answers.see_other(own_url("mfa_gate.challenge", factor=desk.state.factors.registry.opens_first.value))
    return answers.see_other(answers.next_url(Ask.CHALLENGE))


def _ask_pass(desk: Desk, back: str) -> Response:
    """Whom each request names without a cookie can't sign in again in any way that the gate would see."""
    server = "REMOTE_USER" if request.remote_user else "a request_loader, a header or a hook"
    desk.state.operations.observations.note(Observation.UPSTREAM_USER, server)
    demand = ask_proof(desk, Method.passes, back=back)
    return demand if desk.wants_json else answers.page("ask_pass.html", desk.passage, 401, pass_url=demand.location)


def _sign_in_again(desk: Desk, back: str) -> Response:
    # SECURITY: nobody tells when a server in front asked for a password last; a copy of its cookie is no sign-in.
    if not rests_on_cookies(desk.state, desk.session.user_key):
        return _ask_pass(desk, back)
    if desk.wants_json:
        sentence = "To set up your first method, you need to have entered your password in the last 15 minutes."
        way = {"continue_url": login_url(desk.state.settings)}
        return answers.problem_document(401, "sign_in_again", sentence, way)
    return answers.page("sign_in_again.html", desk.passage, 401)
