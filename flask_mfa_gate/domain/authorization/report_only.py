"""What policies that are only reported would do, each for itself beside those that are on."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from ..access import Access
from ..policy.document.policy import PolicyState
from ..policy.evaluation.compiled_policies import CompiledPolicies
from ..policy.evaluation.compiled_policy import OnError
from ..policy.facts import Environment, Subject
from ..verdict import Verdict, Word
from .combine import PolicyResult, combine


class ReportOnlyResult(StrEnum):
    """What a reported policy would have done."""

    PASS = "would pass"  # noqa: S105 - a word of the vocabulary, not a secret
    ASK = "would ask"
    REFUSE = "would refuse"
    NOT_APPLY = "would not apply"


_WORDS = {Word.PASS: ReportOnlyResult.PASS, Word.DENY: ReportOnlyResult.REFUSE, Word.LOCKED: ReportOnlyResult.REFUSE}


def report(
    compiled: CompiledPolicies, subject: Subject, resource: str, environment: Environment, on_error: OnError, *,
    default: Access, judge: Callable[[PolicyResult], Verdict],
) -> dict[str, ReportOnlyResult]:  # fmt: skip
    """For each reported policy of this resource, by name, what it would do.

    :param judge: the decision with this ruling for the resource.
    """
    if resource not in compiled.reported:
        return {}
    reported = (row for row in compiled.policies if row.policy.state is PolicyState.REPORT_ONLY)
    found = {row.policy.name: ReportOnlyResult.NOT_APPLY for row in reported if resource in row.resources}
    live = compiled.matches(subject, resource, environment, on_error)
    for match in compiled.reported_matches(subject, resource, environment, on_error):
        verdict = judge(combine((*live, match), resource=resource, default=default))
        found[match.policy.name] = _WORDS.get(verdict.word, ReportOnlyResult.ASK)
    return found
