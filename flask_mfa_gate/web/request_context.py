"""One request on its way through the gate: how far it is, what was found out, what its answer has to carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, auto
from typing import Any

from flask import Flask, Request, Response, request, request_tearing_down
from flask.ctx import RequestContext as FlaskContext

from ..domain.address import counted_place
from ..domain.authorization.decision import PASSED, Decision
from ..domain.enrollment.enrollment import EnrollmentState
from ..domain.sign_in.assurance import Assurance, SignIn
from ..domain.sign_in.impersonation import DeclaredImpersonation, Impersonation
from ..domain.sign_in.session import GateSession
from ..domain.sign_in.upstream import FederatedSignIn, Upstream
from ..domain.view_protection import ViewProtection
from ..services.observations import Observation
from ..services.oidc.access_tokens import AccessToken
from ..services.people.user_objects import key_of
from ..services.sign_in.entries import Entry
from ..store.oidc.grants import GrantState
from ..store.sign_in.holdings import Held
from .authorization.facts import RequestFacts
from .client import Client, client_of, origin_of, wants_page
from .request_notes import Left, expect_hooks, flask_context, outer_user, this_request
from .sessions.cookies import drop_token, forget_cookies, lacks_tls, read_token, set_token
from .state import EXTENSION, GateState

_NAME = "mfa_gate.context"
_CHALLENGE_PAGE = ("mfa_gate.challenge", "GET")
IMPERSONATION = "_mfa_gate_impersonation"  # in the host's session, the id of what it was lent for


class Stage(IntEnum):
    """How far a request is. It only advances; one that is answered before the host's hooks reaches no view."""

    ARRIVED = auto()
    OPEN = auto()
    """The first hook has looked at it."""
    ANSWERED = auto()
    """The gate answered before any hook of the host."""
    IN_VIEW = auto()
    """The second hook has let it through to a view."""
    AFTER_VIEW = auto()
    """That view is over."""


