"""The decision on one live request: its facts and its session under the policies and rules of the moment."""

from __future__ import annotations

from typing import Any

from ...domain.assurance import Assurance, SignIn
from ...domain.decision import decide
from ...domain.marks import Marks
from ...domain.verdict import Verdict
from ...services.people.persons import is_switched_on
from ..acts import is_granted, try_grant
from ..passage import Passage
from .rulings import at_this_request, note_graces, report_here, ruler_of, with_fresh_risk


def judge(passage: Passage, user: Any, marks: Marks, *, waives_app: bool = False) -> Verdict:
    """What this request meets; a grant for exactly this one is used up where one is asked for.

    :param waives_app: to hear only what the marks ask, and whether the app would be satisfied.
    """
    verdict = _decide_once(passage, user, marks, waives_app=waives_app)
    wants_grant = verdict.at_resource and verdict.demand.is_for_one_request
    if not wants_grant or not try_grant(passage):
        return verdict
    return _decide_once(passage, user, marks, waives_app=waives_app)


def _decide_once(passage: Passage, user: Any, marks: Marks, *, waives_app: bool) -> Verdict:
    state, now = passage.state, passage.state.clock()
    assurance = passage.session.assurance if passage.session else Assurance(SignIn.SESSION, now)
    assert passage.standing is not None  # noqa: S101 - bound before
    if passage.session is not None:
        passage.session = with_fresh_risk(state, passage.session, passage.standing, user)
    kind = _kind(passage, assurance)
    ruler = ruler_of(state, passage.session, sign_in=kind, user=user, resources=marks.resources)
    rulings = ruler(passage.standing)
    note_graces(state, passage.standing, rulings)
    # A prompt protects nothing that its own "later" does not open, so what may be a token is not stopped by one.
    context = passage.context(
        assurance, is_active=is_switched_on(user), marks=marks, promptable=not passage.may_be_token, rulings=rulings
    )
    verdict = decide(
        context._replace(waives_app=waives_app, granted=is_granted(passage)), passage.standing, state.rules, now=now
    )
    report_here(state, passage.session, context, passage.standing, sign_in=kind, user=user)
    return at_this_request(state, passage.session, context, passage.standing, verdict, sign_in=kind, user=user)


def _kind(passage: Passage, assurance: Assurance) -> SignIn:
    if passage.is_token:
        return SignIn.TOKEN
    return assurance.sign_in if passage.session else passage.state.identity.kind(passage.before)
