"""The challenge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Response, request

from ...domain.authorization.decision import Ask, AuthnRequirement, Decision, Reason
from ...domain.oidc.upstream_provider import UpstreamProvider
from ...domain.sign_in.assurance import Method, methods_of
from ...domain.sign_in.session import StepUp
from ...errors import BadRequest, CodeInvalid, MFAGateError, Throttled
from ...sentences import Sentence
from ...services.sign_in.challenges import Answer
from ...store.sign_in.holdings import Held
from ..client import is_prefetch
from ..endpoints import SIGN_IN
from ..fields import text_field
from ..responses import answers
from ..responses.host_names import own_url
from ..responses.sentences import SENTENCES
from ..responses.targets import home
from ..translation import gettext
from ..upstream.step_up import upstream_way
from .app_ahead import app_ahead
from .authenticated_request import AuthenticatedRequest, Route, next_step
from .factors.pages import Lost
from .factors.registry import pages_of, replaceable
from .refusals import code_page


@dataclass(frozen=True, slots=True)
class Way:
    """One way to answer the challenge, as a link."""

    factor: str
    label: str
    url: str
    current: bool


def challenge(auth: AuthenticatedRequest) -> Response:
    """Ask for a proof, or take it."""
    if request.method == "POST":
        return _take(auth)
    if auth.session.is_pending and auth.decision.ask is Ask.PASS:
        return next_step(auth) if is_prefetch(request) else _complete(auth)
    elsewhere = upstream_way(auth.context, _requirement(auth))
    if auth.decision.ask is not Ask.CHALLENGE and not _is_asked(auth) and elsewhere is None:
        return next_step(auth) if auth.session.is_pending else auth.redirect_to(home())
    if elsewhere is not None and not auth.enrollment.factors and not auth.wants_json:
        return _show_elsewhere(auth, elsewhere)
    return _show(auth, _chosen(auth, request.args.get("factor")))


def _requirement(auth: AuthenticatedRequest) -> AuthnRequirement:
    """What is asked of this session now."""
    return _pending_decision(auth).requirement


def _is_asked(auth: AuthenticatedRequest) -> bool:
    """A step-up that the user can answer: with a factor, or where a first one takes a pass, with that."""
    step_up = auth.session.step_up
    return step_up is not None and (bool(auth.enrollment.factors) or bool(step_up.requirement.methods & Method.passes))


def _complete(auth: AuthenticatedRequest) -> Response:
    """Nothing is demanded any more: the sign-in continues by itself."""
    sessions, worker = auth.state.sign_in.sessions, auth.state.worker
    entry = worker.run(
        lambda work: sessions.elevate(work, auth.session, auth.session.assurance, authorizer=auth.authorizer)
    )
    return auth.redirect_to(auth.resume_sign_in(entry))


def _take(auth: AuthenticatedRequest) -> Response:
    method = _chosen(auth, text_field(auth.fields, "factor", default=_unnamed(auth).value))
    # SECURITY: without a factor only a pass is taken, and neither opens a locked account; it is not spent there.
    decision = auth.decision if auth.enrollment.factors else auth.setup_decision
    if decision.ask in {Ask.DENY, Ask.LOCKED} or not (auth.enrollment.factors or method in Method.passes):
        return next_step(auth, decision)
    _refuse_weak(auth.session.step_up, method, is_pending=auth.session.is_pending)
    verifier = auth.state.factors.registry.verifiers[method]
    try:
        entry = auth.state.sign_in.challenges.verify(
            auth.session,
            Answer(auth.fields.get(verifier.answer_field), method, auth.origin),
            authorizer=auth.authorizer,
            act=auth.act,
            enrollment=auth.enrollment,
        )
    except (CodeInvalid, Throttled) as error:
        return answers.failure(auth.context, error) if auth.wants_json else _show(auth, method, error)
    target = auth.resume_sign_in(entry)
    return auth.redirect_to(
        target if auth.wants_json or not _is_back_in(auth, method) else own_url("mfa_gate.recovered")
    )


def _is_back_in(auth: AuthenticatedRequest, method: Method) -> bool:
    """Whether a person got in without a factor with them, and is to be told what to do about that.

    A client whose requests don't say that they navigate (Fetch Metadata, section 2.3) goes straight on.
    """
    if request.headers.get("Sec-Fetch-Mode") != "navigate":
        return False
    is_sign_in = method in Method.ways_back and auth.session.is_pending and bool(auth.enrollment.factors)
    return is_sign_in and auth.next_word() is Ask.PASS


def _refuse_weak(step_up: StepUp | None, method: Method, *, is_pending: bool) -> None:
    """A recovery code signs in, and never answers a step-up; it isn't spent on one."""
    # SECURITY: strength is checked, not only time.
    if step_up is not None and not is_pending and method not in step_up.requirement.methods:
        raise BadRequest("This page needs a stronger verification. Use one of your authentication methods.")


def _chosen(auth: AuthenticatedRequest, word: str | None) -> Method:
    """The server knows which methods there are; an unknown word is refused, never passed by."""
    known = {method.value: method for method in auth.state.factors.registry.verifiers}
    if word is not None and word not in known:
        raise BadRequest(Sentence("Unknown factor. Known are: %(known)s.", known=", ".join(sorted(known))))
    if word:
        return known[word]
    return _first(auth) if auth.enrollment.factors else auth.state.factors.registry.opens_first


