"""Whatever the form can show, it says again as it was; what it can't show, it does not show half."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.policy.analysis.implication import form_of
from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN
from flask_mfa_gate.domain.policy.document.codec import read_policy
from flask_mfa_gate.errors import BadRequest
from flask_mfa_gate.web.admin.policies.editor.tree import (
    Group,
    Row,
    edited,
    path_of,
    place_of,
    read_tree,
    rows_in,
    tree_of,
    without,
    written,
)
from flask_mfa_gate.web.admin.policies.editor.widgets import fields_of, wanted_of, widgets
from flask_mfa_gate.web.admin.policies.sentences import conditions_text

WIDGETS = widgets(BUILT_IN, ["office", "home, sweet home"])
ROWS = st.sampled_from(
    [
        {"network": ["office", "10.0.0.0/8", "home, sweet home"]},
        {"country": ["DE", "FR"]},
        {"platform": ["ios"]},
        {"device": ["trusted"]},
        {"sign_in": ["federated:https://id.example.org", "password"]},
        {"risk": ["new-device"]},
        {"schedule": {"zone": "UTC", "days": ["fri-mon"], "hours": "22:00-06:00", "holidays": ["2026-12-25"]}},
        {"schedule": {"zone": "Europe/Berlin", "hours": "08:00-24:00"}},
        {"schedule": {"zone": "UTC", "days": ["tue"]}},
        {"request": {"methods": ["POST"], "endpoints": ["portal.*", "api"]}},
        {"enrollment": ["ENROLLED"]},
    ]
)
TREES = st.recursive(
    ROWS,
    lambda inner: st.one_of(
        inner.map(lambda part: {"not": part}),
        st.tuples(st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=3)).map(
            lambda pair: dict([pair])
        ),
    ),
    max_leaves=8,
)


def conditions(table: dict[str, Any]) -> Any:
    return read_policy({"name": "x", "effect": {"action": "deny"}, "conditions": table}, registry=BUILT_IN).conditions


def days_apart(table: Any) -> Any:
    """The form ticks each day; ``fri-mon`` is four of them."""
    if isinstance(table, dict):
        order = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        spans = {"fri-mon": ["fri", "sat", "sun", "mon"]}
        return {
            key: sorted((day for text in value for day in spans.get(text, [text])), key=order.index)
            if key == "days" else days_apart(value)
            for key, value in table.items()
        }  # fmt: skip
    return [days_apart(one) for one in table] if isinstance(table, list) else table


def fields_sent(group: Group, place: tuple[int, ...] = ()) -> dict[str, tuple[str, ...]]:
    """As a browser would send the form."""
    sent: dict[str, tuple[str, ...]] = {f"{path_of(place)}.join": (group.join.value,)}
    for number, part in enumerate(group.parts):
        inner = (*place, number)
        if isinstance(part, Row):
            path = path_of(inner)
            sent |= {f"{path}.word": (part.word,), f"{path}.is": ("not" if part.negated else "is",)}
            sent |= {f"{path}.{name}": texts for name, texts in part.fields.items() if texts}
        else:
            sent |= fields_sent(part, inner)
    return sent


@given(TREES)
def test_what_is_shown_is_sent_and_read_as_it_was(table: dict[str, Any]) -> None:
    expected = conditions(table)
    shown = tree_of(expected, lambda one: fields_of(one, WIDGETS[one.word]))
    if shown is None:
        return
    again = read_tree(fields_sent(shown))
    read = conditions(written(again, lambda row: wanted_of(row, WIDGETS[row.word])))
    # A day's place in the week is all that may differ, so both are compared with days in the order of the week.
    assert form_of(conditions(days_apart(written(again, lambda row: wanted_of(row, WIDGETS[row.word]))))) == form_of(
        conditions(days_apart(table))
    )
    assert conditions_text(read)


@given(
    st.dictionaries(
        st.from_regex(r"c(\.\d{1,4}){0,6}\.(word|join|is|value|text)", fullmatch=True), st.tuples(st.text())
    )
)
def test_no_form_that_somebody_makes_up_breaks_it(values: dict[str, tuple[str, ...]]) -> None:
    try:
        tree = read_tree(values)
    except BadRequest:
        return
    for place, _ in rows_in(tree):
        assert place_of(path_of(place)) == place
        assert sum(1 for _ in rows_in(without(tree, place))) == sum(1 for _ in rows_in(tree)) - 1
    for path in ("c.0", "c.0.0", "c.999", "d", "c.0.1.2.3.4"):
        try:
            edited(tree, place_of(path), lambda group: group)
            without(tree, place_of(path))
        except BadRequest:
            continue


def test_more_rows_than_anybody_writes_are_refused() -> None:
    with pytest.raises(BadRequest, match="Use the document"):
        read_tree({f"c.{number}.word": ("platform",) for number in range(201)})
    deep: dict[str, Any] = {"platform": ["ios"]}
    for _ in range(4):
        deep = {"any": [deep, {"all": [{"browser": ["edge"]}, {"platform": ["linux"]}]}]}
    assert tree_of(conditions(deep), lambda one: fields_of(one, WIDGETS[one.word])) is None
