"""What is revoked stays revoked, whichever cookies of it come back."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, current_app, request

from ..client import Client, is_visit, origin_of
from ..host import remember
from ..host.cookies_apart import rests_on_cookies, take_away
from ..host.session_snapshot import is_shared
from ..request_context import RequestContext
from .companion import has_companion
from .withholding import refuse_untouched, touch_nothing


def is_revoked(context: RequestContext, key: str, stamps: Sequence[str]) -> bool:
    """Whether the cookies that name this user are those of an ended session, where no living row stands behind them.

    :param stamps: what stands for the user's password now.
    """
    state, enrollment, dead = context.state, context.enrollment, context.dead
    assert enrollment is not None  # noqa: S101 - read before
    if enrollment.stamp is not None and enrollment.stamp not in stamps:
        # SECURITY: the password may have been changed while no browser of the user came by.
        state.sign_in.revocations.note_changed_password(key, stamps, origin=origin_of(request))
        context.enrollment = enrollment = state.sign_in.revocations.state(key)
    is_known = dead is not None and dead.user_key == key and dead.is_revoked
    # SECURITY: most cookies of a host can't be told apart; after a revocation only what is known to be younger counts.
    is_out = is_known or (enrollment.revocations > 0 and not has_companion(context, key))
    return is_out and rests_on_cookies(state, key)


def turn_away(context: RequestContext, key: str) -> Response | None:
    """A visit signs out of the host too, and continues as nobody's; anything else is refused and touches nothing."""
    # SECURITY: a view that reads such a cookie by itself would know the user all the same.
    spent = take_away(context.state, key)
    if not is_page_visit(context):
        return refuse_untouched(context)
    context.leave()
    context.user_key, context.spent = None, spent
    if is_shared() and context.state.sign_in.revocations.is_in(key):
        # SECURITY: it may be the session of another browser, whose owner it would sign out; only this one forgets it.
        context.spent = [*spent, current_app.config["SESSION_COOKIE_NAME"], remember.name()]
        touch_nothing(context)
    else:
        context.state.host.identity.sign_out()
    return None


def meet_nobody(context: RequestContext) -> Response | None:
    """A request that the host takes for nobody's, with an id that is over: it may be a late one of somebody's.

    A visit drops such an id; a script that comes with one has to hear of it, not to be sent to a page.
    """
    if not is_page_visit(context):
        # A form with an id that was never known, or is long forgotten, may be that of any sign-in.
        is_strange_form = context.dead is None and context.client is not Client.API
        return None if is_strange_form else refuse_untouched(context)
    # The browser may have got another id meanwhile, which would go with this one.
    context.drops_cookie = context.dead is None or not context.dead.is_superseded
    return None


def is_page_visit(context: RequestContext) -> bool:
    """Whether somebody opens a page with this request."""
    return request.method == "GET" and context.client is Client.NAVIGATION and is_visit(request)
