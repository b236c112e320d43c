"""Versions of the policies: what each changed, and the ways back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, request

from ....domain.policy.document.policy import PolicySet
from ....errors import BadRequest, Conflict, MFAGateError, NotFound, PolicyError
from ....services.policies.history import Edit
from ....services.policies.writing import EditContext
from ...responses import answers
from ...translation import error_text, gettext
from ..console import WRITE, Console, ConsoleRoute, console_url
from ..representation import Format, Listing, Table, csv_file, format_wanted, json_list, wants_document
from ..words import author_word
from . import words
from .diffs import DiffView, diff_json, diff_view
from .kit import context, here, names_in, policy_called, read_version, reason_of

_SHOWN, _MOST = 15, 240


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version as the page shows it.

    :param diff: what it changed; None where that can't be read any more.
    """

    version: int
    at: datetime
    author: str
    act: str
    subject: str
    reason: str | None
    diff: DiffView | None


@dataclass(frozen=True, slots=True)
class WayBack:
    """What an act would change from now; or why it can't be done."""

    diff: DiffView | None
    refusal: str = ""


def history(console: Console, name: str | None = None) -> Response:
    """All versions, or those in which one policy differs from the version before; newest first."""
    most = min(read_version(request.args, "limit") or _SHOWN, _MOST)
    edits = console.state.access.history.edits(name, limit=most)
    newest = console.state.access.policies.version()
    if name is not None and not edits and policy_called(console.state.access.policies.current(), name) is None:
        raise NotFound(gettext("There is no policy “%(name)s”.", name=name))
    rows, is_whole = _rows(console, edits, name), newest <= most
    kind = format_wanted(console, Format.HTML, Format.JSON, Format.CSV)
    if kind is Format.CSV:
        return csv_file(TABLE, rows)
    if kind is Format.JSON:
        return json_list(Listing(rows, None, len(rows), count_is_exact=is_whole), TABLE)
    return console.page(
        "policies/history.html", rows=rows, policy_name=name, newest=newest, words=words,
        more_url="" if is_whole or most >= _MOST else _history_url(name, limit=str(most * 2)),
        csv_url=_history_url(name, limit=str(_MOST), format="csv"),
    )  # fmt: skip


def _history_url(name: str | None, **query: str) -> str:
    return console_url("policy_own_history", name=name, **query) if name else console_url("policy_history", **query)


def policy_history(console: Console, name: str) -> Response:
    """Of one policy."""
    return history(console, name)


def _rows(console: Console, edits: Sequence[Edit], name: str | None) -> list[VersionRow]:
    names = names_in(console, actors=[edit.version.author for edit in edits])
    return [
        VersionRow(
            edit.version.version, edit.version.at, author_word(edit.version.author, names), edit.version.act,
            edit.version.subject, edit.reason, _diff_of(console, edit, name),
        )
        for edit in edits
    ]  # fmt: skip


def _diff_of(console: Console, edit: Edit, name: str | None) -> DiffView | None:
    if edit.before is None or edit.after is None:
        return None
    before, after = (_only(one, name) for one in (edit.before, edit.after))
    return diff_view(console, before, after)


def _only(policies: PolicySet, name: str | None) -> PolicySet:
    """As much of a set as the page of one policy is about."""
    if name is None:
        return policies
    return PolicySet(tuple(one for one in policies.policies if one.name == name), policies.networks)


def version(console: Console, version: int) -> Response:
    """What a version changed, and what undoing it or going back to it would change from now."""
    return _version_page(console, version, "", 200)


def _version_page(console: Console, version: int, problem: str, status: int) -> Response:
    newest = console.state.access.policies.version()
    if not 0 < version <= newest:
        raise NotFound(gettext("There is no version %(number)s of the policies.", number=version))
    edit = console.state.access.history.edit(version)
    name = request.args.get("policy")
    undo = _way_back(console, lambda: console.state.access.policies.undoing(version))
    back = _way_back(console, lambda: console.state.access.history.from_now(version, name))
    (row,) = _rows(console, [edit], None)
    if format_wanted(console, Format.HTML, Format.JSON) is Format.JSON:
        return answers.json_answer({**_row_json(row), "document": edit.version.document})
    return console.page(
        "policies/version.html", status, row=row, undo=undo, back=back, policy_name=name, newest=newest,
        problem=problem, words=words,
    )  # fmt: skip


def _way_back(console: Console, sets: Callable[[], tuple[PolicySet, PolicySet]]) -> WayBack:
    try:
        now, then = sets()
    except (BadRequest, Conflict, PolicyError) as error:
        return WayBack(None, error_text(error))
    return WayBack(diff_view(console, now, then))


def undo(console: Console, version: int) -> Response:
    """Take back what one version changed, and nothing that came later."""
    return _gone_back(
        console, version, lambda: console.state.access.policies.undo(
            version, actor=console.actor, reason=reason_of(console), context=context(console)
        ),
    )  # fmt: skip


def rollback(console: Console, version: int) -> Response:
    """Make an earlier version the newest one; later changes of others go too, which the page shows first."""
    return _gone_back(
        console, version, lambda: console.state.access.policies.rollback(
            version, actor=console.actor, reason=reason_of(console), context=context(console)
        ),
    )  # fmt: skip


def rollback_policy(console: Console, name: str) -> Response:
    """Take one policy back to what it was in a version.

    :raises BadRequest: without a version.
    """
    wanted, read = read_version(console.fields), read_version(console.fields, "read_version")
    if wanted is None:
        raise BadRequest("Give the version to go back to.")
    return _gone_back(
        console, wanted, lambda: console.state.access.policies.rollback(
            wanted, name=name, actor=console.actor, reason=reason_of(console), context=EditContext(read, here(console))
        ), name=name,
    )  # fmt: skip


def _gone_back(console: Console, version: int, act: Callable[[], Any], name: str | None = None) -> Response:
    try:
        diff = act()
    except (BadRequest, Conflict, PolicyError) as error:
        if wants_document(console):
            raise
        return _refused(console, version, error)
    if console.auth.wants_json:
        return answers.json_answer({**diff_json(diff), "version": console.state.access.policies.version()})
    return answers.see_other(console_url("policy_history") if name is None else console_url("policy", name=name))


def _refused(console: Console, version: int, error: MFAGateError) -> Response:
    if not 0 < version <= console.state.access.policies.version():
        raise error
    return _version_page(console, version, error_text(error), error.status)


def _row_json(row: VersionRow) -> dict[str, Any]:
    return {
        "version": row.version,
        "at": row.at.isoformat(),
        "author": row.author,
        "act": row.act,
        "subject": row.subject,
        "reason": row.reason,
        "loosens": list(row.diff.loosens) if row.diff else [],
        "changes": list(row.diff.sentences) if row.diff else [],
    }


TABLE = Table(
    "policy-history", ("version", "at", "author", "act", "subject", "reason", "loosens", "changes"), _row_json
)
ROUTES = (
    ConsoleRoute(rule="/policy-history", name="policy_history", view=history),
    ConsoleRoute(rule="/policy-history/<int:version>", name="policy_version", view=version),
    ConsoleRoute(rule="/policy-history/<int:version>/undo", name="policy_undo", view=undo, methods=WRITE),
    ConsoleRoute(
        rule="/policy-history/<int:version>/rollback", name="policy_rollback_all", view=rollback, methods=WRITE
    ),
    ConsoleRoute(rule="/policies/<name>/history", name="policy_own_history", view=policy_history),
    ConsoleRoute(rule="/policies/<name>/rollback", name="policy_rollback", view=rollback_policy, methods=WRITE),
)
