"""A sign-in by another provider, and a stronger proof from there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any

from flask import Response, request
from werkzeug.exceptions import HTTPException, NotFound

from ...domain.oidc.upstream_claims import by_our_clock
from ...domain.redirects import safe_target
from ...domain.sign_in.upstream import FederatedSignIn
from ...errors import BadRequest, MFAGateError, NotAllowed, SignInOver
from ...sentences import Sentence
from ...services.people.user_objects import key_of
from ..endpoints import SIGN_IN
from ..flood import require_no_excess
from ..oidc.elsewhere import asked_ahead
from ..request_context import RequestContext, current_context
from ..responses import answers
from ..responses.host_names import own_url, without_place
from ..responses.targets import home, origin
from ..sessions.federated import federated_sign_in
from ..state import GateState
from ..translation import marked
from ..view_marks.marks import mark_exempt
from .step_up import StepUpRequest, begin_step_up, finish_step_up, raise_actor

if TYPE_CHECKING:
    from ...oidc.client.client import Answer, UpstreamClient

log = logging.getLogger("flask_mfa_gate")
_UNKNOWN = marked("There is no sign-in provider with this name.")
_UNAVAILABLE = "Signing in this way is unavailable right now. Try again in a moment."


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """One request that leads to a provider, or comes from there."""

    context: RequestContext
    client: UpstreamClient = field(repr=False)

    @property
    def state(self) -> GateState:
        """The app's gate."""
        return self.context.state


def _upstream_view(view: Callable[[UpstreamCall], Response]) -> Callable[..., Response]:
    @wraps(view)
    def guarded(**arguments: Any) -> Response:
        context = current_context()
        assert context is not None  # noqa: S101 - the first hook made it
        try:
            # SECURITY: each of these requests may cause one to the provider, which can take a while.
            require_no_excess(context.state)
            return view(_call(context, without_place(arguments)["name"]))
        except HTTPException as error:
            # Also what the app's upstream_user says to people whom it doesn't let in.
            return answers.http_problem(context, error)
        except MFAGateError as error:
            return answers.failure(context, error, again=_start_over(context, arguments))
        except Exception:
            # SECURITY: whatever goes wrong, nobody is signed in, and nobody is told why.
            log.exception("the way to or from a provider failed")
            return answers.failure(context, MFAGateError(_UNAVAILABLE))

    return mark_exempt(guarded)


def _start_over(context: RequestContext, arguments: Mapping[str, Any]) -> str | None:
    """The way to the provider once more, for a visitor whom nobody has signed in."""
    if context.session is not None:
        return None
    return own_url(f"{SIGN_IN}.start", name=without_place(arguments)["name"])


def _call(context: RequestContext, name: str) -> UpstreamCall:
    client = context.state.upstreams.find(name) if context.state.upstreams is not None else None
    if client is None:
        raise NotFound(_UNKNOWN)
    return UpstreamCall(context, client)


@_upstream_view
def start(call: UpstreamCall) -> Response:
    """Send the browser to the provider, to sign in or for a stronger proof."""
    from ...oidc.client.client import AuthnDemand  # noqa: PLC0415 - Authlib is slow to load

    if "step_up" in request.args:
        asked = begin_step_up(call.context, call.client.provider)
        demand = AuthnDemand(call.client.provider.acr_values, asked.max_age)
        return answers.see_other(call.client.begin(demand, next=asked.target, step_up=asked.kept))
    # SECURITY: an attacker who named another place here would have users sent there from a page that they trust.
    target = safe_target(request.args.get("next"), origin=origin()) or home()
    ahead = asked_ahead(call.state, target)
    max_age = timedelta(0) if ahead.wants_new_proof else _age_of(call, ahead.max_age)
    demand = AuthnDemand(_strength_before(call), max_age)
    return answers.see_other(call.client.begin(demand, next=target, is_new=not max_age))


def _strength_before(call: UpstreamCall) -> tuple[str, ...]:
    """What the provider calls a stronger proof, where this session has one of it, which a new sign-in would lose."""
    live, provider = call.context.session, call.client.provider
    said = live.assurance.upstream if live is not None else None
    is_strong = said is not None and said.issuer == provider.issuer and said.is_multi_factor
    return provider.acr_values if is_strong and call.state.rules.trust.believes(said) else ()


def _age_of(call: UpstreamCall, wanted: int | None) -> timedelta:
    """Asked for so that the provider tells when its user authenticated; as long as any proof may count, at most."""
    longest = call.client.provider.max_age or call.state.settings.session_max_age
    return longest if wanted is None else min(timedelta(seconds=wanted), longest)


@_upstream_view
def callback(call: UpstreamCall) -> Response:
    """Sign in whom the provider vouches for."""
    answer = call.client.finish(_sent())
    user = _user_of(call, answer.claims)
    noted = federated_sign_in(call.state, user, answer.claims)
    asked = StepUpRequest.read(answer.kept.get("step_up"))
    if asked is not None:
        noted = finish_step_up(call.context, call.client.provider, asked, noted, answer)
        if call.context.impersonation is not None:
            raise_actor(call.context, user, noted)
            return answers.see_other(answer.kept["next"])
    elif answer.kept.get("is_new") and answer.is_new(now=call.state.clock()):
        noted = _as_new(call, noted, began_at=answer.began_at)
    return _sign_in(call, user, noted, answer)


def _as_new(call: UpstreamCall, noted: FederatedSignIn, *, began_at: datetime) -> FederatedSignIn:
    """As what an app ahead asked for, if the provider did what it was asked to."""
    live = call.context.session
    known = live.assurance.upstream if live is not None and live.user_key == noted.user_key else None
    return replace(noted, upstream=by_our_clock(noted.upstream, began_at=began_at, known=known))


def _sent() -> Mapping[str, str]:
    """What came along, each parameter once."""
    # SECURITY: of two that say different things, each side could go by another one (RFC 6749 section 3.1).
    if len(request.args) != sum(1 for _ in request.args.items(multi=True)):
        raise BadRequest("A parameter was sent more than once.")
    return request.args.to_dict()


def _user_of(call: UpstreamCall, claims: Mapping[str, Any]) -> Any:
    """The host finds or makes its user. It is told of the configured issuer and the subject, which never change."""
    find_user = call.state.host.traits.upstream_user
    user = find_user(call.client.provider.issuer, claims["sub"], claims) if find_user is not None else None
    if user is None:
        sentence = Sentence("Your account at %(name)s has no access to this app.", name=call.client.provider.label)
        raise NotAllowed("not-allowed", sentence)
    return user


def _sign_in(call: UpstreamCall, user: Any, noted: FederatedSignIn, answer: Answer) -> Response:
    call.context.federated = noted
    try:
        _let_in(call, user, noted)
    except Exception:
        # SECURITY: the app's own receivers may fail when its session already names the user.
        call.state.host.identity.hide()
        raise
    return answers.see_other(answer.kept["next"])


def _let_in(call: UpstreamCall, user: Any, noted: FederatedSignIn) -> None:
    if not call.state.host.identity.sign_in(user):
        raise NotAllowed("not-allowed", "This account is disabled. Contact your administrator.")
    if key_of(user, call.state.host.user_key) != noted.user_key:
        raise SignInOver("Sign in again.")
