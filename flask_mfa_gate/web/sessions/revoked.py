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


def is_revoked(passage: RequestContext, key: str, stamps: Sequence[str]) -> bool:
    """Whether the cookies that name this user are those of an ended session, where no living row stands behind them.

    :param stamps: what stands for the user's password now.
    """
    state, standing, dead = passage.state, passage.standing, passage.dead
    assert standing is not None  # noqa: S101 - read before
    if standing.stamp is not None and standing.stamp not in stamps:
        # SECURITY: the password may have been changed while no browser of the user came by.
        state.sign_in.revocations.note_changed_password(key, stamps, origin=origin_of(request))
        passage.standing = standing = state.sign_in.revocations.standing(key)
    is_known = dead is not None and dead.user_key == key and dead.is_revoked
    # SECURITY: most cookies of a host can't be told apart; after a revocation only what is known to be younger counts.
    is_out = is_known or (standing.revocations > 0 and not has_companion(passage, key))
    return is_out and rests_on_cookies(state, key)


def turn_away(passage: RequestContext, key: str) -> Response | None:
    """A visit signs out of the host too, and continues as nobody's; anything else is refused and touches nothing."""
    # SECURITY: a view that reads such a cookie by itself would know the user all the same.
    spent = take_away(passage.state, key)
    if not is_page_visit(passage):
        return refuse_untouched(passage)
    passage.leave()
    passage.user_key, passage.spent = None, spent
    if is_shared() and passage.state.sign_in.revocations.is_in(key):
        # SECURITY: it may be the session of another browser, whose owner it would sign out; only this one forgets it.
        passage.spent = [*spent, current_app.config["SESSION_COOKIE_NAME"], remember.name()]
        touch_nothing(passage)
    else:
        passage.state.host.identity.sign_out()
    return None


def meet_nobody(passage: RequestContext) -> Response | None:
    """A request that the host takes for nobody's, with an id that is over: it may be a late one of somebody's.

    A visit drops such an id; a script that comes with one has to hear of it, not to be sent to a page.
    """
    if not is_page_visit(passage):
        # A form with an id that was never known, or is long forgotten, may be that of any sign-in.
        is_strange_form = passage.dead is None and passage.client is not Client.API
        return None if is_strange_form else refuse_untouched(passage)
    # The browser may have got another id meanwhile, which would go with this one.
    passage.drops_cookie = passage.dead is None or not passage.dead.is_superseded
    return None


def is_page_visit(passage: RequestContext) -> bool:
    """Whether somebody opens a page with this request."""
    return request.method == "GET" and passage.client is Client.NAVIGATION and is_visit(request)
