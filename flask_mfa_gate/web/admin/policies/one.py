"""One policy: what it does, what lint says of it, its state, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, request

from ....domain.people.roles import Role
from ....domain.policy.analysis.diff import PolicyDiff
from ....domain.policy.analysis.finding import Level, LintFinding
from ....domain.policy.document.codec import write_document
from ....domain.policy.document.policy import Policy, PolicySet, PolicyState
from ....errors import BadRequest, Conflict, MFAGateError, NotFound, PolicyError
from ....services.policies.edits import with_policy
from ...responses import answers
from ...translation import error_text, gettext, translated
from ..console import WRITE, Console, ConsoleRoute, console_url
from ..representation import wants_document
from . import words
from .diffs import DiffView, diff_json, diff_view
from .kit import context, findings_of, names_in, policy_called, read_version, reason_of, text_of
from .listing import REPORT_DAYS, PolicyRow, row_json, rows_of
from .sentences import conditions_text, effect_text, users_text

_REFUSALS = (BadRequest, Conflict, PolicyError)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an act was refused, and what the reader has not seen yet.

    :param since: what changed since the version that the form carried; None where that is not the reason.
    :param form: which form was sent: it stays open, with the name that was typed.
    """

    sentence: str
    since: DiffView | None = None
    form: str = ""
    new_name: str = ""


def policy(console: Console, name: str) -> Response:
    """The page of a policy; of a deleted one, the way to bring it back."""
    everything = console.state.access.policies.current()
    if policy_called(everything, name) is None and not console.auth.wants_json:
        gone = next((one for one in console.state.access.policies.deleted() if one.name == name), None)
        if gone is not None:
            return console.page("policies/deleted.html", 404, gone=gone)
    return _shown(console, name, None, 200)


def _shown(console: Console, name: str, problem: Problem | None, status: int) -> Response:
    version, everything = console.state.access.policies.version(), console.state.access.policies.current()
    found = _there(everything, name)
    (row,) = rows_of(console, everything, [found])
    remarks = _remarks_when_on(console, everything, found)
    if console.auth.wants_json or request.args.get("format") == "json":
        return answers.json_answer({**row_json(row), "version": version, "remarks": [_remark(one) for one in remarks]})
    return console.page(
        "policies/policy.html", status, row=row, policy=found, version=version, problem=problem, remarks=remarks,
        facts=_facts(console, row), document=write_document(PolicySet((found,))), report_days=REPORT_DAYS,
        edit_url=console_url("policy_edit", name=name) if console.may(Role.ADMIN) else "",
        simulate_url=console_url("simulator", **({} if found.state is PolicyState.ON else {"on": name})),
        states=_states(found), would=words.would(), has_errors=any(one.level is Level.ERROR for one in remarks),
    )  # fmt: skip


def _there(everything: PolicySet, name: str) -> Policy:
    found = policy_called(everything, name)
    if found is None:
        raise NotFound(gettext("There is no policy “%(name)s”.", name=name))
    return found


def _remarks_when_on(console: Console, everything: PolicySet, found: Policy) -> list[LintFinding]:
    """What would be said of it, were it on."""
    return findings_of(console, with_policy(everything, replace(found, state=PolicyState.ON)), found.name)


def _remark(one: LintFinding) -> dict[str, Any]:
    return {"level": one.level.value, "code": one.code, "policy": one.policy, "sentence": translated(one.sentence)}


def _facts(console: Console, row: PolicyRow) -> Sequence[tuple[str, str]]:
    """Each part in words; what is empty is left out."""
    found = row.policy
    names = names_in(console, PolicySet((found,)))
    facts = (
        (gettext("Applies to"), users_text(found.users, names)),
        (gettext("Resources"), words.both(map(words.resource_name, found.resources or ("app",)))),
        (gettext("When"), conditions_text(found.conditions) or gettext("always")),
        (gettext("Effect"), f"{gettext(words.ACTIONS[found.effect.action])}. {effect_text(found.effect)}".strip()),
        (gettext("Message"), found.message),
        (gettext("Help link"), found.help_link),
    )
    return [fact for fact in facts if fact[1]]


