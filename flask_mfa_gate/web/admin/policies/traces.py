"""What a policy makes of one question, criterion by criterion, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ....domain.policy.condition_tree import Condition
from ....domain.policy.document.policy import PolicyState
from ....domain.policy.evaluation.trace import ConditionTrace, PolicyTrace
from ....domain.policy.facts import MatchResult
from ....services.policies.simulation import Explanation
from ...translation import gettext, marked
from .sentences import wanted_words
from .words import condition_name, state_name, value_name

_SAID = {
    ("network", "hit"): marked("%(fact)s is in %(wanted)s"),
    ("network", "miss"): marked("%(fact)s is not in %(wanted)s"),
    ("network", "unknown"): marked("The address is not known. Enter one in the simulator."),
    ("country", "unknown"): marked("The country is not known. Enter it, or an address, in the simulator."),
    ("schedule", "hit"): marked("%(fact)s is within: %(wanted)s"),
    ("schedule", "miss"): marked("%(fact)s is not within: %(wanted)s"),
    ("schedule", "unknown"): marked("The time is not known."),
    ("users", "hit"): marked("The policy includes this user: %(wanted)s"),
    ("users", "miss"): marked("The policy does not include this user. It is for: %(wanted)s"),
    ("users", "unknown"): marked("It is not known which groups the user is in."),
    ("resources", "hit"): marked("It covers %(wanted)s"),
    ("resources", "miss"): marked("It only covers %(wanted)s"),
    ("device", "unknown"): marked("Nothing is known of the device. Describe it in the simulator."),
    ("risk", "unknown"): marked("The risk signals are not known. Choose them in the simulator."),
    ("", "hit"): marked("%(word)s is %(fact)s, which matches: %(wanted)s"),
    ("", "miss"): marked("%(word)s is %(fact)s, which does not match: %(wanted)s"),
    ("", "unknown"): marked("%(word)s is not known. Enter it in the simulator."),
}
_OWN = frozenset({"users", "resources"})
_UNDER = {"any": marked("any of"), "all": marked("all of"), "not": marked("not")}
_MARKS = {
    MatchResult.HIT: marked("Match"),
    MatchResult.MISS: marked("No match"),
    MatchResult.UNKNOWN: marked("Unknown"),
}
_TONES = {MatchResult.HIT: "good", MatchResult.MISS: "", MatchResult.UNKNOWN: "warn"}


@dataclass(frozen=True, slots=True)
class Line:
    """One criterion of a policy."""

    word: str
    under: str
    mark: str
    tone: str
    sentence: str


@dataclass(frozen=True, slots=True)
class PolicyLines:
    """One policy with its criteria."""

    name: str
    state: str
    result: str
    tone: str
    lines: Sequence[Line]


def shown_lines(explained: Explanation, meant: Mapping[str, str], *, most: int) -> tuple[list[PolicyLines], int]:
    """What is told of each policy, and of how many nothing is: of many, those are shown that apply.

    Those that say why come first: they apply, and are on.
    """
    traces = sorted(explained.policies, key=lambda one: (not one.applies, one.state is not PolicyState.ON))
    shown = [one for one in traces if one.mark is not MatchResult.MISS or len(traces) <= most][:most]
    return [lines_of(one, meant) for one in shown], len(traces) - len(shown)


def telling(trace: PolicyTrace) -> Iterator[ConditionTrace]:
    """The conditions that say why: an unknown one only where it decided."""
    for one in trace.criteria:
        is_beside = one.mark is MatchResult.UNKNOWN and trace.mark is not MatchResult.UNKNOWN
        if one.word not in _OWN and not is_beside:
            yield one


def lines_of(trace: PolicyTrace, meant: Mapping[str, str]) -> PolicyLines:
    """A policy's result, and that of each criterion, in words."""
    lines = [
        Line(condition_name(one.word), _under(one), gettext(_MARKS[one.mark]), _TONES[one.mark], said_of(one))
        for one in (_in_words(one, meant.get(trace.name)) for one in trace.criteria)
    ]
    tone = _TONES[trace.mark]
    return PolicyLines(trace.name, state_name(trace.state), _result(trace), tone, lines)


def _result(trace: PolicyTrace) -> str:
    """Of a policy that is not on: what it would do."""
    is_on, is_unknown = trace.state is PolicyState.ON, trace.mark is MatchResult.UNKNOWN
    if not trace.applies:
        return gettext("Unknown, so it doesn't apply") if is_unknown else gettext("Doesn't apply")
    if is_unknown:
        return gettext("Unknown, so it applies") if is_on else gettext("Unknown, so it would apply")
    return gettext("Applies") if is_on else gettext("Would apply")


def _in_words(one: ConditionTrace, meant: str | None) -> ConditionTrace:
    """Users by name, not as the document has them."""
    return replace(one, criterion=Condition(one.word, (meant,))) if one.word == "users" and meant else one


def _under(one: ConditionTrace) -> str:
    return ", ".join(gettext(_UNDER[word]) for word in one.under.split())


def said_of(one: ConditionTrace) -> str:
    """Why it is a match or none, as a sentence."""
    said = _SAID.get((one.word, one.mark.value)) or _SAID["", one.mark.value]
    fact = value_name(one.word, one.looked_at) or gettext("none")
    return gettext(said, word=condition_name(one.word), fact=fact, wanted=wanted_words(one.criterion))
