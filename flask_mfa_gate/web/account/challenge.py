"""The challenge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Response, request

from ...domain.authorization.decision import Ask, Decision, Reason
from ...domain.sign_in.assurance import Method, methods_of
from ...domain.sign_in.session import StepUp
from ...errors import BadRequest, CodeInvalid, MFAGateError, Throttled
from ...sentences import Sentence
from ...store.sign_in.holdings import Held
from ..client import is_prefetch
from ..fields import text_field
from ..responses import answers
from ..responses.host_names import own_url
from ..responses.targets import home
from .app_ahead import app_ahead
from .desk import Desk, Route, next_step
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


def challenge(desk: Desk) -> Response:
    """Ask for a proof, or take it."""
    if request.method == "POST":
        return _take(desk)
    if desk.session.is_pending and desk.verdict.ask is Ask.PASS:
        return next_step(desk) if is_prefetch(request) else _complete(desk)
    if desk.verdict.ask is not Ask.CHALLENGE and not _is_asked(desk):
        return next_step(desk) if desk.session.is_pending else desk.arrive(home())
    return _show(desk, _chosen(desk, request.args.get("factor")))


def _is_asked(desk: Desk) -> bool:
    """A step-up that the user can answer: with a factor, or where a first one takes a pass, with that."""
    step_up = desk.session.step_up
    return step_up is not None and (bool(desk.standing.factors) or bool(step_up.requirement.methods & Method.passes))


def _complete(desk: Desk) -> Response:
    """Nothing is demanded any more: the sign-in continues by itself."""
    sessions, worker = desk.state.sign_in.sessions, desk.state.worker
    entry = worker.run(
        lambda work: sessions.rise(work, desk.session, desk.session.assurance, authorizer=desk.authorizer)
    )
    return desk.arrive(desk.go_on(entry))


def _take(desk: Desk) -> Response:
    method = _chosen(desk, text_field(desk.fields, "factor", default=_unnamed(desk).value))
    # SECURITY: without a factor only a pass is taken, and neither opens a locked account; it is not spent there.
    verdict = desk.verdict if desk.standing.factors else desk.setup_verdict
    if verdict.ask in {Ask.DENY, Ask.LOCKED} or not (desk.standing.factors or method in Method.passes):
        return next_step(desk, verdict)
    _refuse_weak(desk.session.step_up, method, is_pending=desk.session.is_pending)
    try:
        entry = desk.state.sign_in.challenges.verify(
            desk.session,
            desk.fields.get(desk.state.factors.registry.verifiers[method].answer_field),
            method=method,
            origin=desk.origin,
            authorizer=desk.authorizer,
            act=desk.act,
            standing=desk.standing,
        )
    except (CodeInvalid, Throttled) as error:
        return answers.failure(desk.passage, error) if desk.wants_json else _show(desk, method, error)
    target = desk.go_on(entry)
    return desk.arrive(target if desk.wants_json or not _is_back_in(desk, method) else own_url("mfa_gate.recovered"))


def _is_back_in(desk: Desk, method: Method) -> bool:
    """Whether a person got in without a factor with them, and is to be told what to do about that.

    A client whose requests don't say that they navigate (Fetch Metadata, section 2.3) goes straight on.
    """
    if request.headers.get("Sec-Fetch-Mode") != "navigate":
        return False
    is_sign_in = method in Method.ways_back and desk.session.is_pending and bool(desk.standing.factors)
    return is_sign_in and desk.next_word() is Ask.PASS


def _refuse_weak(step_up: StepUp | None, method: Method, *, is_pending: bool) -> None:
    """A recovery code signs in, and never answers a step-up; it isn't spent on one."""
    # SECURITY: strength is checked, not only time.
    if step_up is not None and not is_pending and method not in step_up.requirement.methods:
        raise BadRequest("This page needs a stronger verification. Use one of your authentication methods.")


