"""What every page of the gate does first: know the session, check the token, turn errors into answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from flask import Response, request
from werkzeug.exceptions import HTTPException

from ...domain.authorization.decision import Ask, Decision
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.people.person import Origin
from ...domain.sign_in.session import GateSession
from ...errors import MFAGateError
from ...services.sign_in.entries import Entry
from ..acts import act_at
from ..authorization.authorizer import RequestAuthorizer
from ..client import SAFE_METHODS, Client, is_foreign, is_of_htmx, is_own_origin, origin_of
from ..csrf import has_csrf_token
from ..endpoints import is_console
from ..fail_closed import UNAVAILABLE
from ..fields import LARGEST_BODY, read_fields
from ..flood import require_no_excess
from ..middleware.pending_sign_in import restore
from ..refusal_notes import reference_here
from ..request_context import RequestContext, current_context
from ..responses import answers
from ..responses.host_names import own_url
from ..responses.targets import asked_page, home
from ..sessions.revoked import turn_away
from ..state import GateState
from ..translation import gettext, marked
from .accounts import Account, account_of

log = logging.getLogger("flask_mfa_gate")
Route = tuple[str, str, list[str], Callable[..., Any]]
_FOREIGN = marked("This page only accepts requests from itself.")
_FORM_EXPIRED = marked("This form has expired. Open the page again and resubmit it.")
_WAYS_OUT = frozenset({"mfa_gate.cancel", "mfa_gate.sign_out", "mfa_gate.leave_impersonation"})
_OPEN_WHILE_ACTING = _WAYS_OUT | {"mfa_gate.challenge", "mfa_gate.status", "mfa_gate.blocked"}
_OVER = marked("The page was open too long, or you were signed out. Your form was not submitted.")


@dataclass(frozen=True, slots=True)
class AuthenticatedRequest:
    """One request to one of the gate's pages, by somebody who is at least pending.

    :param is_active: whether the account is active.
    :param user: the host's user object; None where nothing could be asked for it.
    """

    context: RequestContext
    session: GateSession
    enrollment: EnrollmentState
    fields: Mapping[str, Any] = field(repr=False)
    is_active: bool = True
    user: Any = field(default=None, repr=False)

    @property
    def state(self) -> GateState:
        """The app's gate."""
        return self.context.state

    @property
    def origin(self) -> Origin:
        """From where the request came."""
        return origin_of(request)

    @property
    def authorizer(self) -> RequestAuthorizer:
        """What decides about this user here; a switched-off account changes nothing, whatever its session proved."""
        return RequestAuthorizer(self.context, is_on=self.is_active)

    @property
    def decision(self) -> Decision:
        """What the app still asks."""
        return self._decide()

    @property
    def setup_decision(self) -> Decision:
        """The same for setting up a factor."""
        return self._decide(sets_up_factor=True)

    def _decide(self, *, sets_up_factor: bool = False) -> Decision:
        return self._after(self.session, self.enrollment, sets_up_factor=sets_up_factor)

    def _after(self, session: GateSession, enrollment: EnrollmentState, *, sets_up_factor: bool = False) -> Decision:
        return self.authorizer.after(
            session.assurance, enrollment, deferred=session.deferred_at is not None, sets_up_factor=sets_up_factor
        )

    @property
    def act(self) -> str | None:
        """What a proof leaves a grant for: what was asked last, or at a sign-in the page first asked for."""
        step_up = self.session.step_up
        if self.session.is_pending:
            return act_at(self.session.target)
        return step_up.act if step_up is not None else None

    @property
    def wants_json(self) -> bool:
        """Whether a program asks."""
        return self.context.client is Client.API

    def resume_sign_in(self, entry: Entry, *, otherwise: str | None = None) -> str:
        """Take up the risen session, put the identity back when the app is satisfied; where to go next.

        :param otherwise: the page to go to where nothing waits for this proof; None is the app's first.
        """
        before = self.session
        self.context.enter(entry)
        if entry.session.is_pending:
            with self.state.store.database.read() as tx:
                enrollment = self.state.store.enrollments.state(tx, before.user_key, now=self.state.clock())
            return answers.next_url(self._after(entry.session, enrollment).ask)
        if before.is_pending:
            return restore(self.context, before)
        return before.step_up.target if before.step_up else otherwise or home()

    def next_word(self) -> Ask:
        """What the session as it now is still needs."""
        session = self.context.session
        assert session is not None  # noqa: S101 - nobody left
        return self._after(session, self.enrollment).ask if session.is_pending else Ask.PASS

    def keep_remembered(self) -> None:
        """Others were revoked from here: what the host remembers of this browser stays good."""
        live = self.context.session or self.session
        self.context.enrollment = self.state.sign_in.revocations.standing_beside(live) or self.context.enrollment

    def redirect_to(self, url: str) -> Response:
        """Done: 303 for a browser, 200 with the way on for a program."""
        if self.wants_json:
            return answers.json_answer({"next": self.next_word().value, "continue_url": url})
        return answers.see_other(url)


