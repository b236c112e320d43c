"""The challenge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, request, url_for

from ...domain.assurance import PASS_METHODS, Method
from ...domain.session import StepUp
from ...domain.verdict import Reason, Verdict, Word
from ...errors import BadRequest, CodeInvalid, MFAGateError, Throttled
from .. import answers
from ..client import is_prefetch
from ..fields import text_field
from ..targets import home
from .desk import Desk, Route, next_step

_LABELS = {
    Method.TOTP: "Authenticator app",
    Method.RECOVERY_CODE: "Recovery code",
    Method.ACCESS_PASS: "Access pass",
}


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
    if desk.session.is_pending and desk.verdict.word is Word.PASS:
        return next_step(desk) if is_prefetch(request) else _complete(desk)
    if desk.verdict.word is not Word.CHALLENGE and not _is_asked(desk):
        return next_step(desk) if desk.session.is_pending else desk.arrive(home())
    return _show(desk, _chosen(desk, request.args.get("factor")))


def _is_asked(desk: Desk) -> bool:
    """A step-up that the user can answer: with a factor, or where a first one takes a pass, with that."""
    step_up = desk.session.step_up
    return step_up is not None and (bool(desk.standing.factors) or bool(step_up.demand.methods & PASS_METHODS))


def _complete(desk: Desk) -> Response:
    """Nothing is demanded any more: the sign-in goes on by itself."""
    sessions, worker = desk.state.sessions, desk.state.worker
    entry = worker.run(lambda work: sessions.rise(work, desk.session, desk.session.assurance, ruler=desk.ruler))
    return desk.arrive(desk.go_on(entry))


def _take(desk: Desk) -> Response:
    method = _chosen(desk, text_field(desk.fields, "factor", default=Method.TOTP.value))
    # SECURITY: without a factor only a pass is taken, and neither opens a locked account; it is not spent there.
    verdict = desk.verdict if desk.standing.factors else desk.setup_verdict
    if verdict.word in {Word.DENY, Word.LOCKED} or not (desk.standing.factors or method is Method.ACCESS_PASS):
        return next_step(desk, verdict)
    _refuse_weak(desk.session.step_up, method, is_pending=desk.session.is_pending)
    try:
        entry = desk.state.challenges.verify(
            desk.session, desk.fields.get("code"), method=method, origin=desk.origin, ruler=desk.ruler
        )
    except (CodeInvalid, Throttled) as error:
        return answers.failure(desk.passage, error) if desk.wants_json else _show(desk, method, error)
    return desk.arrive(desk.go_on(entry))


def _refuse_weak(step_up: StepUp | None, method: Method, *, is_pending: bool) -> None:
    """A recovery code signs in, and never answers a step-up; it isn't spent on one."""
    # SECURITY: strength is checked, not only time.
    if step_up is not None and not is_pending and method not in step_up.demand.methods:
        raise BadRequest("This page needs a stronger verification. Use one of your authentication methods.")


def _chosen(desk: Desk, word: str | None) -> Method:
    """The server knows which methods there are; an unknown word is refused, never passed by."""
    known = {method.value: method for method in desk.state.verifiers}
    if word is not None and word not in known:
        raise BadRequest(f"Unknown factor. Known are: {', '.join(sorted(known))}.")
    if word:
        return known[word]
    return next(iter(known.values())) if desk.standing.factors else Method.ACCESS_PASS


def _show(desk: Desk, method: Method, error: MFAGateError | None = None) -> Response:
    verifier = desk.state.verifiers[method]
    refusal = error or desk.state.attempts.waiting(
        verifier=verifier, user_key=desk.session.user_key, origin=desk.origin
    )
    if desk.wants_json:
        return answers.demand_problem(_pending_verdict(desk))
    response = answers.page(
        "challenge.html", desk.passage, error.status if error else 200,
        factor=method.value, ways=_ways(desk, method), step_up=_is_step_up(desk),
        reason=_reason(desk), back_url=None if desk.standing.factors else url_for("mfa_gate.enroll"),
        action_url=url_for("mfa_gate.challenge", factor=method.value), **_error_values(refusal),
    )  # fmt: skip
    return answers.with_retry(response, refusal) if refusal else response


def _reason(desk: Desk) -> str:
    if not desk.standing.factors:
        return "Setting up your first factor takes an access pass from an administrator."
    return answers.SENTENCES[Reason.STEP_UP if _is_step_up(desk) else Reason.SIGN_IN]


def _pending_verdict(desk: Desk) -> Verdict:
    step_up = desk.session.step_up
    if step_up is None:
        return desk.verdict
    return Verdict(Word.CHALLENGE, Reason.STEP_UP, step_up.demand, at_resource=True)


def _error_values(refusal: MFAGateError | None) -> dict[str, Any]:
    throttled = refusal if isinstance(refusal, Throttled) else None
    return {
        "error": str(refusal) if refusal else None,
        "hint": refusal.hint if isinstance(refusal, CodeInvalid) else None,
        "retry_after": throttled.retry_after if throttled and throttled.retry_at else None,
        "stopped": throttled is not None and throttled.retry_at is None,
    }


def _is_step_up(desk: Desk) -> bool:
    return desk.session.step_up is not None and not desk.session.is_pending


def _ways(desk: Desk, current: Method) -> list[Way]:
    allowed = _allowed(desk)
    return [
        Way(method.value, _LABELS[method], url_for("mfa_gate.challenge", factor=method.value), method is current)
        for method in desk.state.verifiers
        if method in allowed
    ]


def _allowed(desk: Desk) -> frozenset[Method]:
    """What would help: whoever has no factor can only hand in a pass."""
    if not desk.standing.factors:
        return PASS_METHODS
    step_up = desk.session.step_up
    return step_up.demand.methods if step_up and _is_step_up(desk) else frozenset(desk.state.verifiers)


ROUTES: list[Route] = [("/challenge", "challenge", ["GET", "POST"], challenge)]
