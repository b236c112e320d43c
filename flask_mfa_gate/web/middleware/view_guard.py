"""What a marked view, or a decorator of the host, asks right before its body runs."""

from __future__ import annotations

from dataclasses import replace

from flask import Response

from ...domain.marks import NO_MARKS, Marks
from ...services.people.persons import key_of
from ..fail_closed import UNAVAILABLE, fail_closed
from ..host.source import load_identity
from ..passage import Passage, current_passage
from ..responses import answers
from ..view_marks.protection import marks_here
from .admission import judge_user
from .late_identity import ensure

Answer = Response | None


def enforce(marks: Marks) -> Answer:
    """Called by a marked view itself, for marks and for users that the hooks could not see."""
    passage = current_passage()
    if passage is None:
        return answers.problem(None, 503, "mfa_unavailable", UNAVAILABLE)
    return _enforce(passage, marks)


@fail_closed
def _enforce(passage: Passage, marks: Marks) -> Answer:
    user = load_identity(passage.state.identity)
    key = key_of(user, passage.state.user_key) if user is not None else None
    # SECURITY: a decorator may have shown another user than the one whom the hooks saw.
    if key is None or key != passage.user_key:
        return ensure(passage, user, key, marks)
    settled = passage.settled or NO_MARKS
    if set(marks.resources) <= set(settled.resources) and set(marks.demands) <= set(settled.demands):
        return None
    answer = judge_user(passage, user, key, marks)
    is_nobody = answer is None and passage.user_key is None
    return answers.refuse_stranger(passage) if is_nobody else answer


def ensure_here(resource: str | None) -> Answer:
    """Called by a decorator of the host that authenticates by itself, before the view's body runs."""
    marks = marks_here()
    return enforce(replace(marks, resources=(*marks.resources, resource)) if resource is not None else marks)
