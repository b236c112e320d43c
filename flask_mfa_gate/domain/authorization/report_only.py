"""What policies that are only reported would do, each for itself beside those that are on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from ..policy.document.policy import PolicyState
from ..policy.evaluation.compiled_policies import CompiledPolicies
from .combine import combine
from .decide import NO_RESULTS, noting, results_of, subject_of, weigh
from .decision import Ask, ConditionFailure
from .request import AccessRequest
from .rules import Rules


class ReportOnlyResult(StrEnum):
    """What a report-only policy would have done."""

    PASS = "would pass"  # noqa: S105 - a word of the vocabulary, not a secret
    ASK = "would ask"
    REFUSE = "would refuse"
    NOT_APPLY = "would not apply"


_OF = {Ask.PASS: ReportOnlyResult.PASS, Ask.DENY: ReportOnlyResult.REFUSE, Ask.LOCKED: ReportOnlyResult.REFUSE}


def report(
    request: AccessRequest, policies: CompiledPolicies, rules: Rules, resources: Iterable[str], *, now: datetime
) -> tuple[dict[str, ReportOnlyResult], Sequence[ConditionFailure]]:
    """For each report-only policy of these resources, by name, what it would do; and each condition that raised.

    :param request: with the facts that those policies look at as well.
    """
    failures: list[ConditionFailure] = []
    subject, on_error = subject_of(request, rules, now=now), noting(failures)
    live = results_of(request, policies, rules, now=now, failures=failures)
    found: dict[str, ReportOnlyResult] = {}
    for name in policies.reported.keys() & set(resources):
        reported = (row for row in policies.policies if row.policy.state is PolicyState.REPORT_ONLY)
        found |= {row.policy.name: ReportOnlyResult.NOT_APPLY for row in reported if name in row.resources}
        matches = policies.matches(subject, name, request.environment, on_error)
        for match in policies.reported_matches(subject, name, request.environment, on_error):
            result = combine((*matches, match), resource=name, default=rules.access(name))
            # A break-glass account is outside of policies.
            is_outside = request.enrollment.user_key in rules.break_glass
            results = NO_RESULTS if is_outside else {**live, name: result}
            found[match.policy.name] = _OF.get(weigh(request, results, rules, now=now).ask, ReportOnlyResult.ASK)
    return found, failures