def own_page(view: Callable[..., Any], *, largest_body: int = LARGEST_BODY) -> Callable[..., Any]:
    """A view that gets an :class:`AuthenticatedRequest`; anonymous users and foreign pages are answered here.

    :param largest_body: bytes that the page takes.
    """

    @wraps(view)
    def guarded(**kwargs: Any) -> Any:
        context = current_context()
        assert context is not None  # noqa: S101 - the first hook made it
        try:
            return _serve(context, view, kwargs, largest_body)
        except MFAGateError as error:
            return answers.failure(context, error)
        except HTTPException:
            raise
        except Exception:
            log.exception("a page of the gate failed")
            return answers.problem(context, 503, "mfa_unavailable", gettext("This page is unavailable right now."))

    return guarded


def _serve(context: RequestContext, view: Callable[..., Any], kwargs: Mapping[str, Any], largest_body: int) -> Any:
    is_write = request.method not in SAFE_METHODS
    # SECURITY: a page of another origin reads nothing here, whatever CORS headers the host puts on every answer.
    if not is_own_origin(request, is_write=is_write) or (is_write and is_foreign(request)):
        return answers.problem_document(403, "access_denied", gettext(_FOREIGN), {})
    is_status = request.endpoint == "mfa_gate.status"
    if is_of_htmx(request) and not (is_write or is_status):
        # A link that htmx follows would put the page into a part of the host's.
        return answers.json_answer({"continue_url": asked_page()})
    if is_write and _is_counted(context):
        require_no_excess(context.state)
    fields = read_fields(request, largest=largest_body) if is_write else {}
    if context.session is None or context.enrollment is None:
        if context.has_dead_id and is_write and context.client is not Client.API:
            return _tell_that_it_is_over(context)
        return answers.refuse_anonymous(context, as_json=is_status)
    if is_write and not has_csrf_token(request, context.state.keyring, context.session):
        return answers.problem(
            context, 400, "csrf_failed", gettext(_FORM_EXPIRED), {"token_url": own_url("mfa_gate.status")}
        )
    # SECURITY: an account is looked after by its own user, and never while somebody acts as another.
    if context.impersonation is not None and request.endpoint not in _OPEN_WHILE_ACTING:
        return _closed(context)
    account, user = account_of(context.state, context.session, shown=context.shown)
    context.account = user
    # SECURITY: a password that was changed ends what rests on the old one here as well, where no user is loaded.
    if account is Account.CHANGED:
        stamps = context.state.host.stamper.stamps(user, context.session.user_key)
        context.state.sign_in.revocations.note_changed_password(
            context.session.user_key, stamps, origin=origin_of(request)
        )  # fmt: skip
        turn_away(context, context.session.user_key)
        return answers.refuse_anonymous(context, as_json=is_status)
    if request.endpoint not in _WAYS_OUT and (refusal := _without_user(context, account, is_write=is_write)):
        return refusal
    RequestAuthorizer(context).refresh_risk()
    return view(
        AuthenticatedRequest(context, context.session, context.enrollment, fields, account is not Account.OFF, user),
        **kwargs,
    )


def _closed(context: RequestContext) -> Response:
    detail = gettext(
        "This page isn't available while you act as another user. Stop acting to open it for your own account."
    )
    if context.client is Client.API:
        return answers.problem_document(403, "access_denied", detail, {})
    return answers.page(
        "problem.html", context, 403, title=gettext("You're acting as another user"), detail=detail, continue_url=None
    )


def _without_user(context: RequestContext, account: Account, *, is_write: bool) -> Response | None:
    """The answer to somebody whom the host shows no more, or can't show; None for everybody else."""
    if account is Account.GONE:
        return answers.refuse_anonymous(context, as_json=request.endpoint == "mfa_gate.status")
    # SECURITY: whether they are still who they were can't be told, so nothing changes, and the console stays shut.
    if account is Account.UNKNOWN and (is_write or is_console(request.endpoint)):
        return answers.problem(context, 503, "mfa_unavailable", gettext(UNAVAILABLE))
    return None


def _is_counted(context: RequestContext) -> bool:
    """Whether this form may be one of a flood. Leaving is always possible, and users who passed a factor are let be."""
    live = context.session
    is_proved = live is not None and not live.is_pending and bool(live.assurance.proofs)
    return not is_proved and request.endpoint not in _WAYS_OUT


def _tell_that_it_is_over(context: RequestContext) -> Response:
    """To somebody who waited too long over a form, whom the host may know or not: the way on finds that out."""
    return answers.page(
        "problem.html", context, 401, title=gettext("This page has expired"), detail=gettext(_OVER),
        continue_url=own_url("mfa_gate.security"),
    )  # fmt: skip


def require_proved(auth: AuthenticatedRequest) -> Response | None:
    """Self-service is for those who are in: others are shown their next step."""
    if not auth.session.is_pending and auth.decision.ask in {Ask.PASS, Ask.PROMPT}:
        return None
    return next_step(auth)


def next_step(auth: AuthenticatedRequest, decision: Decision | None = None) -> Response:
    """The way to what the app still asks, or to what ``decision`` says of this page."""
    decision = decision or auth.decision
    if decision.ask is Ask.PASS and not auth.session.is_pending:
        return auth.redirect_to(home())
    if auth.wants_json:
        return answers.demand_problem(decision, reference=reference_here(auth.context, decision))
    if decision.ask in {Ask.LOCKED, Ask.DENY}:
        return answers.blocked_page(auth.context, decision)
    return answers.see_other(answers.next_url(decision.ask))
