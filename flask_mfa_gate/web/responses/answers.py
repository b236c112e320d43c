"""The one place that speaks HTML, JSON and RFC 9470. Answers are returned, never raised."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response, jsonify, make_response, redirect, request
from werkzeug.exceptions import HTTPException

from ...domain.authorization.decision import Ask, Decision, Reason
from ...domain.sign_in.assurance import UPSTREAM, Method, methods_of
from ...errors import CodeInvalid, Conflict, MFAGateError, Throttled
from ..client import SAFE_METHODS, Client, is_of_htmx
from ..refusal_notes import reference_here
from ..request_context import RequestContext
from ..request_notes import UNCACHED
from ..state import current_state
from ..translation import error_text, gettext, marked, translated
from .bearer import challenge, step_up_challenge
from .codes import OF_ASKS, of_http
from .host_names import own_url
from .login_page import login_url, way_through_login
from .page import page_facts
from .pages import draw
from .sentences import BLOCKED_TITLES, NOT_SENT, SENTENCES, TITLES, TOKEN_ERRORS
from .targets import asked_page, is_login_page, way_back

_STATUS = {Ask.CHALLENGE: 401, Ask.PASS: 401}
_ENDPOINTS = {
    Ask.CHALLENGE: "mfa_gate.challenge",
    Ask.ENROLL: "mfa_gate.enroll",
    Ask.PROMPT: "mfa_gate.enroll",
    Ask.LOCKED: "mfa_gate.blocked",
    Ask.DENY: "mfa_gate.blocked",
    Ask.PASS: "mfa_gate.challenge",
}
_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_CSP_WITHOUT_FORMS = f"{_CSP}; form-action 'none'"


@dataclass(frozen=True, slots=True)
class KeptForm:
    """A form that was not taken, to be sent again after a verification.

    :param action: where it was sent, as a path of this app.
    :param fields: what was typed, in order, without any secret.
    """

    action: str
    fields: tuple[tuple[str, str], ...] = field(repr=False)


def next_url(word: Ask) -> str:
    """The gate's page for a decision."""
    return own_url(_ENDPOINTS[word])


def stop(
    context: RequestContext, decision: Decision, client: Client, *, kept: KeptForm | None = None
) -> Response:  # fmt: skip
    """The answer to a request that doesn't satisfy yet.

    :param kept: the form that it was, where the page may keep it.
    """
    if client is Client.API:
        return demand_problem(decision, reference=reference_here(context, decision))
    if decision.ask in BLOCKED_TITLES:
        return blocked_page(context, decision)
    # SECURITY: without a sign-in that the gate keeps, its pages know nobody, and the host's login would send back here.
    is_kept = context.session is not None
    if client is Client.NAVIGATION:
        return see_other(next_url(decision.ask)) if is_kept or request.method == "HEAD" else _open_again(context)
    # Where nothing could be parked, the page of the form is requested again, and leads to the next step and back.
    continue_url = next_url(decision.ask) if is_kept else way_back(context.state.settings)
    kept = kept if is_kept and decision.ask is Ask.CHALLENGE else None
    return page("resend.html", context, 403, next_word=decision.ask.value, continue_url=continue_url, kept=kept)


def _open_again(context: RequestContext) -> Response:
    """For a frame on another site, and the like: nothing was parked, so the page has to be opened by itself."""
    return page(
        "problem.html", context, 401, title=gettext("Verify to continue"),
        detail=gettext("Open this page on its own to verify."), continue_url=asked_page(),
    )  # fmt: skip


def after_sign_in(context: RequestContext, decision: Decision) -> Response:
    """The answer in place of the one of the view that signed in."""
    if context.client is Client.API:
        return demand_problem(decision, reference=reference_here(context, decision))
    return see_other(next_url(decision.ask))


