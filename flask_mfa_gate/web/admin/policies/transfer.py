"""The whole document: taken out, and put in after a look at what that would change."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from flask import Response, request

from ....domain.people.roles import Role
from ....domain.policy.analysis.diff import PolicyDiff
from ....domain.policy.document.policy import PolicySet
from ....errors import BadRequest, Conflict, PolicyError
from ....services.policies.edits import merged
from ....services.policies.writing import EditContext
from ...account.authenticated_request import AuthenticatedRequest
from ...responses import answers
from ...translation import error_text, gettext
from ..console import WRITE, Console, ConsoleRoute, console_url
from .diffs import DiffView, diff_json, diff_view
from .kit import context, here, reason_of

_PARTS = ("version", "networks", "policies")
_FORMS = {"toml": "application/toml; charset=utf-8", "json": "application/json"}


@dataclass(frozen=True, slots=True)
class ImportForm:
    """What was pasted, and what it would change.

    :param version: of the policies that the difference was seen against.
    """

    text: str = ""
    is_merge: bool = False
    version: int = 0
    diff: DiffView | None = None
    problem: str = ""


def export(console: Console) -> Response:
    """The document, as TOML or JSON."""
    form = request.args.get("format") or ("json" if console.auth.wants_json else "toml")
    if form not in _FORMS:
        raise BadRequest("The document has two forms: toml and json.")
    response = Response(console.state.access.policies.export(form), content_type=_FORMS[form])
    response.headers["Content-Disposition"] = f'attachment; filename="policies.{form}"'
    return answers.guarded(response)


def open_import(console: Console) -> Response:
    """An empty form."""
    return _draw(console, ImportForm())


def import_(console: Console) -> Response:
    """Show in a page what a document would change, and with ``apply`` change it; a program's acts at once, unless it
    sends ``dry_run``.
    """
    text, is_merge = _text_sent(console), _is_set(console.auth, "merge")
    if _is_of_program(console.auth):
        is_dry = not applies(console.auth)
        found = _import(console, text, is_merge=is_merge, is_dry=is_dry)
        dry = {"dry_run": True} if is_dry else {}
        return answers.json_answer({**diff_json(found), **dry, "version": console.state.access.policies.version()})
    form = ImportForm(text, is_merge, console.state.access.policies.version())
    try:
        if applies(console.auth):
            _import(console, text, is_merge=is_merge, is_dry=False)
            return answers.see_other(console_url("policies"))
        return _draw(console, replace(form, diff=_would(console, text, is_merge)))
    except (BadRequest, Conflict, PolicyError) as error:
        refused = replace(form, diff=_or_none(console, text, is_merge), problem=error_text(error))
        return _draw(console, refused, error.status)


def applies(auth: AuthenticatedRequest) -> bool:
    """Whether an import is to be kept: a page says so by its button, a program unless it says ``dry_run``."""
    return not _is_set(auth, "dry_run") if _is_of_program(auth) else _is_set(auth, "apply")


def _is_of_program(auth: AuthenticatedRequest) -> bool:
    return request.is_json or auth.wants_json


def _import(console: Console, text: str, *, is_merge: bool, is_dry: bool) -> PolicyDiff:
    # A document that is the body itself has a version of its own, which is that of its format.
    seen = EditContext(None, here(console)) if _is_inline(console) else context(console)
    return console.state.access.policies.import_(
        text, actor=console.actor, dry_run=is_dry, merge=is_merge, reason=reason_of(console), context=seen
    )


def _is_inline(console: Console) -> bool:
    return "policies" in console.fields or "networks" in console.fields


def _would(console: Console, text: str, is_merge: bool) -> DiffView:
    """What an import would change from now.

    :raises PolicyError: for a document with a fault.
    """
    service = console.state.access.policies
    service.import_(text, actor=console.actor, dry_run=True, merge=is_merge)
    now, read = service.current(), service.read(text) if is_merge else service.read_alone(text)
    then: PolicySet = merged(now, read) if is_merge else read
    return diff_view(console, now, then)


def _or_none(console: Console, text: str, is_merge: bool) -> DiffView | None:
    try:
        return _would(console, text, is_merge)
    except (BadRequest, PolicyError):
        return None


def _text_sent(console: Console) -> str:
    if _is_inline(console):
        return json.dumps({key: console.fields[key] for key in _PARTS if key in console.fields})
    text = console.fields.get("document", "")
    if not isinstance(text, str) or not text.strip():
        raise BadRequest(gettext("Paste a document: TOML or JSON, as the export writes it."))
    return text.replace("\r\n", "\n")


def _is_set(auth: AuthenticatedRequest, name: str) -> bool:
    return auth.fields.get(name) in ("1", "true", True, 1)


def _draw(console: Console, form: ImportForm, status: int = 200) -> Response:
    return console.page("policies/import.html", status, form=form)


ROUTES = (
    ConsoleRoute(rule="/policies/export", name="policies_export", view=export),
    ConsoleRoute(rule="/policies/import", name="policies_import_form", view=open_import, least=Role.ADMIN),
    ConsoleRoute(rule="/policies/import", name="policies_import", view=import_, methods=WRITE, acts=applies),
)