def _states(found: Policy) -> Sequence[tuple[str, str, bool]]:
    """From off over report-only to on: value, words, and whether it is the present one."""
    order = (PolicyState.OFF, PolicyState.REPORT_ONLY, PolicyState.ON)
    return [(state.value, words.state_name(state), state is found.state) for state in order]


def carried_out(console: Console, name: str, act: Callable[[], PolicyDiff], *, then: str) -> Response:
    """Do it, and show the page; what is refused is said on the page of the policy, and changes nothing."""
    try:
        diff = act()
    except NotFound:
        raise
    except _REFUSALS as error:
        if wants_document(console):
            raise
        form, new_name = (request.endpoint or "").rpartition("_")[2], text_of(console.fields, "new_name")
        problem = Problem(_refusal(error), _since(console, error), form, new_name)
        return _shown(console, name, problem, error.status)
    if console.auth.wants_json:
        return answers.json_answer({**diff_json(diff), "version": console.state.access.policies.version()})
    return answers.see_other(then)


def _refusal(error: MFAGateError) -> str:
    """Why, as a whole sentence also of a name, of which documents say no more than the key."""
    if isinstance(error, PolicyError) and error.path == "name":
        return gettext("The name %(problem)s", problem=translated(error.at_field))
    return error_text(error)


def _since(console: Console, error: Exception) -> DiffView | None:
    """What others changed since the version that the form carried."""
    read = read_version(console.fields)
    if not isinstance(error, Conflict) or error.reason != "stale" or read is None:
        return None
    return changed_since(console, read)


def changed_since(console: Console, version: int) -> DiffView | None:
    """What differs between a version and now; None for a version that can't be read."""
    then, now = console.state.access.history.readable(version), console.state.access.policies.current()
    return None if then is None else diff_view(console, then, now)


def state(console: Console, name: str) -> Response:
    """Off, report-only, or on. The service refuses what lint calls an error."""
    wanted = text_of(console.fields, "state")
    return carried_out(
        console, name, lambda: console.state.access.policies.set_state(
            name, wanted, actor=console.actor, reason=reason_of(console), context=context(console)
        ), then=_page_of(name),
    )  # fmt: skip


def rename(console: Console, name: str) -> Response:
    """Another name."""
    new_name = text_of(console.fields, "new_name")
    return carried_out(
        console, name, lambda: console.state.access.policies.rename(
            name, new_name, actor=console.actor, reason=reason_of(console), context=context(console)
        ), then=_page_of(new_name),
    )  # fmt: skip


def duplicate(console: Console, name: str) -> Response:
    """A copy, which is off."""
    new_name = text_of(console.fields, "new_name")
    return carried_out(
        console, name, lambda: console.state.access.policies.duplicate(
            name, new_name, actor=console.actor, reason=reason_of(console)
        ), then=_page_of(new_name),
    )  # fmt: skip


def delete(console: Console, name: str) -> Response:
    """Out of the list; it can be brought back."""
    return carried_out(
        console, name, lambda: console.state.access.policies.delete(
            name, actor=console.actor, reason=reason_of(console), context=context(console)
        ), then=console_url("policies"),
    )  # fmt: skip


def restore(console: Console, name: str) -> Response:
    """Back as it last was."""
    try:
        diff = console.state.access.policies.restore(
            name, actor=console.actor, reason=reason_of(console), context=context(console)
        )
    except BadRequest as error:
        raise NotFound(str(error)) from error
    if console.auth.wants_json:
        return answers.json_answer({**diff_json(diff), "version": console.state.access.policies.version()})
    return answers.see_other(_page_of(name))


def _page_of(name: str) -> str:
    return console_url("policy", name=name) if name else console_url("policies")


ROUTES = (
    ConsoleRoute(rule="/policies/<name>", name="policy", view=policy),
    ConsoleRoute(rule="/policies/<name>/state", name="policy_state", view=state, methods=WRITE),
    ConsoleRoute(rule="/policies/<name>/rename", name="policy_rename", view=rename, methods=WRITE),
    ConsoleRoute(rule="/policies/<name>/duplicate", name="policy_duplicate", view=duplicate, methods=WRITE),
    ConsoleRoute(rule="/policies/<name>/delete", name="policy_delete", view=delete, methods=WRITE),
    ConsoleRoute(rule="/policies/<name>/restore", name="policy_restore", view=restore, methods=WRITE),
)
