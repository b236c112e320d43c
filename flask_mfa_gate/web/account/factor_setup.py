"""The page that sets a factor up, for every kind: what comes first, what it shows, and its first answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from flask import Response, request

from ...domain.authorization.decision import Ask, AuthnRequirement, Decision, Reason
from ...domain.redirects import safe_target
from ...domain.sign_in.assurance import FactorKind, Method
from ...domain.sign_in.session import StepUp
from ...errors import CodeInvalid, Conflict, MFAGateError, Throttled
from ...factors.base import Begun, Factor
from ...services.enrollment.enrollment_eligibility import FRESH
from ...services.enrollment.factor_enrollment import Enrolled, Setup
from ...services.observations import Observation
from ...services.people.persons import shown_account
from ..client import is_prefetch
from ..endpoints import setup_endpoint
from ..host.cookies_apart import rests_on_cookies
from ..responses import answers
from ..responses.host_names import own_url
from ..responses.login_page import login_url
from ..responses.targets import origin
from ..translation import error_text, gettext, marked
from .authenticated_request import AuthenticatedRequest, Route, next_step

Show: TypeAlias = Callable[[AuthenticatedRequest, Begun, MFAGateError | None], Response]
"""Draws the page of one kind, also again after a wrong answer."""
_ONWARD = "next"
_PREFETCHED = marked("Open this page by clicking a link to it.")
_PASSWORD_FIRST = marked("To set up your first method, you need to have entered your password in the last 15 minutes.")


def setup_route(kind: FactorKind, show: Show) -> Route:
    """The page of one kind.

    :param show: draws it for people; programs get what is public of it.
    """

    def set_up(auth: AuthenticatedRequest) -> Response:
        """Show what the user sets up; POST confirms it by its first answer."""
        factor = auth.state.factors.registry.factors[kind]
        return _before(auth, factor) or _set_up(auth, factor, show)

    return f"/enroll/{kind.value}", setup_endpoint(kind).partition(".")[2], ["GET", "POST"], set_up


def _set_up(auth: AuthenticatedRequest, factor: Factor, show: Show) -> Response:
    """Show what waits in this sign-in, or confirm it by its first answer."""
    if is_prefetch(request):
        raise Conflict("prefetch", _PREFETCHED)
    if request.method == "GET":
        return _begin(auth, factor, show)
    try:
        setup = Setup(auth.session, factor, auth.origin, auth.authorizer, auth.act)
        enrolled = auth.state.factors.enrollment.confirm(setup, auth.fields.get(factor.answer_field))
    except (CodeInvalid, Throttled) as error:
        return answers.failure(auth.context, error) if auth.wants_json else _begin(auth, factor, show, error)
    except Conflict as error:
        if error.reason != "set-up-already" or auth.wants_json:
            raise
        return _show_done(auth, error)
    return _show_success(auth, enrolled)


def _begin(auth: AuthenticatedRequest, factor: Factor, show: Show, error: MFAGateError | None = None) -> Response:
    begun = auth.state.factors.enrollment.begin(auth.session, factor, account=account_of_user(auth))
    return answers.json_answer(dict(begun.public)) if auth.wants_json else show(auth, begun, error)


def account_of_user(auth: AuthenticatedRequest) -> str:
    """What users are called at the app, as the thing that they set up will show it."""
    directory = auth.state.host.directory
    if auth.user is not None and directory.reads_user_objects:
        return shown_account(auth.user) or auth.session.user_key
    person = directory.get(auth.session.user_key)
    return (person.email or person.name or person.key) if person else auth.session.user_key


def _show_done(auth: AuthenticatedRequest, error: Conflict) -> Response:
    """The codes are gone with the page that was reloaded, or with the first of two clicks."""
    return answers.page(
        "problem.html", auth.context, error.status, title=gettext("You're all set"), detail=error_text(error),
        continue_url=own_url("mfa_gate.recovery_codes"), continue_label=gettext("Create new recovery codes"),
    )  # fmt: skip


def _show_success(auth: AuthenticatedRequest, enrolled: Enrolled) -> Response:
    continue_url = auth.resume_sign_in(enrolled.entry, otherwise=_onward())
    auth.keep_remembered()
    codes = list(enrolled.codes)
    if auth.wants_json:
        return answers.json_answer(
            {"recovery_codes": codes, "next": auth.next_word().value, "continue_url": continue_url}
        )
    return answers.page("enrolled.html", auth.context, 200, codes=codes, continue_url=continue_url)


def is_shut(decision: Decision) -> bool:
    """Locked or denied: nothing can be set up."""
    return decision.ask in {Ask.LOCKED, Ask.DENY}


def _before(auth: AuthenticatedRequest, factor: Factor) -> Response | None:
    """What has to come first: a proof of the factor that is there, or the password once more."""
    # SECURITY: after the lapse, or where access is denied, nothing shows a new key.
    decision, eligibility = auth.setup_decision, auth.state.factors.eligibility
    if is_shut(decision) or decision.ask is Ask.CHALLENGE:
        return next_step(auth, decision)
    if not eligibility.is_offered(factor.kind):
        detail = gettext("%(kind)s: turned off for this app.", kind=gettext(factor.about.label))
        return answers.problem(auth.context, 409, "conflict", detail)
    back = _back(auth, factor.kind)
    # SECURITY: with a factor in place, a password alone shows no new key.
    if eligibility.needs_proof(auth.session, auth.enrollment):
        return ask_proof(auth, Method.at_setup, back=back)
    if eligibility.needs_pass(auth.session, auth.enrollment):
        return ask_proof(auth, Method.passes, back=back)
    if eligibility.needs_sign_in(auth.session, auth.enrollment):
        return _sign_in_again(auth, back)
    return None


def _back(auth: AuthenticatedRequest, kind: FactorKind) -> str:
    """The way back from a proof, which itself takes the place of what was asked last."""
    step_up, page = auth.session.step_up, setup_endpoint(kind)
    if step_up is None or auth.session.is_pending or _onward() is not None:
        return setup_url(kind)
    return step_up.target if step_up.endpoint == page else own_url(page, **{_ONWARD: step_up.target})


def setup_url(kind: FactorKind) -> str:
    """The page of this kind, with the page that asked for the factor where one did."""
    onward = _onward()
    return own_url(setup_endpoint(kind), **({_ONWARD: onward} if onward is not None else {}))


def _onward() -> str | None:
    # SECURITY: whoever could name any address here could send a user who trusts this page to a copy of it.
    return safe_target(request.args.get(_ONWARD), origin=origin())


def ask_proof(auth: AuthenticatedRequest, methods: frozenset[Method], *, back: str) -> Response:
    """Step up to what changing a factor asks for, then come back."""
    demand = AuthnRequirement(methods, FRESH)
    auth.state.sign_in.sessions.ask(auth.session, StepUp(demand, request.endpoint or "", None, back))
    decision = Decision(Ask.CHALLENGE, Reason.STEP_UP, demand, at_resource=True)
    if auth.wants_json:
        return answers.demand_problem(decision)
    if methods == Method.passes:
        return answers.see_other(own_url("mfa_gate.challenge", factor=auth.state.factors.registry.opens_first.value))
    return answers.see_other(answers.next_url(Ask.CHALLENGE))


def _ask_pass(auth: AuthenticatedRequest, back: str) -> Response:
    """Whom each request names without a cookie can't sign in again in any way that the gate would see."""
    server = "REMOTE_USER" if request.remote_user else "a request_loader, a header or a hook"
    auth.state.operations.observations.note(Observation.UPSTREAM_USER, server)
    demand = ask_proof(auth, Method.passes, back=back)
    return demand if auth.wants_json else answers.page("ask_pass.html", auth.context, 401, pass_url=demand.location)


def _sign_in_again(auth: AuthenticatedRequest, back: str) -> Response:
    # SECURITY: nobody tells when a server in front asked for a password last; a copy of its cookie is no sign-in.
    if not rests_on_cookies(auth.state, auth.session.user_key):
        return _ask_pass(auth, back)
    if auth.wants_json:
        way = {"continue_url": login_url(auth.state.settings)}
        return answers.problem_document(401, "sign_in_again", gettext(_PASSWORD_FIRST), way)
    return answers.page("sign_in_again.html", auth.context, 401)
