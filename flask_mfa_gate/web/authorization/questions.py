"""What the host's own code and templates ask the gate about the current request."""

from __future__ import annotations

from markupsafe import Markup

from ...domain.access import APP
from ...domain.authorization.decision import Ask, Decision, Reason
from ...domain.sign_in.assurance import Assurance, FactorKind
from ...services.oidc.access_tokens import AccessToken
from ..delegation.impersonation import ActingAs, acting_as
from ..endpoints import setup_endpoint
from ..request_context import RequestContext, current_context
from ..responses.pages import draw
from .authorizer import RequestAuthorizer
from .both import of_both


def current_assurance() -> Assurance | None:
    """What the current session has proved."""
    context = current_context()
    if (token := current_access_token()) is not None:
        return token.grant.assurance
    if context is None or context.session is None or context.session.is_pending:
        return None
    session, state = context.session, context.state
    return state.rules.counted(session.assurance, session.user_key, now=state.clock())


def current_access_token() -> AccessToken | None:
    """The provider's access token that opened this request."""
    context = current_context()
    return context.access if context is not None and context.user_key is not None else None


def current_decision(resource: str) -> Decision:
    """The decision about a resource, for the session of this request."""
    context = current_context()
    if context is None or context.enrollment is None:
        return Decision(Ask.DENY, Reason.STRANGER)
    if context.user_key is not None:
        user = context.state.host.identity.load()
        # SECURITY: of two users the stricter decision holds here too.
        if context.impersonation is not None:
            return of_both(context, user, resource)
        return RequestAuthorizer(context, user).of(resource)
    # A pending sign-in has its next step; somebody who isn't signed in has nothing to show.
    is_pending = context.session is not None and context.session.is_pending
    return RequestAuthorizer(context).now() if is_pending else Decision(Ask.DENY, Reason.STRANGER)


class TemplateHelper:
    """``{{ mfa_gate }}`` in the host's templates."""

    def impersonation(self) -> ActingAs | None:
        """Who acts as whom: ``actor_name``, ``subject_name``, ``leave_url``, ``csrf_token``; None where nobody does."""
        return acting_as(current_context())

    def impersonation_banner(self) -> Markup:
        """The same as a banner with the way back; nothing where nobody does."""
        acting = self.impersonation()
        return Markup("") if acting is None else Markup(draw("impersonation_banner.html", acting=acting))  # noqa: S704

    def banner(self) -> Markup:
        """Days left of the user's enrollment period, or that it has ended; nothing for everybody else."""
        context = current_context()
        period = context.enrollment.period if _is_in(context) and context and context.enrollment else None
        if context is None or period is None:
            return Markup("")
        days_left = period.days_left(context.state.clock())
        page = setup_endpoint(next(iter(FactorKind.of_status)))
        return Markup(draw("banner.html", days_left=days_left, ends_at=period.ends_at, setup_endpoint=page))  # noqa: S704

    def verdict(self, resource: str = APP) -> str:
        """The decision's word about a resource."""
        return current_decision(resource).ask.value


def _is_in(context: RequestContext | None) -> bool:
    return context is not None and context.user_key is not None and context.decision.ask is Ask.PASS
