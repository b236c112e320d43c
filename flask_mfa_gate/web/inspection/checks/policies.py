"""Conditional access."""

from __future__ import annotations

from collections.abc import Iterator

from ....domain.policy.analysis.finding import Level
from ....errors import PolicyError
from ....sentences import Sentence, as_sentence
from ...view_marks.protection import marked_resources
from ..findings import Finding, error, warning
from ..registry import Inspection, Needs, check

_MEANT = {Level.ERROR: error, Level.WARNING: warning}


@check(Needs.TABLES)
def readable_policies(on: Inspection) -> Iterator[Finding]:
    """Policies that can't be read let nobody in."""
    try:
        on.state.access.policies.current()
    except PolicyError as failure:
        yield error(
            "policies",
            Sentence("The policies can't be read, so nobody can sign in. %(failure)s", failure=failure),
            fix="flask mfa policies import FILE, or: flask mfa policies rollback VERSION",
        )


@check(Needs.TABLES)
def linted_policies(on: Inspection) -> Iterator[Finding]:
    """What ``flask mfa policies check`` says of the policies that are in force."""
    try:
        now = on.state.access.policies.current()
    except PolicyError:  # said above
        return
    if not now.policies:
        return
    for remark in on.state.access.linter.remarks(now, known_resources=marked_resources(on.app)):
        whose = Sentence("The policy %(name)r", name=remark.policy) if remark.policy else Sentence("The policies")
        said = as_sentence(remark.sentence)
        sentence = Sentence("%(whose)s: %(said)s (%(code)s)", whose=whose, said=said, code=remark.code)
        yield _MEANT[remark.level]("policy", sentence, fix="flask mfa policies check")
