"""What every page of the console does first: a role, a proved factor of one's own, fresh for actions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import Response, request

from ...domain.access import MFA_ADMIN
from ...domain.authorization.decision import Ask, AuthnRequirement, Decision
from ...domain.people.roles import Actor
from ...domain.redirects import safe_target
from ...domain.sign_in.assurance import Method
from ...domain.sign_in.session import IDLE_MARK_INTERVAL, StepUp
from ...domain.view_protection import ViewProtection
from ...errors import MFAGateError, NotAllowed
from ...services.people.actors import acting_user
from .. import csrf
from ..account.authenticated_request import AuthenticatedRequest, next_step
from ..acts import act_here
from ..client import SAFE_METHODS
from ..refusal_notes import note_refusal
from ..responses import answers
from ..responses.targets import asked_page, origin
from ..translation import error_text, gettext
from .console import Console, ConsoleRoute, console_url
from .representation import wants_document

FRESH_FOR_ACTIONS = timedelta(minutes=15)
BACK_FIELD = "back"
_NEVER_KEPT = frozenset({csrf.FIELD, "code", "password", "secret"})
_OPENING = ViewProtection(resources=(MFA_ADMIN,))
# SECURITY: who finds an admin's browser open may look, and change nothing without the factor.
_ACTING = ViewProtection(resources=(MFA_ADMIN,), demands=(AuthnRequirement(Method.of_factors, FRESH_FOR_ACTIONS),))
_IN = frozenset({Ask.PASS, Ask.PROMPT})


def console_page(route: ConsoleRoute) -> Callable[..., Any]:
    """The view of a route, for those who may have it; everybody else is answered here."""

    @wraps(route.view)
    def guarded(auth: AuthenticatedRequest, **arguments: Any) -> Any:
        if (stopped := _stopped(auth, route)) is not None:
            return stopped
        actor = _actor(auth)
        if actor.role is None:
            return _no_role(auth)
        return _served(Console(auth, actor, actor.role, auth.fields), route, arguments)

    return guarded


def _served(console: Console, route: ConsoleRoute, arguments: dict[str, Any]) -> Any:
    try:
        _require_role(console, route)
        _mark_seen(console.auth)
        return route.view(console, **arguments)
    except MFAGateError as error:
        if wants_document(console):
            facts = {"reason": error.reason} if isinstance(error, NotAllowed) else {}
            problem = answers.problem_document(error.status, error.code, error_text(error), facts)
            return answers.with_retry(problem, error)
        return console.page("problem.html", error.status, title=_title(error.status), detail=error_text(error))


def _title(status: int) -> str:
    titles = {404: gettext("Not found"), 403: gettext("Not allowed"), 409: gettext("That can't be done right now")}
    return titles.get(status, gettext("That didn't work"))


def _stopped(auth: AuthenticatedRequest, route: ConsoleRoute) -> Response | None:
    """The answer to somebody who is not in, has no role, or has something to prove first."""
    if auth.session.is_pending or not auth.is_active:
        return next_step(auth)
    _learn_role(auth)
    # SECURITY: a user without a role enters nowhere, and is not asked to verify for it either.
    if _actor(auth).role is None:
        return _no_role(auth)
    decision = auth.authorizer.here(_ACTING if _is_action(auth, route) else _OPENING)
    return None if decision.ask in _IN else _stop(auth, decision)


def _actor(auth: AuthenticatedRequest) -> Actor:
    return acting_user(auth.state.host.directory, auth.session.user_key)


def _no_role(auth: AuthenticatedRequest) -> Response:
    return answers.problem(auth.context, 403, "access_denied", gettext("You don't have access to this console."))


def _is_action(auth: AuthenticatedRequest, route: ConsoleRoute) -> bool:
    return request.method not in SAFE_METHODS and route.acts(auth)


def _learn_role(auth: AuthenticatedRequest) -> None:
    """Where nothing but the user object tells of roles, what the gate knows is as old as the sign-in."""
    # SECURITY: a role that the host took away ends with the next request.
    if auth.user is not None and not auth.state.host.directory.lists_users:
        auth.state.people.users.note_role(auth.state.host.reader.read(auth.user, auth.session.user_key))


def _stop(auth: AuthenticatedRequest, decision: Decision) -> Response:
    context, state = auth.context, auth.state
    if decision.ask in {Ask.DENY, Ask.LOCKED}:
        note_refusal(context, auth.session.user_key, decision)
    elif request.method != "HEAD":
        live = context.session or auth.session
        act = act_here(context)
        step_up = StepUp(decision.requirement, request.endpoint or "", act, _way_back(auth), decision.grace_ends_at)
        state.sign_in.sessions.ask(live, step_up)
    return answers.stop(context, decision, context.client, kept=_kept(auth))


def _kept(auth: AuthenticatedRequest) -> answers.KeptForm | None:
    """What was typed, for the same form once more. What a program sent, it has itself."""
    if request.method in SAFE_METHODS or request.is_json:
        return None
    # SECURITY: a code or password that was typed into a form is never written into a page, nor is a token sent back.
    sent = [(name, value) for name, value in request.form.items(multi=True) if name not in _NEVER_KEPT]
    return answers.KeptForm(asked_page(), tuple(sent))


def _way_back(auth: AuthenticatedRequest) -> str:
    """The page asked for, or that of the form, which says where it is: these pages send no ``Referer``."""
    if request.method in SAFE_METHODS:
        return asked_page()
    sent = auth.fields.get(BACK_FIELD)
    return safe_target(sent if isinstance(sent, str) else None, origin=origin()) or console_url("dashboard")


def _require_role(console: Console, route: ConsoleRoute) -> None:
    """:raises NotAllowed: for a role that does not reach as far as this page, or this method."""
    least = route.least if request.method in SAFE_METHODS else route.least_to_write
    # SECURITY: beside what the service says of each user, so that a role never depends on a button that is not there.
    if not console.may(least):
        raise NotAllowed("not-allowed", gettext("Your role doesn't allow this."))


def _mark_seen(auth: AuthenticatedRequest) -> None:
    """Work in the console is work: the session does not fall idle by it."""
    live, now = auth.context.session, auth.state.clock()
    if live is not None and not live.is_superseded and now - live.seen_at >= IDLE_MARK_INTERVAL:
        auth.state.sign_in.sessions.touch(live)
