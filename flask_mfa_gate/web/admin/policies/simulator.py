"""What would happen, and why: one question, answered by the policies of today and by a draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, current_app, request

from ....domain.access import APP
from ....domain.people.roles import Role
from ....domain.policy.conditions.words.browser import BROWSERS
from ....domain.policy.conditions.words.device import DEVICE_WORDS
from ....domain.policy.conditions.words.platform import PLATFORMS
from ....domain.policy.conditions.words.sign_in import WAYS
from ....domain.policy.document.policy import PolicySet, PolicyState
from ....domain.policy.evaluation.trace import ConditionTrace
from ....errors import BadRequest, Conflict, MFAGateError, PolicyError, UnknownUser
from ....services.policies.edits import named, with_policy
from ....services.policies.simulation import Explanation
from ...responses import answers
from ...state import current_state
from ...translation import error_text, gettext, marked, ngettext
from ...view_marks.protection import marked_views
from ..console import READ, WRITE, Console, ConsoleRoute, console_url, never_acts
from .kit import known_resources, names_in, names_of
from .questions import NONE, Question, facts_of, read_question
from .sentences import users_text
from .traces import PolicyLines, said_of, shown_lines, telling
from .words import both, resource_name, value_name

MOST_SHOWN, MOST_NAMED = 100, 5
_VERDICTS = {
    "pass": marked("%(who)s would get in without being asked"),
    "challenge": marked("%(who)s would be asked to verify"),
    "enroll": marked("%(who)s would have to set up MFA first"),
    "prompt": marked("%(who)s would be prompted to set up MFA and could do it later"),
    "locked": marked("%(who)s would be locked out"),
    "deny": marked("%(who)s would be denied"),
}
_REASONS = {
    "satisfied": marked("nothing asks for more"),
    "account-inactive": marked("the account is disabled"),
    "default-access-deny": marked("the default access denies it"),
    "enrollment-lapsed": marked("their time to set up MFA has ended"),
    "second-factor-at-sign-in": marked("they have a factor, which is asked for at sign-in"),
    "step-up": marked("a proof is asked for here"),
    "enrollment-required-now": marked("MFA is required of them, and they have no factor"),
    "enrollment-period": marked("MFA is required of them, and their time to set it up is still running"),
    "policy": marked("a policy says so"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one set of policies says.

    :param hidden: how many policies are not shown, which don't apply.
    """

    title: str
    sentence: str
    verdict: str
    policies: Sequence[PolicyLines]
    hidden: int
    explained: Explanation


def simulator(console: Console) -> Response:
    """The form, and the answer when somebody is named."""
    sent = console.fields.items() if request.method == "POST" else request.args.lists()
    question = read_question((name, one if isinstance(one, list) else [one]) for name, one in sent)
    everything = console.state.access.policies.current()
    found: list[Answer] = []
    facts, errors = facts_of(question, now=console.now)
    if question.is_asked and not errors:
        try:
            found = _answers(console, question, everything, facts)
        except (UnknownUser, BadRequest, PolicyError, Conflict) as error:
            if console.auth.wants_json:
                raise
            errors = {_field_of(error, question): error_text(error)}
    if console.auth.wants_json or request.args.get("format") == "json":
        return _json(found, errors)
    return _page(console, question, everything, found, errors)


def opened_with(console: Console, draft: str) -> Response:
    """The form with a draft to compare with."""
    question = Question({"draft": (draft,)})
    return _page(console, question, console.state.access.policies.current(), (), {})


def _field_of(error: MFAGateError, question: Question) -> str:
    if isinstance(error, PolicyError):
        return "draft"
    return "user" if isinstance(error, UnknownUser) or "user" in str(error) else ""


def _answers(console: Console, question: Question, everything: PolicySet, facts: Any) -> list[Answer]:
    """That of today, and that of the draft."""
    simulate, views = console.state.access.simulator.simulate, marked_views(current_app)
    key = console.state.people.lookup.key_of(question.text("user"))
    today = simulate(key, resource=question.resource, environment=facts, views=views)
    who = names_of(console, [key]).get(key, key)
    found = [_answer(gettext("As it is now"), today, who, policies_users(console, everything))]
    for title, draft in _drafts(console, question, everything):
        then = simulate(key, resource=question.resource, environment=facts, draft=draft, views=views)
        found.append(_answer(title, then, who, policies_users(console, draft)))
    return found


def policies_users(console: Console, policies: PolicySet) -> Mapping[str, str]:
    """Whom each policy is about, in words."""
    names = names_in(console, policies)
    return {one.name: users_text(one.users, names) for one in policies.policies}


