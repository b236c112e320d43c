"""A policy as it is being written: what was typed, and what it comes to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from .....domain.policy.addresses import looks_like_address
from .....domain.policy.conditions.words.network import NETWORK
from .....domain.policy.document.codec import read_policy
from .....domain.policy.document.effect import Action
from .....domain.policy.document.policy import Policy
from .....errors import BadRequest, PolicyError
from .....sentences import Sentence
from ....translation import gettext, translated
from .people import Choices
from .tree import Group, Row, Values, empty_groups_in, path_of, read_tree, rows_in, tree_of, written
from .widgets import Widget, fields_of, wanted_of

UNITS = {"1": 1, "60": 60, "3600": 3600, "86400": 86400}
_TEXTS = ("name", "description", "message", "help_link")
_LINES = re.compile(r"[\r\n]+")
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_FIELDS = (
    "name", "description", "state", "include", "exclude", "resources", "conditions", "action", "factors", "max_age",
    "grace_days", "message", "help_link",
)  # fmt: skip
_OWN_FIELD = re.compile(rf"(?:users\.|effect\.)?({'|'.join(_FIELDS)})\b.*")


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form.

    :param values: what was typed or ticked, by field.
    """

    values: Values = field(default_factory=dict)
    tree: Group = field(default_factory=Group)

    def text(self, name: str, default: str = "") -> str:
        """What was typed into a field."""
        return "\n".join(self.values[name]) if name in self.values else default

    def has(self, name: str, value: str) -> bool:
        """Whether a box is ticked."""
        return value in self.values.get(name, ())

    def others(self, name: str, boxes: Iterable[str]) -> str:
        """What stands in the text beside boxes."""
        return "\n".join(one for one in self.values.get(f"{name}_text", ()))


@dataclass(slots=True)
class Outcome:
    """What a draft comes to: a policy, or a sentence for each field that is wrong."""

    policy: Policy | None = None
    errors: dict[str, str] = field(default_factory=dict)


def read_values(fields: Mapping[str, Any]) -> Values:
    """The fields of a form; each may come more than once.

    :raises BadRequest: for what no form sends.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, value in fields.items():
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in texts):
            raise BadRequest(Sentence("%(name)s has to be text.", name=name))
        found[name] = tuple(texts)
    return found


def read_draft(fields: Mapping[str, Any]) -> Draft:
    """The draft that a form carries."""
    values = read_values(fields)
    return Draft(values, read_tree(values))


def draft_of(policy: Policy, widgets: Mapping[str, Widget], choices: Choices) -> Draft | None:
    """The draft that shows a policy; None for one that the form can't show."""
    tree = tree_of(
        policy.conditions, lambda one: fields_of(one, widgets[one.word]) if one.word in widgets else None
    )  # fmt: skip
    if tree is None:
        return None
    age, unit = _age_of(policy.effect.max_age)
    include, include_text = choices.shown(policy.users.include)
    exclude, exclude_text = choices.shown(policy.users.exclude)
    resources = policy.resources or ("app",)
    values = {
        "name": (policy.name,), "description": (policy.description,), "state": (policy.state.value,),
        "include": include, "include_text": include_text, "exclude": exclude, "exclude_text": exclude_text,
        "resources": tuple(one for one in resources if one in choices.resources),
        "resources_text": tuple(one for one in resources if one not in choices.resources),
        "action": (policy.effect.action.value,), "factors": tuple(kind.value for kind in policy.effect.factors),
        "max_age": (age,), "max_age_unit": (unit,), "grace_days": (str(policy.effect.grace_days or ""),),
        "message": (policy.message,), "help_link": (policy.help_link,),
    }  # fmt: skip
    return Draft(values, tree)