@dataclass(slots=True, repr=False)
class RequestContext:
    """What is known of one request. Error trackers show the environment that it is kept in, so it represents nothing.

    :param here: Flask's own context of it, which has its app and its session.
    :param request: the request itself, without its proxy.
    :param before: the host's session as it came in; empty once all of it was taken out.
    :param opened: endpoint and method of the request as it came in.
    :param arguments: those in its path.
    :param blueprints: those of its endpoint then, whose hooks run whatever a hook makes of the request.
    :param held: what the user holds, as it was read with the session for the page that asks for a proof.
    :param dead: the session that the cookie names, where it is over and still known.
    :param has_dead_id: the cookie names a session that is gone.
    :param user_key: whom the host's hooks and view may see; None for nobody.
    :param judged: the user object that was let in.
    :param lent: the same, while the host's hooks load one by themselves.
    :param surroundings: what a loader of the host's may go by, as it was before the hooks.
    :param ensured_key: whom a decorator of the host showed after the hooks, and the gate let through then.
    :param found_nobody: whether the host was asked who this is, and named nobody.
    :param settled: marks that the decision has covered.
    :param token_assurance: what a token proves that a session of its user registered; None without such a token.
    :param may_be_token: also where it can't be told whether a token alone says who this is.
    :param may_go_on: whether nothing is asked any more of the parked session of this request.
    :param is_nobodys: whether the request came with nothing that could name anybody.
    :param is_decided: whether the identity of the request was looked at before the view.
    :param is_early: whether it was looked at before the host's ``url_value_preprocessors``.
    :param is_to_close: whether the third step is still to come.
    :param has_run_hooks: whether the host's hooks were run beside an answer of the gate, with nobody in sight.
    :param federated: what another provider said of a user, for a sign-in of that user in this request.
    :param signs_in: whether the host signed somebody in while its view ran.
    :param cookies: what the view that signed in wanted its browser to keep, as it is sent.
    :param left: what the third step found when it was over; None before that, and at pages of the gate.
    :param looks: how often the second hook was called; it acts at the last call.
    :param spent: names of the host's cookies that its browser is told to forget when the sign-in ends.
    :param is_over: whether the sign-in ended in this request.
    :param withheld: what the session held, when nobody may see it and nothing may be changed.
    :param known: what policies may look at, collected when one does.
    :param account: the host's user object of the session, where a page of the gate has asked for it.
    :param shown: the user of the session as the host shows them, at pages of the gate and while acting as another.
    :param granted: act and method that a grant was found for.
    :param reference: under which it is on record that this request was refused.
    :param token_grant: the access token of the OpenID provider that it came with, to a view that takes them.
    :param access: what that token opens.
    :param takes_tokens: whether that view does, so that a client that asks for no page there is a program.
    :param has_sent_bearer: whether it came to such a view with any bearer token.
    :param impersonation: by which the user of this request is not that of the session.
    :param declared: whom the view has just signed its user in as.
    :param outer: the record that its environment came with, of the request within which the host makes this one.
    """

    state: GateState = field(repr=False)
    here: FlaskContext = field(repr=False)
    request: Request = field(repr=False)
    before: Mapping[str, Any] = field(repr=False)
    opened: tuple[str | None, str]
    arguments: Mapping[str, Any] = field(repr=False)
    blueprints: tuple[str, ...]
    stage: Stage = Stage.ARRIVED
    session: GateSession | None = None
    enrollment: EnrollmentState | None = None
    held: Held | None = None
    dead: GateSession | None = None
    has_dead_id: bool = False
    user_key: str | None = None
    judged: Any = field(default=None, repr=False)
    lent: Any = field(default=None, repr=False)
    surroundings: object = field(default=None, repr=False)
    ensured_key: str | None = None
    found_nobody: bool = False
    decision: Decision = PASSED
    settled: ViewProtection | None = None
    is_token: bool = False
    token_assurance: Assurance | None = None
    may_be_token: bool = False
    shown: Any = field(default=None, repr=False)
    granted: tuple[str, str] | None = None
    reference: str | None = None
    may_go_on: bool = False
    is_nobodys: bool = False
    is_decided: bool = False
    is_early: bool = False
    is_to_close: bool = False
    has_run_hooks: bool = False
    federated: FederatedSignIn | None = None
    signs_in: bool = False
    token: str | None = field(default=None, repr=False)
    drops_cookie: bool = False
    spent: Sequence[str] = ()
    is_over: bool = False
    withheld: Mapping[str, Any] | None = field(default=None, repr=False)
    cookies: Sequence[str] = field(default=(), repr=False)
    left: Left | None = None
    looks: int = 0
    known: RequestFacts | None = field(default=None, repr=False)
    account: Any = field(default=None, repr=False)
    token_grant: GrantState | None = field(default=None, repr=False)
    access: AccessToken | None = field(default=None, repr=False)
    takes_tokens: bool = False
    has_sent_bearer: bool = False
    impersonation: Impersonation | None = None
    declared: DeclaredImpersonation | None = None
    outer: RequestContext | None = None

    def upstream_of(self, key: str) -> Upstream | None:
        """What another provider said in this request of the user who signs in."""
        # SECURITY: what was said of one user never counts for another.
        return self.federated.upstream if self.federated is not None and self.federated.user_key == key else None

    @property
    def has_reached_view(self) -> bool:
        """Whether a view of the host ran, or is running."""
        return self.stage >= Stage.IN_VIEW

    def identify(self) -> tuple[Any, str | None]:
        """Whom the host names now, and their key; None for nobody.

        :raises HostCallbackFailed: where the host's loader or ``user_key`` fails: nobody is let in because of it.
        """
        user = self.state.host.identity.load()
        return user, None if user is None else key_of(user, self.state.host.user_key)

    def look_up(self) -> None:
        """Find the session that the gate's cookie names: the one SELECT of a request with a cookie."""
        token = read_token(self.request, self.state.settings)
        if token is not None:
            place = counted_place(origin_of(self.request).address) if self.opened == _CHALLENGE_PAGE else None
            found = self.state.sign_in.sessions.look_up(token, place=place)
            self.session, self.enrollment, self.dead, self.held = found
            self.has_dead_id = self.session is None
            if self.session is not None and IMPERSONATION in self.before:
                impersonations, lent_for = self.state.delegation.impersonations, self.before[IMPERSONATION]
                self.impersonation = impersonations.find(self.session, lent_for)

    def enter(self, entry: Entry) -> None:
        """Go on with this session; the answer carries its id."""
        self.session, self.token, self.drops_cookie = entry.session, entry.token, False
        self.is_over = False

    def leave(self) -> None:
        """The session is over; the answer drops the cookie."""
        self.session, self.token, self.drops_cookie, self.is_over = None, None, True, True

    @property
    def carries_token(self) -> bool:
        """Whether a token came along. That alone proves nothing: a browser may send the header beside its session."""
        headers, names = self.request.headers, self.state.settings.token_headers
        return "Authorization" in headers or (bool(names) and any(name in headers for name in names))

    @property
    def client(self) -> Client:
        """How an answer to this request has to look."""
        # A proxy in front may add a header to whatever a browser sends; a browser says that it wants a page.
        is_program = (self.carries_token or self.takes_tokens) and not wants_page(request)
        return client_of(request, by_token=self.may_be_token or is_program)

    @property
    def assurance(self) -> Assurance:
        """What was proved by the session of this request, or by that which granted or registered its token."""
        if self.access is not None:
            return self.access.grant.assurance
        if self.session is not None:
            return self.session.assurance
        return self.token_assurance or Assurance(SignIn.SESSION, self.state.clock())

    @property
    def facts(self) -> RequestFacts:
        """What policies may look at."""
        if self.known is None:
            self.known = RequestFacts(self.state)
        return self.known

    @property
    def carried(self) -> tuple[str | None, bool]:
        """What the answer does with the gate's cookie."""
        return self.token, self.drops_cookie

    def sign(self, response: Response) -> Response:
        """Put the cookie into the answer, or take it away; with a sign-in that is in come the cookies of its view."""
        if self.cookies and self.session is not None and not self.session.is_pending:
            response.headers.extend(("Set-Cookie", cookie) for cookie in self.cookies)
        if self.token is not None:
            set_token(response, request, self.state.settings, self.token)
            if lacks_tls(request, self.state.settings):
                self.state.operations.observations.note(Observation.PLAIN_COOKIE, request.host)
        elif self.drops_cookie:
            drop_token(response, request, self.state.settings)
        if self.is_over:
            forget_cookies(response, self.spent)
        return response


