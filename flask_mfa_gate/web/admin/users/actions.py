"""Actions on users: choose, confirm, carry out, read what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from flask import Response, request
from werkzeug.datastructures import MultiDict

from ....domain.people.roles import Role
from ....domain.people.user_filter import UserFilter
from ....errors import BadRequest
from ....services.actions.action_options import ActionOptions
from ....services.actions.action_result import ActionResult
from ....store.enrollment.action_requests import ActionItem, ActionRequest, RequestState
from ...fields import text_field
from ...responses import answers
from ...translation import gettext, marked
from ..console import WRITE, Console, ConsoleRoute, console_url
from ..listing import ListState
from ..representation import Format, Table, csv_file, format_wanted
from ..setting_words import pieces
from .access_pass import issue
from .confirmation import confirmation_page, result_page
from .filters import FILTERS, filter_of
from .listing import WORDS, names_of
from .options import options_of
from .progress import TABLE, Progress
from .verbs import VERBS, verbs_for

_LONGEST_QUERY = 8000
_RECENT = marked("Actions on users in the last 24 hours. Paused ones continue at the next run of flask mfa run-due.")


def act(console: Console) -> Response:
    """Freeze whom it is about, and ask; a program, or a form with ``confirm``, acts at once. ``dry_run`` counts."""
    action = text_field(console.fields, "action", default="")
    if action == "access-pass":
        return issue(console, _only_key(console))
    if action == "revoke-devices":
        raise BadRequest(gettext("There are no trusted devices to revoke. To end every session, use revoke-sessions."))
    if action not in VERBS:
        raise BadRequest(gettext("Choose one of: %(known)s.", known=", ".join(VERBS)))
    users, missing = _chosen(console)
    if console.auth.wants_json:
        return _act_at_once(console, action, users, missing)
    frozen = console.state.people.action_requests.freeze(action, users, actor=console.actor, not_found=missing)
    if _is_set(console, "confirm"):
        return confirm(console, frozen.id)
    chosen = {name: text_field(console.fields, name, default="") for name in ("factor", "policy")}
    return answers.see_other(
        console_url("user_request", request_id=frozen.id, **{name: text for name, text in chosen.items() if text})
    )


def show(console: Console, request_id: str) -> Response:
    """The confirmation while nothing was done, the result since; also as JSON and CSV."""
    found = console.state.people.action_requests.get(request_id, actor=console.actor)
    kind = format_wanted(console, Format.HTML, Format.JSON, Format.CSV)
    if kind is Format.CSV:
        return csv_file(_TABLE, console.state.people.action_requests.items(found))
    if kind is Format.JSON:
        return answers.json_answer(_as_json(console, found))
    if found.state is RequestState.OPEN:
        return confirmation_page(console, found, request.args)
    return result_page(console, found)


def confirm(console: Console, request_id: str) -> Response:
    """Carry it out, or continue it. What was typed wrong is told at its field, and nothing is done."""
    found = console.state.people.action_requests.get(request_id, actor=console.actor)
    if found.state is RequestState.OPEN:
        options, errors = options_of(console, found, console.fields)
        if errors:
            return _refused(console, found, errors)
    else:
        options = ActionOptions()
    done = console.state.people.action_jobs.carry_out(found, options, actor=console.actor)
    if console.auth.wants_json:
        return answers.json_answer(_as_json(console, done))
    return answers.see_other(console_url("user_request", request_id=request_id))


def _refused(console: Console, found: ActionRequest, errors: Mapping[str, str]) -> Response:
    if console.auth.wants_json:
        raise BadRequest(next(iter(errors.values())))
    return confirmation_page(console, found, console.fields, errors)


def cancel(console: Console, request_id: str) -> Response:
    """Leave out those who are still waiting."""
    console.state.people.action_jobs.cancel(request_id, actor=console.actor)
    if console.auth.wants_json:
        return answers.json_answer({"id": request_id})
    return answers.see_other(console_url("user_requests"))


def requests(console: Console) -> Response:
    """The latest actions with how far each is: all of them for an administrator, else one's own."""
    found = [Progress.of(one, come) for one, come in console.state.people.action_jobs.recent(actor=console.actor)]
    kind = format_wanted(console, Format.HTML, Format.JSON, Format.CSV)
    if kind is Format.CSV:
        return csv_file(TABLE, found)
    if kind is Format.JSON:
        return answers.json_answer({"items": [one.as_json() for one in found]})
    keys = {one.actor.removeprefix("user:") for one in found}
    return console.page(
        "requests.html", jobs=found, names=names_of(console, keys), words=WORDS, mine=console.actor.name,
        lead=tuple(pieces(gettext(_RECENT))),
    )  # fmt: skip


