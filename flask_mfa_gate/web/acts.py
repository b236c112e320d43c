"""Which act a request is, as far as a proof can be asked for this one act."""

from __future__ import annotations

from flask import current_app, request

from ..domain.sign_in.session import act_of
from .request_context import RequestContext
from .responses.routing import inner_path, page_at
from .view_marks.protection import marks_at

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def act_here(context: RequestContext) -> str:
    """That of this request, by the address as it came in: preprocessors of the host may take arguments out."""
    is_forwarded = request.endpoint != context.opened[0]
    arguments = (request.view_args or {}) if is_forwarded else context.arguments
    return act_of(request.endpoint, arguments, root=_root(), path=request.path)


def act_at(target: str | None) -> str | None:
    """That of the page which a sign-in leads to; None where no mark could ask for a proof."""
    found = page_at(inner_path(target.partition("?")[0])) if target is not None else None
    if found is None or not marks_at(current_app._get_current_object(), found.endpoint).wants_identity:  # type: ignore[attr-defined]
        return None
    return act_of(found.endpoint, found.arguments, root=_root(), path=found.path)


def _root() -> str:
    return f"{request.host}{request.script_root}"


def try_grant(context: RequestContext) -> bool:
    """Whether a grant covers this request. A form may be looked at; what it sends uses the grant up."""
    live, act, is_safe = context.session, act_here(context), request.method in _SAFE
    if live is None:
        return False
    sessions = context.state.sign_in.sessions
    is_covered = sessions.has_grant(live, act) if is_safe else sessions.try_use_grant(live, act)
    if is_covered:
        context.granted = act, request.method
    return is_covered


def is_granted(context: RequestContext) -> bool:
    """Whether the grant was already found for exactly this request, and not for the one that a hook made another of."""
    return context.granted is not None and context.granted == (act_here(context), request.method)