def blocked_page(context: RequestContext, decision: Decision) -> Response:
    """Locked or denied, in place: why, and whom to ask."""
    period = context.enrollment.period if context.enrollment else None
    return page(
        "blocked.html", context, 403, word=decision.ask.value, title=gettext(BLOCKED_TITLES[decision.ask]),
        reason=sentence_of(decision), reason_id=decision.reason_id, help_link=decision.help_link,
        reference=reference_here(context, decision),
        ended_at=period.ends_at if period and decision.ask is Ask.LOCKED else None,
    )  # fmt: skip


def demand_problem(decision: Decision, *, reference: str | None = None) -> Response:
    """A problem document (RFC 9457) that says what is needed, with the challenge of RFC 9470 where a proof helps.

    :param reference: of the refusal, where it is one.
    """
    is_step_up = decision.at_resource and decision.ask is Ask.CHALLENGE
    max_age = decision.requirement.max_age
    facts: dict[str, Any] = {
        "next": decision.ask.value,
        "reason_id": decision.reason_id,
        "factors": sorted(method.value for method in _offered(decision.requirement.methods or Method.at_sign_in)),
        "max_age": None if max_age is None else int(max_age.total_seconds()),
        "continue_url": next_url(decision.ask),
    }
    code = "mfa_step_up_required" if is_step_up else OF_ASKS[decision.ask]
    status = _STATUS.get(decision.ask, 403)
    if reference is not None:
        facts["reference"] = reference
    if decision.help_link:
        facts["help_link"] = decision.help_link
    response = problem_document(status, code, sentence_of(decision), facts)
    if status == 401:
        response.headers["WWW-Authenticate"] = step_up_challenge(decision.requirement)
    return response


def _offered(methods: frozenset[Method]) -> frozenset[Method]:
    """What a program may ask its user for. Both kinds of pass are typed in as one, and a factor that is off is none."""
    off = Method.of_factors - methods_of(current_state().rules.enabled)
    return (methods - Method.setup_only - {UPSTREAM} - off) or methods


def sentence_of(decision: Decision) -> str:
    """What a policy has to say to whom it refuses, else what the gate says."""
    return decision.message or gettext(SENTENCES[decision.reason])


def refuse_anonymous(
    context: RequestContext, *, as_json: bool = False, wishes: Mapping[str, str] | None = None
) -> Response:
    """Nobody is signed in: a page sends to the host's login and back again, anything else gets 401.

    :param wishes: parameters that the login may act on.
    """
    login = login_url(context.state.settings)
    if as_json or context.client is Client.API:
        sentence = gettext(SENTENCES[Reason.STRANGER])
        response = problem_document(401, "sign_in_required", sentence, {"continue_url": login})
        told = {"error": "invalid_token"} if context.has_sent_bearer else {}
        response.headers["WWW-Authenticate"] = challenge(**told)
        return response
    if is_login_page(context.state.settings):
        # Marked as well, or in a blueprint that is, so that nobody can reach it: it would lead to itself for ever.
        login = None
    if login is not None and request.method in SAFE_METHODS:
        return see_other(way_through_login(login, target=asked_page(), wishes=wishes or {}))
    sentence = SENTENCES[Reason.STRANGER] if request.method in SAFE_METHODS else NOT_SENT
    return _signed_out_page(context, gettext("Sign in first"), gettext(sentence), login)


def refuse_token(error: str, scopes: Collection[str] = ()) -> Response:
    """An access token that does not open this view (RFC 6750 section 3.1).

    :param scopes: all that are needed, where some are missing.
    """
    status, sentence = TOKEN_ERRORS[error]
    response = problem_document(status, error, gettext(sentence), {})
    scope = {"scope": " ".join(sorted(scopes))} if scopes else {}
    response.headers["WWW-Authenticate"] = challenge(error=error, **scope)
    return response


def after_sign_out(context: RequestContext) -> Response:
    """To the host's login, where there is one that can be found."""
    login = login_url(context.state.settings)
    if context.client is Client.API:
        return json_answer({"next": "sign-in", "continue_url": login})
    if login is not None:
        return see_other(login)
    return _signed_out_page(context, gettext("You're signed out"), gettext("Open the app to sign in again."), None)