def _first(auth: AuthenticatedRequest) -> Method:
    """Of what this user holds, what is offered first; of all where none of that can be tried."""
    return next(_held(auth), next(iter(auth.state.factors.registry.verifiers)))


def _unnamed(auth: AuthenticatedRequest) -> Method:
    """What an answer is for that does not say so: the first factor, also where it is disabled, and refused."""
    return next(_held(auth), next(iter(auth.state.factors.registry.factors.values())).method)


def _held(auth: AuthenticatedRequest) -> Iterator[Method]:
    held = methods_of(auth.enrollment.factors)
    return (method for method in auth.state.factors.registry.verifiers if method in held)


def _show(auth: AuthenticatedRequest, method: Method, error: MFAGateError | None = None) -> Response:
    if auth.wants_json:
        return answers.demand_problem(_pending_decision(auth))
    verifier, lost = auth.state.factors.registry.verifiers[method], _may_have_lost(auth, method)
    held = auth.context.held
    # SECURITY: the session may have given way to one of another user since, who is asked by what they hold themselves.
    if held is None or held.user_key != auth.session.user_key:
        held = auth.state.sign_in.challenges.holdings(auth.session, auth.origin)
    page = pages_of(method).ask(auth, auth.state.sign_in.challenges.begin(auth.session, method, held))
    return code_page(
        page.template, auth, verifier, error, held=held,
        factor=method.value, ways=_ways(auth, method, held), step_up=_is_step_up(auth), reason=_reason(auth),
        heading=page.heading, icon=verifier.about.icon,
        back_url=None if auth.enrollment.factors else own_url("mfa_gate.enroll"),
        lost=lost[0] if lost else None, replace_url=lost[1] if lost else None,
        action_url=own_url("mfa_gate.challenge", factor=method.value), **page.values,
    )  # fmt: skip


def _show_elsewhere(auth: AuthenticatedRequest, provider: UpstreamProvider) -> Response:
    """A user without a factor here, whose provider can be asked for one."""
    way = _way_to(provider)
    return answers.page(
        "verify_elsewhere.html", auth.context, way=way, reason=_general_reason(auth), step_up=_is_step_up(auth)
    )


def _way_to(provider: UpstreamProvider) -> Way:
    label = gettext("Verify with %(name)s", name=provider.label)
    return Way("upstream", label, own_url(f"{SIGN_IN}.start", name=provider.name, step_up=1), current=False)


def _general_reason(auth: AuthenticatedRequest) -> str:
    return gettext(SENTENCES[Reason.STEP_UP if _is_step_up(auth) else Reason.SIGN_IN])


def _may_have_lost(auth: AuthenticatedRequest, method: Method) -> tuple[Lost, str] | None:
    """A step-up takes no recovery code, and users who lost the phone have to be told what helps: a new one."""
    step_up = auth.session.step_up
    if step_up is None or not _is_step_up(auth) or method not in Method.of_factors:
        return None
    return replaceable(auth) if step_up.requirement.methods.isdisjoint(Method.ways_back) else None


def _reason(auth: AuthenticatedRequest) -> str:
    if not auth.enrollment.factors:
        return gettext("Setting up your first factor takes an access pass from an administrator.")
    if (app := app_ahead(auth)) is not None:
        return gettext("Verify your identity to continue to %(app)s.", app=app)
    return _general_reason(auth)


def _pending_decision(auth: AuthenticatedRequest) -> Decision:
    step_up = auth.session.step_up
    if step_up is None:
        return auth.decision
    return Decision(Ask.CHALLENGE, Reason.STEP_UP, step_up.requirement, at_resource=True)


def _is_step_up(auth: AuthenticatedRequest) -> bool:
    return auth.session.step_up is not None and not auth.session.is_pending


def _ways(auth: AuthenticatedRequest, current: Method, held: Held) -> list[Way]:
    allowed, elsewhere = _allowed(auth, held), upstream_way(auth.context, _requirement(auth))
    ways = [
        Way(
            method.value,
            gettext(verifier.about.use),
            own_url("mfa_gate.challenge", factor=method.value),
            method is current,
        )
        for method, verifier in auth.state.factors.registry.verifiers.items()
        if method in allowed
    ]
    return ways if elsewhere is None else [*ways, _way_to(elsewhere)]


def _allowed(auth: AuthenticatedRequest, held: Held) -> frozenset[Method]:
    """What would help: users without a factor can only hand in a pass, and nobody a code that is not there."""
    if not auth.enrollment.factors:
        return Method.passes
    step_up = auth.session.step_up
    allowed = (
        step_up.requirement.methods
        if step_up and _is_step_up(auth)
        else frozenset(auth.state.factors.registry.verifiers)
    )
    codes = auth.state.factors.registry.companion.method
    return (
        allowed - {codes}
        if codes in allowed and not auth.state.sign_in.challenges.describe(held, codes).is_there
        else allowed
    )


ROUTES: list[Route] = [
    ("/challenge", "challenge", ["GET", "POST"], challenge),
]
