"""The editor's requests: open it, redraw it with another row, look at the impact, save."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from flask import Response, request

from .....domain.people.roles import Role
from .....domain.policy.document.codec import write_document
from .....domain.policy.document.policy import Policy, PolicySet
from .....errors import BadRequest, Conflict, MFAGateError, NotFound, PolicyError
from ....responses import answers
from ....translation import error_text, gettext
from ...console import WRITE, Console, ConsoleRoute, console_url, never_acts
from ..diffs import diff_json
from ..kit import context, policy_called, read_version, reason_of
from ..one import changed_since
from ..simulator import opened_with
from .acts import REDRAWS, SAVE, act_of, saves
from .draft import Draft, draft_of, field_of, outcome_of, read_draft, said
from .form import EditorForm, form_for, impact_rows, with_outcome, with_policy_shown

_OURS = frozenset({"version", "reason", "csrf_token"})
_NEW = Draft({"state": ("report-only",), "include": ("all",), "resources": ("app",), "action": ("require",)})
_REFUSED = (BadRequest, Conflict, PolicyError)


def new(console: Console) -> Response:
    """An empty editor. What stands in the query is filled in."""
    everything = console.state.access.policies.current()
    form = form_for(console, everything, name="", version=console.state.access.policies.version(), draft=_NEW)
    return _draw(console, form)


def edit(console: Console, name: str) -> Response:
    """The editor of a policy; what the form can't show is shown as a document."""
    version, everything = console.state.access.policies.version(), console.state.access.policies.current()
    found = _there(everything, name)
    form = form_for(console, everything, name=name, version=version, draft=Draft())
    return _draw(console, _showing(console, form, everything, found, as_text=request.args.get("view") == "document"))


def _showing(console: Console, form: EditorForm, everything: PolicySet, policy: Policy, *, as_text: bool) -> EditorForm:
    draft = None if as_text else draft_of(policy, form.widgets, form.choices)
    shown = with_policy_shown(console, form, everything, policy)
    if draft is None:
        return replace(shown, document=shown.toml, draft=Draft({"name": (policy.name,)}))
    return replace(shown, draft=draft)


def add(console: Console) -> Response:
    """Save a new policy, or redraw its draft."""
    return _sent(console, "")


def save(console: Console, name: str) -> Response:
    """Save a policy, or redraw its draft."""
    _there(console.state.access.policies.current(), name)
    return _sent(console, name)


def preview(console: Console) -> Response:
    """Whom a draft would hit, as JSON: a policy, or a whole document."""
    if not request.is_json:
        raise BadRequest("Send the policy as JSON.")
    table = _table_sent(console)
    whole = json.dumps(table) if "policies" in table else None
    given = whole if whole is not None else console.state.access.policies.read_policy(table)
    found = console.state.access.simulator.preview(given)
    return answers.json_answer({**asdict(found.users), **asdict(found)})


def _sent(console: Console, name: str) -> Response:
    if request.is_json:
        return _saved_document(console, name)
    kind, path = act_of(console.fields)
    everything = console.state.access.policies.current()
    form = form_for(
        console, everything, name=name, version=_version(console), draft=read_draft(console.fields)
    )  # fmt: skip
    if "document" in form.draft.values:
        return _from_document(console, form, everything, kind)
    return _from_form(console, form, everything, (kind, path))


def _version(console: Console) -> int:
    read = read_version(console.fields)
    return console.state.access.policies.version() if read is None else read


def _from_form(console: Console, form: EditorForm, everything: PolicySet, act: tuple[str, str]) -> Response:
    kind, path = act
    if kind in REDRAWS:
        return _redrawn(console, REDRAWS[kind](form, path), everything)
    if form.name:
        form = replace(form, draft=replace(form.draft, values={**form.draft.values, "name": (form.name,)}))
    outcome = outcome_of(form.draft, form.widgets, form.choices)
    if outcome.policy is None:
        return _draw(console, replace(form, errors=outcome.errors), 400)
    if kind == "document":
        return _draw(console, replace(form, document=write_document(PolicySet((outcome.policy,)))))
    return _done(console, form, everything, outcome.policy, kind)


def _from_document(console: Console, form: EditorForm, everything: PolicySet, kind: str) -> Response:
    text = form.draft.text("document").replace("\r\n", "\n")
    form = replace(form, document=text)
    try:
        policy = _only_policy(console, everything, text)
        if form.name and policy.name != form.name:
            raise BadRequest(gettext("The name is “%(name)s”. Rename a policy on its page.", name=form.name))
    except _REFUSED as error:
        return _draw(console, replace(form, errors={"document": error_text(error)}), 400)
    if kind == "form":
        shown = _showing(console, replace(form, document=None), everything, policy, as_text=False)
        if shown.document is not None:
            problem = gettext("The form can't show these conditions. Keep to the document.")
            return _draw(console, replace(form, errors={"document": problem}), 400)
        return _draw(console, shown)
    return _done(console, form, everything, policy, kind)