def _signed_out_page(context: RequestContext, title: str, detail: str, login: str | None) -> Response:
    return page(
        "problem.html", context, 401, title=title, detail=detail, continue_url=login, continue_label=gettext("Sign in")
    )


def failure(context: RequestContext | None, error: MFAGateError, *, again: str | None = None) -> Response:
    """The answer to any error of the gate.

    :param again: where the same can be tried once more; a page leads there.
    """
    facts: dict[str, Any] = {} if again is None else {"continue_url": again}
    if isinstance(error, CodeInvalid) and error.hint:
        facts["hint"] = translated(error.hint)
    if isinstance(error, Throttled):
        facts["retry_after"] = error.retry_after
        facts |= {"reference": error.reference} if error.reference is not None else {}
    if isinstance(error, Conflict):
        facts["reason"] = error.reason
    response = problem(context, error.status, error.code, error_text(error), facts)
    return with_retry(response, error)


def with_retry(response: Response, error: MFAGateError) -> Response:
    """``Retry-After`` where waiting helps."""
    if isinstance(error, Throttled):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def problem(
    context: RequestContext | None, status: int, code: str, detail: str, facts: Mapping[str, Any] | None = None
) -> Response:
    """A refusal, as the client reads it best. Without a context there is no page to draw."""
    if context is None or context.client is Client.API:
        return problem_document(status, code, detail, facts or {})
    title = gettext(TITLES.get(status, marked("Something went wrong")))
    return page(
        "problem.html", context, status, title=title, detail=detail,
        continue_url=(facts or {}).get("continue_url"), continue_label=gettext("Try again"),
    )  # fmt: skip


def http_problem(context: RequestContext | None, error: HTTPException) -> Response:
    """What Flask or Werkzeug say of a request to one of the gate's pages, such as a file that is not there."""
    if error.code is None:
        return guarded(make_response(error.get_response()))
    return problem(context, error.code, of_http(error.code), gettext(error.description or error.name))


def problem_document(status: int, code: str, detail: str, facts: Mapping[str, Any]) -> Response:
    """``application/problem+json`` (RFC 9457)."""
    response = jsonify({"type": "about:blank", "status": status, "code": code, "detail": detail, **facts})
    response.status_code = status
    response.mimetype = "application/problem+json"
    return guarded(_led_on(response, facts))


def json_answer(facts: Mapping[str, Any], status: int = 200) -> Response:
    """A plain JSON answer of the gate."""
    response = jsonify(facts)
    response.status_code = status
    return guarded(_led_on(response, facts))


def _led_on(response: Response, facts: Mapping[str, Any]) -> Response:
    """htmx goes to the next step by itself, whatever the status is (https://htmx.org/headers/hx-redirect/)."""
    if is_of_htmx(request) and facts.get("continue_url"):
        response.headers["HX-Redirect"] = facts["continue_url"]
    return response


def page(template: str, context: RequestContext, http_status: int = 200, **values: Any) -> Response:
    """One of the gate's pages."""
    html = draw(template, page=page_facts(context), **values)
    # Each form of a session (code, "later", sign-out) leads on to a page of the host, and perhaps from there to another
    # site; browsers hold that whole chain of redirects against form-action (CSP 3, section 6.4.1).
    has_forms = context.session is not None
    return guarded(make_response(html, http_status), csp=_CSP if has_forms else _CSP_WITHOUT_FORMS)


def see_other(url: str) -> Response:
    """Go there with GET; the body of a write is never sent again by itself."""
    return guarded(make_response(redirect(url, code=303)))


def guarded(response: Response, *, csp: str = _CSP_WITHOUT_FORMS) -> Response:
    """Headers that every answer of the gate carries."""
    request.environ[UNCACHED] = True
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = csp
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.vary.add("Cookie")
    return response
