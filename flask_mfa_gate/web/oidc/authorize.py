"""Where apps send their users to sign in (OpenID Connect Core 1.0 section 3.1.2)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Response, current_app, make_response, request

from ...domain.authorization.decision import Ask
from ...domain.sign_in.session import StepUp
from ...errors import BadRequest, NotAllowed
from ...services.oidc.grants import ConsentWithdrawn
from ..acts import act_here
from ..client import SAFE_METHODS, is_foreign, is_own_origin, is_prefetch, origin_of
from ..csrf import has_csrf_token
from ..fields import read_fields, text_field
from ..flood import require_no_excess
from ..refusal_notes import note_refusal
from ..responses import answers
from ..responses.host_names import own_url
from ..responses.targets import asked_page
from .asking import Asking, RefusedRequest, read_asking
from .browser import bind_browser, browser_here, browser_of
from .elsewhere import sign_in_elsewhere
from .judging import Need, Outcome, judge, requirement_of
from .leaving import error_location, lead_back, refuse
from .pages import Call, OidcRoute, sent_parameters
from .provider import sound_parameters

_RESUME = "mfa_gate_oidc.resume"
_OVER = "This sign-in has expired, or belongs to another browser. Go back to the app and start again."
_FORM_EXPIRED = "This form has expired. Go back to the app and start again."


def authorize(call: Call) -> Response:
    """A request has come: answered at once where nobody has to be asked, else kept and gone on with."""
    if is_prefetch(request):
        # SECURITY: nobody has asked for this page yet, so there is no code.
        return make_response("", 503)
    parameters = sound_parameters(sent_parameters())
    if request.method not in SAFE_METHODS and is_foreign(request):
        # SECURITY: a form of another site comes without the cookies: its sender would be nobody, and the cookie of a
        # new browser would take the place of the one that requests wait for. The same by GET comes with them.
        return answers.see_other(f"{own_url('mfa_gate_oidc.authorize')}?{urlencode(parameters)}")
    try:
        asking = read_asking(call, parameters)
    except RefusedRequest as refused:
        return refuse(call, refused, began_with_form=False)
    outcome = judge(call, asking)
    if outcome.authorization is not None:
        return _give_code(call, asking, outcome)
    assert outcome.need is not None  # noqa: S101 - the one or the other
    if outcome.need is Need.SIGN_IN and _lacks_strict_cookies():
        return answers.page(
            "oidc/leave.html", call.context, location=asked_page(), client_name=asking.client.client_name
        )  # fmt: skip
    if asking.asked.is_silent:
        return refuse(call, asking.refusal(outcome.need.error), began_with_form=False)
    return _settle(call, asking, outcome) or _keep(call, asking)


def resume(call: Call, request_id: str) -> Response:
    """A request that waited for its user continues, or says what is needed next."""
    if is_prefetch(request):
        return make_response("", 503)
    asking = _kept(call, request_id)
    outcome = judge(call, asking)
    if outcome.authorization is not None:
        return _give_code(call, asking, outcome)
    return _settle(call, asking, outcome) or _ask(call, asking, outcome)


def answer(call: Call, request_id: str) -> Response:
    """What the user chose on the way."""
    asking, live = _kept(call, request_id), call.context.session
    _require_own_form(call)
    act = text_field(read_fields(request), "act", default="")
    outcome = judge(call, asking)
    if act == "deny":
        error = "access_denied" if outcome.need is not Need.FACTOR else Need.STRENGTH.error
        return _give_up(call, asking, error)
    if act == "sign-in":
        return _sign_in_again(call, asking)
    assert live is not None  # noqa: S101 - its token was compared
    if outcome.need is None or (act, outcome.need) not in _ANSWERS:
        # Answered before, in another tab: what is needed now is asked for now.
        return answers.see_other(_address(asking))
    call.oidc.requests.note(_waiting(asking), **{_ANSWERS[act, outcome.need]: live.lineage})
    if outcome.need is Need.CONSENT:
        scope = " ".join(sorted(asking.consent.union(asking.provider.wanted_scopes(asking.scopes))))
        call.oidc.requests.consent(live.user_key, asking.client.client_id, scope, origin=origin_of(request))
    return answers.see_other(_address(asking))


_ANSWERS = {
    ("consent", Need.CONSENT): "consent", ("account", Need.ACCOUNT): "account", ("without", Need.FACTOR): "without",
}  # fmt: skip


def _lacks_strict_cookies() -> bool:
    """Whether the browser kept the host's session back, since another site sent it here; from a page of ours it comes.

    (RFC 6265bis section 5.8.3)
    """
    is_strict = current_app.config["SESSION_COOKIE_SAMESITE"] == "Strict"
    return is_strict and request.method == "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site"


def _keep(call: Call, asking: Asking) -> Response:
    """Go on under an id that only this browser may use, with the time that the request came."""
    live = call.context.session
    if live is None or live.is_pending or not live.assurance.proofs:
        # SECURITY: each request of nobody's begins a row.
        require_no_excess(call.state)
    browser = browser_here(call.state.settings)
    kept = call.oidc.requests.keep(asking.client.client_id, asking.parameters, browser=browser)
    response = answers.see_other(own_url(_RESUME, request_id=kept.id))
    return bind_browser(response, call.state.settings, browser)


def _kept(call: Call, request_id: str) -> Asking:
    waiting = call.oidc.requests.find(request_id, browser=browser_of(call.state.settings))
    if waiting is None:
        raise BadRequest(_OVER)
    try:
        return read_asking(call, waiting.parameters, waiting=waiting, request_id=request_id)
    except RefusedRequest:
        # The client was changed or disabled meanwhile.
        raise BadRequest(_OVER) from None


def _waiting(asking: Asking) -> Any:
    assert asking.waiting is not None  # noqa: S101 - it was found by its id
    return asking.waiting


def _address(asking: Asking) -> str:
    return own_url(_RESUME, request_id=asking.request_id)


def _settle(call: Call, asking: Asking, outcome: Outcome) -> Response | None:
    """The answer where nothing that its user does could help; None elsewhere."""
    if outcome.need is Need.STRENGTH:
        return _give_up(call, asking, Need.STRENGTH.error)
    if outcome.need is not Need.REFUSED or outcome.decision is None:
        return None
    live = call.context.session
    if live is not None:
        note_refusal(call.context, live.user_key, outcome.decision)
    back = error_location(call, asking.refusal(Need.REFUSED.error))
    return answers.page(
        "oidc/refused.html", call.context, 403, client_name=asking.client.client_name, back_url=back,
        reason=answers.sentence_of(outcome.decision), reason_id=outcome.decision.reason_id,
        reference=call.context.reference,
        help_link=outcome.decision.help_link, word=outcome.decision.ask.value,
    )  # fmt: skip


def _ask(call: Call, asking: Asking, outcome: Outcome) -> Response:
    """The next thing that is needed of this user."""
    if outcome.need is Need.SIGN_IN:
        return answers.refuse_anonymous(call.context, wishes=asking.asked.wishes)
    if outcome.need in {Need.GATE, Need.NEWER_PROOF, Need.STRONGER_PROOF}:
        return _lead_to_proof(call, asking, outcome)
    if outcome.need is Need.FACTOR:
        _remember(call, asking, outcome)
    return answers.page(
        _PAGES[outcome.need or Need.CONSENT], call.context, client=asking.client, scopes=asking.provider.wanted_scopes(
            asking.scopes
        ), action_url=own_url("mfa_gate_oidc.answer", request_id=asking.request_id),
        setup_url=answers.next_url(Ask.ENROLL), is_optional=outcome.is_optional,
        is_other=outcome.need is Need.OTHER_USER,
        elsewhere=sign_in_elsewhere(call, asking) if outcome.need is Need.NEWER_SIGN_IN else None,
    )  # fmt: skip


_PAGES = {
    Need.OTHER_USER: "oidc/sign_in_again.html", Need.NEWER_SIGN_IN: "oidc/sign_in_again.html",
    Need.FACTOR: "oidc/enroll.html", Need.ACCOUNT: "oidc/account.html", Need.CONSENT: "oidc/consent.html",
}  # fmt: skip


def _lead_to_proof(call: Call, asking: Asking, outcome: Outcome) -> Response:
    """To the challenge, or to the setup of a factor, and back again afterwards."""
    live, ask = call.context.session, outcome.decision.ask if outcome.decision is not None else Ask.CHALLENGE
    assert live is not None  # noqa: S101 - judged before
    if live.is_pending:
        call.state.sign_in.sessions.lead_to(live, _address(asking))
    else:
        _remember(call, asking, outcome)
    return answers.see_other(answers.next_url(ask))


def _remember(call: Call, asking: Asking, outcome: Outcome) -> None:
    """What the session has to prove, and the way back here."""
    live = call.context.session
    assert live is not None  # noqa: S101 - judged before
    until = outcome.decision.grace_ends_at if outcome.decision is not None else None
    step_up = StepUp(requirement_of(outcome), _RESUME, act_here(call.context), _address(asking), until)
    call.state.sign_in.sessions.ask(live, step_up)


def _give_code(call: Call, asking: Asking, outcome: Outcome) -> Response:
    provider, waiting = asking.provider, asking.waiting
    # SECURITY: a request is answered once, whatever is clicked twice.
    if waiting is not None and not call.oidc.requests.try_take(waiting):
        raise BadRequest(_OVER)
    assert outcome.authorization is not None  # noqa: S101 - the caller saw it
    provider.authorized = outcome.authorization
    try:
        response = provider.create_authorization_response(
            request=asking.grant.request, grant_user=outcome.authorization, grant=asking.grant
        )
    except ConsentWithdrawn:
        return _give_up(call, asking, Need.CONSENT.error)
    return lead_back(
        call, str(response.location), client_name=asking.client.client_name, began_with_form=waiting is not None
    )


def _give_up(call: Call, asking: Asking, error: str) -> Response:
    if asking.waiting is not None:
        call.oidc.requests.try_take(asking.waiting)
    return refuse(
        call, asking.refusal(error), client_name=asking.client.client_name,
        began_with_form=asking.waiting is not None,
    )  # fmt: skip


def _sign_in_again(call: Call, asking: Asking) -> Response:
    """Sign out here, so that the host's login asks for the password; the request waits meanwhile."""
    live = call.context.session
    if live is not None:
        call.state.sign_in.sessions.end(live, origin=origin_of(request))
    call.context.leave()
    call.state.host.identity.sign_out()
    return answers.see_other(_address(asking))


def _require_own_form(call: Call) -> None:
    """What is agreed to was chosen on a page of ours.

    :raises NotAllowed: for a form of another site's.
    :raises BadRequest: for one of another sign-in, or without the token.
    """
    # SECURITY: another site's page must not agree to anything in its visitor's name.
    if not is_own_origin(request, is_write=True) or is_foreign(request):
        raise NotAllowed("not-allowed", "This page only accepts requests from itself.")
    live = call.context.session
    if live is None or not has_csrf_token(request, call.state.keyring, live):
        raise BadRequest(_FORM_EXPIRED)


ROUTES = [
    OidcRoute(rule="/authorize", name="authorize", view=authorize, methods=("GET", "POST")),
    OidcRoute(rule="/authorize/<request_id>", name="resume", view=resume),
    OidcRoute(rule="/authorize/<request_id>", name="answer", view=answer, methods=("POST",)),
]