def _drafts(console: Console, question: Question, everything: PolicySet) -> list[tuple[str, PolicySet]]:
    found = []
    if name := question.text("on"):
        switched = replace(named(everything, name), state=PolicyState.ON)
        found.append((gettext("With “%(name)s” on", name=name), with_policy(everything, switched)))
    if text := "\n".join(question.values.get("draft", ())).replace("\r\n", "\n").strip():
        read = console.state.access.policies.read(text)
        draft = everything
        for policy in read.policies:
            draft = with_policy(draft, policy)
        found.append((gettext("With the draft"), replace(draft, networks=read.networks)))
    return found


def _answer(title: str, explained: Explanation, who: str, meant: Mapping[str, str]) -> Answer:
    shown, hidden = shown_lines(explained, meant, most=MOST_SHOWN)
    return Answer(title, _sentence(explained, who), explained.verdict, shown, hidden, explained)


def _sentence(explained: Explanation, who: str) -> str:
    verdict, why = gettext(_VERDICTS[explained.verdict], who=who), _because(explained)
    if explained.resource == APP:
        said = gettext("At sign-in, %(verdict)s: %(why)s.", verdict=verdict, why=why)
    else:
        place = resource_name(explained.resource)
        said = gettext("At %(resource)s, %(verdict)s: %(why)s.", resource=place, verdict=verdict, why=why)
    return f"{said} {_beside(explained)}".rstrip()


def _beside(explained: Explanation) -> str:
    """The policies that apply although something else decides first, as the second factor at sign-in does."""
    is_outside = explained.user in current_state().rules.break_glass
    on = [one.name for one in explained.policies if one.applies and one.state is PolicyState.ON]
    if explained.decided_by or is_outside or not on:
        return ""
    if len(on) > MOST_NAMED:
        return gettext("%(number)s policies apply too.", number=f"{len(on):,}")
    names = both(f"“{name}”" for name in on)
    return ngettext("%(policies)s applies too.", "%(policies)s apply too.", len(on), policies=names)


def _because(explained: Explanation) -> str:
    if explained.decided_by:
        names = both(f"“{name}”" for name in explained.decided_by)
        first = next((one for one in explained.policies if one.name == explained.decided_by[0]), None)
        told = [said_of(one).rstrip(".") for one in telling(first)] if first else []
        facts = f" ({'; '.join(told)})" if told else ""
        return gettext("%(policies)s applies", policies=names) + facts
    return gettext(_REASONS.get(explained.reason, explained.reason))


def _json(found: Sequence[Answer], errors: Mapping[str, str]) -> Response:
    if errors:
        raise BadRequest(" ".join(f"{name}: {text}" if name else text for name, text in errors.items()))
    return answers.json_answer({"answers": [_answer_json(one) for one in found]})


def _answer_json(one: Answer) -> dict[str, Any]:
    explained = one.explained
    return {
        "title": one.title, "sentence": one.sentence, "user": explained.user, "resource": explained.resource,
        "verdict": explained.verdict, "reason": explained.reason, "reason_id": explained.reason_id,
        "policies": [
            {
                "name": policy.name, "state": policy.state.value, "applies": policy.applies, "mark": policy.mark.value,
                "criteria": [_line_json(line) for line in policy.criteria],
            }
            for policy in explained.policies
        ],
    }  # fmt: skip


def _line_json(line: ConditionTrace) -> dict[str, str]:
    return {
        "word": line.word, "under": line.under, "mark": line.mark.value, "looked_at": line.looked_at,
        "reason": said_of(line),
    }  # fmt: skip


def _page(
    console: Console, question: Question, everything: PolicySet, found: Sequence[Answer], errors: Mapping[str, str]
) -> Response:
    signals = sorted(console.state.access.policies.risk_signals)
    others = sorted(one.name for one in everything.policies if one.state is not PolicyState.ON)
    return console.page(
        "policies/simulator.html", 400 if errors else 200, question=question, answers=found, errors=errors,
        resources=known_resources(console, everything), platforms=sorted(PLATFORMS), browsers=sorted(BROWSERS),
        devices=sorted(DEVICE_WORDS), signals=signals, ways=sorted(WAYS), others=others, none=NONE,
        value_name=value_name, resource_name=resource_name,
        link=console_url("simulator", **question.query), networks=len(everything.networks),
    )  # fmt: skip


ROUTES = (
    ConsoleRoute(rule="/simulator", name="simulator", view=simulator, methods=READ),
    ConsoleRoute(
        rule="/simulator", name="simulator_draft", view=simulator, methods=WRITE, least_to_write=Role.AUDITOR,
        acts=never_acts,
    ),
)  # fmt: skip
