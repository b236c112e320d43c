"""Requests that count for the flood guard: they begin a sign-in, or send a form before a factor was proved."""

from __future__ import annotations

from flask import request

from ..errors import Throttled
from ..services.observations import Observation
from .client import is_behind_untold_proxy, origin_of
from .state import GateState


def excess_here(state: GateState) -> Throttled | None:
    """Count this request; the refusal when its address has sent too many."""
    if is_behind_untold_proxy(request):
        # All clients of such an app are one address, and the flood of one would keep everybody out.
        state.operations.observations.note(Observation.UNTOLD_PROXY, "X-Forwarded-For")
    return state.sign_in.flood_guard.excess(origin_of(request).address)


def require_no_excess(state: GateState) -> None:
    """Count this request.

    :raises Throttled: when its address has sent too many.
    """
    if (refusal := excess_here(state)) is not None:
        raise refusal
