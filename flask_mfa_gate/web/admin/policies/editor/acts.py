"""The buttons of the editor: those that draw the form again, those that look at the draft, and the one that saves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from flask import request

from .....errors import BadRequest
from ....account.authenticated_request import AuthenticatedRequest
from .form import EditorForm
from .tree import Group, Row, edited, path_of, place_of, without

SAVE = "save"
_LOOKS = frozenset({"preview", "simulate", "document", "form"})


def act_of(fields: Mapping[str, Any]) -> tuple[str, str]:
    """The button that was pressed, and the place in the conditions that it is about.

    :raises BadRequest: for one that the editor does not have.
    """
    act = fields.get("act", SAVE)
    kind, _, path = act.partition(":") if isinstance(act, str) else ("", "", "")
    if kind not in {SAVE, *_LOOKS, *REDRAWS}:
        raise BadRequest("The editor has no such button.")
    return kind, path


def saves(auth: AuthenticatedRequest) -> bool:
    """Whether what was sent is to be kept: all but a form whose button only draws or looks."""
    act = auth.fields.get("act")
    # SECURITY: what the view would save asks for a fresh factor: JSON is saved whatever it says of a button.
    if request.is_json or not isinstance(act, str):
        return True
    return act.partition(":")[0] not in {*_LOOKS, *REDRAWS}


def _with_row(form: EditorForm, path: str) -> EditorForm:
    place, word = place_of(path), form.draft.text(f"{path}.add")
    if word not in form.widgets:
        raise BadRequest("There is no such condition.")
    return _with_part(form, path, place, Row(word))


def _with_group(form: EditorForm, path: str) -> EditorForm:
    place = place_of(path)
    if not form.may_nest(place):
        raise BadRequest("Groups are nested four deep at most. Use the document for more.")
    return _with_part(form, path, place, Group())


def _with_part(form: EditorForm, path: str, place: tuple[int, ...], part: Row | Group) -> EditorForm:
    number = 0

    def change(group: Group) -> Group:
        nonlocal number
        number = len(group.parts)
        return replace(group, parts=(*group.parts, part))

    tree = edited(form.draft.tree, place, change)
    return replace(form, draft=replace(form.draft, tree=tree), focus=path_of((*place, number)))


def _with_less(form: EditorForm, path: str) -> EditorForm:
    place = place_of(path)
    tree = without(form.draft.tree, place)
    return replace(form, draft=replace(form.draft, tree=tree), focus=f"{path_of(place[:-1])}.add")


def _as_it_is(form: EditorForm, path: str) -> EditorForm:
    return replace(form, focus="rule")


REDRAWS: Mapping[str, Callable[[EditorForm, str], EditorForm]] = {
    "add-condition": _with_row,
    "add-group": _with_group,
    "remove": _with_less,
    "redraw": _as_it_is,
}
