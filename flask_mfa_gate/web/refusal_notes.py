"""Refusals go on record, and their answers tell under which reference."""

from __future__ import annotations

import logging

from flask import request

from ..domain.authorization.decision import Decision
from ..domain.records.refusal import Refusal
from ..errors import MFAGateError
from .client import origin_of
from .request_context import RequestContext

log = logging.getLogger("flask_mfa_gate")


def note_refusal(context: RequestContext, key: str, decision: Decision) -> None:
    """A refusal that no proof can lift is recorded."""
    if decision.is_refusal:
        context.reference = context.state.sign_in.refusals.note(key, _here(decision), origin=origin_of(request))


def reference_here(context: RequestContext, decision: Decision) -> str | None:
    """The reference of a refusal, which may have been noted by an earlier request; None where nothing keeps it."""
    if context.reference is None and decision.is_refusal and context.enrollment is not None:
        context.reference = _found(context, context.enrollment.user_key, decision)
    return context.reference


def _found(context: RequestContext, key: str, decision: Decision) -> str | None:
    refusals, origin = context.state.sign_in.refusals, origin_of(request)
    try:
        known = refusals.find(key, _here(decision), origin=origin)
        return refusals.note(key, _here(decision), origin=origin) if known is None else known
    except MFAGateError as error:
        # It stays a refusal, only without a reference.
        log.warning("a refusal could not be put on record: %s", error)
        return None


def _here(decision: Decision) -> Refusal:
    return Refusal.of(decision, endpoint=request.endpoint)
