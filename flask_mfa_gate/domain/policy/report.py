"""What policies that are only reported would do, each for itself beside those that are on."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from ..access import Access
from ..verdict import Verdict, Word
from .compiled import OnError
from .effects import Ruling, rule
from .engine import CompiledPolicies
from .facts import Environment, Subject
from .model import PolicyState


class Would(StrEnum):
    """What a reported policy would have done."""

    PASS = "would pass"  # noqa: S105 - a word of the vocabulary, not a secret
    ASK = "would ask"
    REFUSE = "would refuse"
    NOT_APPLY = "would not apply"


_WORDS = {Word.PASS: Would.PASS, Word.DENY: Would.REFUSE, Word.LOCKED: Would.REFUSE}


def report(
    compiled: CompiledPolicies, subject: Subject, resource: str, environment: Environment, on_error: OnError, *,
    default: Access, judge: Callable[[Ruling], Verdict],
) -> dict[str, Would]:  # fmt: skip
    """For each reported policy of this resource, by name, what it would do.

    :param judge: the decision with this ruling for the resource.
    """
    if resource not in compiled.reported:
        return {}
    reported = (row for row in compiled.policies if row.policy.state is PolicyState.REPORT_ONLY)
    found = {row.policy.name: Would.NOT_APPLY for row in reported if resource in row.resources}
    live = compiled.matches(subject, resource, environment, on_error)
    for match in compiled.reported_matches(subject, resource, environment, on_error):
        verdict = judge(rule((*live, match), resource=resource, default=default))
        found[match.policy.name] = _WORDS.get(verdict.word, Would.ASK)
    return found