def _age_of(age: timedelta | None) -> tuple[str, str]:
    if age is None:
        return "", "60"
    seconds = int(age.total_seconds())
    unit = next(unit for unit in (86400, 3600, 60, 1) if seconds % unit == 0) if seconds else 60
    return str(seconds // unit), str(unit)


def outcome_of(draft: Draft, widgets: Mapping[str, Widget], choices: Choices) -> Outcome:
    """The policy that the form says, or what is wrong with it, field by field."""
    found = Outcome()
    table = _table(draft, widgets, choices, found.errors)
    _check_rows(draft.tree, widgets, choices, found.errors)
    if found.errors:
        return found
    try:
        found.policy = read_policy(table, registry=choices.registry)
    except PolicyError as error:
        found.errors[field_of(error)] = said(error)
    return found


def field_of(error: PolicyError) -> str:
    """The field of the form that a fault is about; empty for none."""
    match = _OWN_FIELD.fullmatch(error.path)
    return {"conditions": "c"}.get(match[1], match[1]) if match else ""


def said(error: PolicyError) -> str:
    """A fault as it is said at its field, where its path would say nothing."""
    problem = translated(error.at_field)
    return gettext("This %(problem)s", problem=problem)


def _table(draft: Draft, widgets: Mapping[str, Widget], choices: Choices, errors: dict[str, str]) -> dict[str, object]:
    table: dict[str, object] = {name: draft.text(name).replace("\r\n", "\n").strip() for name in _TEXTS}
    table["state"] = draft.text("state", "off")
    include, exclude = (choices.read(draft.values, name, errors) for name in ("include", "exclude"))
    table["users"] = {"include": include, "exclude": exclude}
    typed = [line.strip() for line in _LINES.split(draft.text("resources_text")) if line.strip()]
    table["resources"] = [*draft.values.get("resources", ()), *typed]
    is_whole = _known(draft, widgets)
    table["conditions"] = written(draft.tree, lambda row: wanted_of(row, widgets[row.word])) if is_whole else {}
    action = draft.text("action")
    table["effect"] = {"action": action, **(_demand(draft, errors) if action == Action.REQUIRE else {})}
    missing = {
        "include": (include, gettext("Choose everyone, a group, or at least one user.")),
        "resources": (table["resources"], gettext("Choose at least one resource.")),
        "name": (table["name"], gettext("Give the policy a name.")),
        "action": (action, gettext("Choose what the policy does.")),
    }
    errors |= {name: text for name, (given, text) in missing.items() if not given and name not in errors}
    return table


def _known(draft: Draft, widgets: Mapping[str, Widget]) -> bool:
    for _, row in rows_in(draft.tree):
        if row.word not in widgets:
            raise BadRequest(Sentence("There is no condition %(value)r.", value=row.word[:100]))
    return not any(True for _ in empty_groups_in(draft.tree))


def _demand(draft: Draft, errors: dict[str, str]) -> dict[str, object]:
    demand: dict[str, object] = {}
    if factors := draft.values.get("factors"):
        demand["factors"] = [*factors]
    unit = UNITS.get(draft.text("max_age_unit", "1"), 1)
    for name, size in (("max_age", unit), ("grace_days", 1)):
        typed = draft.text(name).strip()
        if typed and not _NUMBER.fullmatch(typed):
            errors[name] = gettext("Enter a whole number.")
        elif typed:
            demand[name] = int(typed) * size
    return demand


def _check_rows(tree: Group, widgets: Mapping[str, Widget], choices: Choices, errors: dict[str, str]) -> None:
    for place in empty_groups_in(tree):
        errors[path_of(place)] = gettext("This group is empty. Add a condition to it, or remove it.")
    for place, row in rows_in(tree):
        if (problem := _problem_of(row, widgets[row.word], choices)) is not None:
            errors[path_of(place)] = problem


def _problem_of(row: Row, widget: Widget, choices: Choices) -> str | None:
    wanted = wanted_of(row, widget)
    if not wanted:
        return gettext("Choose or enter at least one value.")
    try:
        choices.registry.read(row.word, wanted, "")
    except PolicyError as error:
        return _said_of_row(error)
    if row.word == NETWORK.word and isinstance(wanted, list):
        unknown = [text for text in wanted if not looks_like_address(text) and text not in widget.options]
        if unknown:
            return gettext("“%(name)s” is neither an address nor a named network.", name=unknown[0])
    return None


def _said_of_row(error: PolicyError) -> str:
    text = translated(error.at_field)
    where = error.path.strip(".").partition("[")[0]
    return f"{where}: {text}" if where else gettext("This %(problem)s", problem=text)