def _chosen(desk: Desk, word: str | None) -> Method:
    """The server knows which methods there are; an unknown word is refused, never passed by."""
    known = {method.value: method for method in desk.state.factors.registry.verifiers}
    if word is not None and word not in known:
        raise BadRequest(Sentence("Unknown factor. Known are: %(known)s.", known=", ".join(sorted(known))))
    if word:
        return known[word]
    return _first(desk) if desk.standing.factors else desk.state.factors.registry.opens_first


def _first(desk: Desk) -> Method:
    """Of what this user holds, what is offered first; of all where none of that can be tried."""
    return next(_held(desk), next(iter(desk.state.factors.registry.verifiers)))


def _unnamed(desk: Desk) -> Method:
    """What an answer is for that does not say so: the first factor, also where it is disabled, and refused."""
    return next(_held(desk), next(iter(desk.state.factors.registry.factors.values())).method)


def _held(desk: Desk) -> Iterator[Method]:
    held = methods_of(desk.standing.factors)
    return (method for method in desk.state.factors.registry.verifiers if method in held)


def _show(desk: Desk, method: Method, error: MFAGateError | None = None) -> Response:
    if desk.wants_json:
        return answers.demand_problem(_pending_verdict(desk))
    verifier, lost = desk.state.factors.registry.verifiers[method], _may_have_lost(desk, method)
    held = desk.state.sign_in.challenges.holdings(desk.session, desk.origin)
    page = pages_of(method).ask(desk, desk.state.sign_in.challenges.begin(desk.session, method, held))
    return code_page(
        page.template, desk, verifier, error, held=held,
        factor=method.value, ways=_ways(desk, method, held), step_up=_is_step_up(desk), reason=_reason(desk),
        heading=page.heading, icon=verifier.about.icon,
        back_url=None if desk.standing.factors else own_url("mfa_gate.enroll"),
        lost=lost[0] if lost else None, replace_url=lost[1] if lost else None,
        action_url=own_url("mfa_gate.challenge", factor=method.value), **page.values,
    )  # fmt: skip


def _may_have_lost(desk: Desk, method: Method) -> tuple[Lost, str] | None:
    """A step-up takes no recovery code, and users who lost the phone have to be told what helps: a new one."""
    step_up = desk.session.step_up
    if step_up is None or not _is_step_up(desk) or method not in Method.of_factors:
        return None
    return replaceable(desk) if step_up.requirement.methods.isdisjoint(Method.ways_back) else None


def _reason(desk: Desk) -> str:
    if not desk.standing.factors:
        return "Setting up your first factor takes an access pass from an administrator."
    if (app := app_ahead(desk)) is not None:
        return f"Verify your identity to continue to {app}."
    return answers.SENTENCES[Reason.STEP_UP if _is_step_up(desk) else Reason.SIGN_IN]


def _pending_verdict(desk: Desk) -> Decision:
    step_up = desk.session.step_up
    if step_up is None:
        return desk.verdict
    return Decision(Ask.CHALLENGE, Reason.STEP_UP, step_up.requirement, at_resource=True)


def _is_step_up(desk: Desk) -> bool:
    return desk.session.step_up is not None and not desk.session.is_pending


def _ways(desk: Desk, current: Method, held: Held) -> list[Way]:
    allowed = _allowed(desk, held)
    return [
        Way(method.value, verifier.about.use, own_url("mfa_gate.challenge", factor=method.value), method is current)
        for method, verifier in desk.state.factors.registry.verifiers.items()
        if method in allowed
    ]


def _allowed(desk: Desk, held: Held) -> frozenset[Method]:
    """What would help: users without a factor can only hand in a pass, and nobody a code that is not there."""
    if not desk.standing.factors:
        return Method.passes
    step_up = desk.session.step_up
    allowed = (
        step_up.requirement.methods
        if step_up and _is_step_up(desk)
        else frozenset(desk.state.factors.registry.verifiers)
    )
    codes = desk.state.factors.registry.companion.method
    return (
        allowed - {codes}
        if codes in allowed and not desk.state.sign_in.challenges.describe(held, codes).is_there
        else allowed
    )


ROUTES: list[Route] = [
    ("/challenge", "challenge", ["GET", "POST"], challenge),
]