def _only_policy(console: Console, everything: PolicySet, text: str) -> Policy:
    read = console.state.access.policies.read(text)
    if len(read.policies) != 1:
        raise BadRequest(gettext("Write one policy here. For several, use the import."))
    if {*read.networks} != {*everything.networks}:
        raise BadRequest(gettext("Networks are changed on their own page, or with the import."))
    return read.policies[0]


def _done(console: Console, form: EditorForm, everything: PolicySet, policy: Policy, kind: str) -> Response:
    """Look at what it would do, to everybody or to one user, or save it."""
    shown = with_policy_shown(console, form, everything, policy)
    try:
        if kind == "preview":
            found = console.state.access.simulator.preview(policy)
            return _draw(console, replace(shown, impact=impact_rows(console, found), focus="impact"))
        if kind == "simulate":
            return opened_with(console, write_document(PolicySet((policy,))))
        # SECURITY: what passed the guard as a look at a draft never saves, whichever fields came beside it.
        if kind != SAVE:
            raise BadRequest(gettext("This button belongs to the other form of the editor."))
        _keep(console, form, policy)
    except _REFUSED as error:
        return _refused(console, shown, error)
    return answers.see_other(console_url("policy", name=policy.name))


def _keep(console: Console, form: EditorForm, policy: Policy) -> Any:
    service, where = console.state.access.policies, context(console)
    act = service.save if form.name else service.add
    # What is new was not read before; its name is either free or not.
    where = where if form.name else replace(where, version=None)
    return act(policy, actor=console.actor, reason=reason_of(console), context=where)


def _refused(console: Console, form: EditorForm, error: MFAGateError) -> Response:
    """Everything that was typed, and why it was not saved; the next save is of somebody who has seen the difference."""
    field, sentence = "", error_text(error)
    if isinstance(error, PolicyError):
        field, sentence = field_of(error), said(error) if field_of(error) else sentence
    if isinstance(error, Conflict) and error.reason == "exists":
        field = "name"
    if form.document is not None:
        field = "document"
    since = None
    if isinstance(error, Conflict) and error.reason == "stale":
        since = changed_since(console, form.version)
        form = replace(form, version=console.state.access.policies.version())
        sentence = gettext(
            "Somebody else changed this policy after you opened it. Look at the difference, then save again."
        )
    return _draw(console, replace(form, errors={field: sentence}, since=since), error.status)


def _redrawn(console: Console, form: EditorForm, everything: PolicySet) -> Response:
    named = {**form.draft.values, "name": (form.name,)} if form.name else form.draft.values
    outcome = outcome_of(replace(form.draft, values=named), form.widgets, form.choices)
    return _draw(console, with_outcome(console, form, everything, outcome))


def _draw(console: Console, form: EditorForm, status: int = 200) -> Response:
    return console.page("policies/editor.html", status, form=form)


def _saved_document(console: Console, name: str) -> Response:
    """What a program sends: the table of a policy."""
    policy = console.state.access.policies.read_policy(_table_sent(console, name))
    if name and policy.name != name:
        raise BadRequest("The name of the policy is not that of the address. To rename it, use …/rename.")
    service = console.state.access.policies
    act = service.save if name else service.add
    diff = act(policy, actor=console.actor, reason=reason_of(console), context=context(console))
    return answers.json_answer({**diff_json(diff), "name": policy.name, "version": service.version()})


def _table_sent(console: Console, name: str = "") -> Mapping[str, Any]:
    table = {key: value for key, value in console.fields.items() if key not in _OURS or key == "version"}
    if "policies" not in table:
        table.pop("version", None)
        table = {**({"name": name} if name else {}), **table}
    return table


def _there(everything: PolicySet, name: str) -> Policy:
    found = policy_called(everything, name)
    if found is None:
        raise NotFound(gettext("There is no policy “%(name)s”.", name=name))
    return found


ROUTES = (
    ConsoleRoute(rule="/policies/new", name="policy_new", view=new, least=Role.ADMIN),
    ConsoleRoute(rule="/policies", name="policies_add", view=add, methods=WRITE, acts=saves),
    ConsoleRoute(
        rule="/policies/preview",
        name="policies_preview",
        view=preview,
        methods=WRITE,
        least_to_write=Role.AUDITOR,
        acts=never_acts,
    ),
    ConsoleRoute(rule="/policies/<name>/edit", name="policy_edit", view=edit, least=Role.ADMIN),
    ConsoleRoute(rule="/policies/<name>", name="policy_save", view=save, methods=WRITE, acts=saves),
)