def select(console: Console) -> Response:
    """A pasted list of emails or keys as the selection."""
    return console.page("select.html", verbs=verbs_for(console))


def _chosen(console: Console) -> tuple[Sequence[str] | UserFilter, Sequence[str]]:
    """The users of a form or a program, and what was typed and is nobody."""
    fields = console.fields
    if _is_set(console, "all_matching"):
        return filter_of(ListState("users", FILTERS, request.args)), ()
    scope = text_field(fields, "scope", default="selected")
    if scope == "all":
        query = text_field(fields, "filter", default="")
        if len(query) > _LONGEST_QUERY:
            raise BadRequest(gettext("The filter is too long."))
        return filter_of(ListState("users", FILTERS, MultiDict(parse_qsl(query)))), ()
    if scope == "pasted":
        return console.state.people.action_requests.find(text_field(fields, "users", default=""))
    return _keys(console), ()


def _keys(console: Console) -> list[str]:
    keys = console.fields.get("keys", console.fields.get("key", []))
    keys = [keys] if isinstance(keys, str) else keys
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or not keys:
        raise BadRequest(gettext("Select at least one user."))
    return keys


def _only_key(console: Console) -> str:
    keys = _keys(console)
    if len(keys) != 1:
        raise BadRequest(gettext("An access pass is issued to one user at a time."))
    return keys[0]


def _is_set(console: Console, name: str) -> bool:
    return str(console.fields.get(name, "")).lower() in {"1", "true"}


def _act_at_once(
    console: Console, action: str, users: Sequence[str] | UserFilter, missing: Sequence[str]
) -> Response:  # fmt: skip
    service = console.state.people.action_requests
    found = service.freeze(action, users, actor=console.actor, not_found=missing)
    options, errors = options_of(console, found, console.fields)
    if errors:
        return _refused(console, found, errors)
    if _is_set(console, "dry_run"):
        would = service.would(found, options, actor=console.actor)
        return answers.json_answer({**_outcomes(would, missing), "dry_run": True})
    done = console.state.people.action_jobs.carry_out(found, options, actor=console.actor)
    return answers.json_answer(_as_json(console, done))


def _outcomes(result: ActionResult, missing: Sequence[str]) -> dict[str, Any]:
    told = {
        name: [{"key": key, "reason": reason} for key, reason in getattr(result, name)]
        for name in ("done", "skipped", "failed")
    }
    told["failed"] += [{"key": word, "reason": "unknown-user"} for word in missing]
    return told


def _as_json(console: Console, found: ActionRequest) -> dict[str, Any]:
    told: dict[str, Any] = {"done": [], "skipped": [], "failed": []}
    for item in console.state.people.action_requests.items(found):
        if item.outcome:
            told[item.outcome].append({"key": item.user_key, "reason": item.reason})
    told["failed"] += [{"key": word, "reason": "unknown-user"} for word in found.not_found]
    url = console_url("user_request", request_id=found.id)
    return {**told, "id": found.id, "state": found.state.value, "count": found.count, "url": url}


def _row(item: ActionItem) -> Mapping[str, Any]:
    return {"key": item.user_key, "outcome": item.outcome or "waiting", "reason": item.reason}


_TABLE = Table("result", ("key", "outcome", "reason"), _row)


def _routes() -> Iterator[ConsoleRoute]:
    yield ConsoleRoute(
        rule="/users/actions", name="user_actions", view=act, methods=WRITE, least_to_write=Role.HELPDESK
    )
    yield ConsoleRoute(rule="/requests", name="user_requests", view=requests, least=Role.HELPDESK)
    yield ConsoleRoute(rule="/select", name="user_select", view=select, least=Role.HELPDESK)
    rule = "/requests/<request_id>"
    yield ConsoleRoute(rule=rule, name="user_request", view=show, least=Role.HELPDESK)
    yield ConsoleRoute(
        rule=rule, name="user_request_confirm", view=confirm, methods=WRITE, least_to_write=Role.HELPDESK
    )
    yield ConsoleRoute(
        rule=f"{rule}/cancel", name="user_request_cancel", view=cancel, methods=WRITE, least_to_write=Role.HELPDESK
    )


ROUTES = tuple(_routes())