def begin_context(here: FlaskContext, *, before: Mapping[str, Any]) -> RequestContext:
    """The record of a request that just arrived.

    :param before: what its session holds, where anybody looks.
    """
    this, state, rule = here.request, here.app.extensions[EXTENSION], here.request.url_rule
    endpoint = None if rule is None else rule.endpoint
    blueprints = this.blueprints if endpoint is not None and "." in endpoint else ()
    arguments = dict(this.view_args or {})
    context = RequestContext(state, here, this, before, (endpoint, this.method), arguments, tuple(blueprints))
    context.outer = this.environ.get(_NAME)
    this.environ[_NAME] = context
    if is_within_another(here):
        forget_outer(here)
    return context


def is_within_another(here: FlaskContext) -> bool:
    """Whether ``g`` is also that of what this request was begun in; where Flask does not tell, it may be."""
    try:
        return here._cv_tokens[-1][1] is None
    except (AttributeError, LookupError, TypeError):
        return True


def forget_outer(here: FlaskContext) -> None:
    """Know nobody because somebody is in the request within which the host makes this one."""
    if outer_user(here.request) is None:
        expect_hooks(here.request, here.app.extensions[EXTENSION].host.identity.set_aside())
        request_tearing_down.connect(_remember_outer, here.app)


def _remember_outer(app: Flask, **_: Any) -> None:
    """The request is over: the identity known before it began is known again."""
    if (outer := outer_user(this_request())) is not None:
        app.extensions[EXTENSION].host.identity.put_back(outer)


def context_of(this: Request) -> RequestContext | None:
    """The record of this request."""
    if _NAME not in this.environ:
        return None
    # SECURITY: found by the request itself, so that nothing said of one counts for another made within it.
    found: RequestContext | None = this.environ[_NAME]
    while found is not None and found.request is not this:
        found = found.outer
    return found


def current_context() -> RequestContext | None:
    """The record of this request; None where the gate's hook did not run, as with websockets."""
    here = flask_context.get(None)
    return None if here is None else context_of(here.request)
