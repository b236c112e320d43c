"""Marks that the host puts on its views: resources, demands, exemptions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Blueprint, current_app

from ..domain.assurance import FACTOR_METHODS, Method
from ..domain.marks import NO_MARKS, Marks
from ..domain.policy.fields import read_name
from ..domain.verdict import Demand
from ..errors import BadRequest, ConfigError

View = TypeVar("View", bound=Callable[..., Any] | Blueprint)
_ATTRIBUTE = "_mfa_gate_marks"
_INSIDE = "_mfa_gate_inside_a_mark"


def marks_of(view: Any) -> Marks:
    """The marks of a view, seen through decorators that keep its attributes; those of a view's class are its own."""
    own, of_class = getattr(view, _ATTRIBUTE, None), getattr(getattr(view, "view_class", None), _ATTRIBUTE, None)
    return cast(Marks, own or of_class or NO_MARKS)


def all_marks(view: Any, blueprints: Iterable[Any]) -> Marks:
    """The marks of a view with those of the blueprints that it is in."""
    found = [marks_of(view), *(getattr(blueprint, _ATTRIBUTE, NO_MARKS) for blueprint in blueprints)]
    return Marks(
        resources=tuple(dict.fromkeys(name for marks in found for name in marks.resources)),
        demands=tuple(dict.fromkeys(demand for marks in found for demand in marks.demands)),
        is_exempt=found[0].is_exempt,
    )


def mark_resource(view: View, name: str, enforce: Callable[[Marks], Any]) -> View:
    """Name what the view opens.

    :raises PolicyError: for a name that no policy could say.
    """
    # SECURITY: a blank at the end, or one mark too many, and the policies for that name would pass the view by.
    read_name(name, "resource")
    return _marked(view, Marks(resources=(name,)), enforce)


def mark_demand(view: View, demand: Demand, enforce: Callable[[Marks], Any]) -> View:
    """Ask for proof at the view."""
    return _marked(view, Marks(demands=(demand,)), enforce)


def mark_exempt(view: View) -> View:
    """Don't stop requests to the view; it still sees no unproven identity.

    :raises ConfigError: for a view that is marked as well.
    """
    _require_no_contradiction(is_exempt=True, is_marked=marks_of(view).wants_identity)
    setattr(view, _ATTRIBUTE, replace(marks_of(view), is_exempt=True))
    return view


def demand_of(max_age: timedelta | None, factors: Collection[str]) -> Demand:
    """A demand from what a developer writes.

    :raises BadRequest: for an unknown factor or a negative age.
    """
    if max_age is not None and max_age < timedelta(0):
        raise BadRequest("max_age can't be negative.")
    known = {method.value for method in FACTOR_METHODS}
    if unknown := set(factors) - known:
        raise BadRequest(f"Unknown factors {sorted(unknown)}; known are {sorted(known)}.")
    return Demand(frozenset(Method(word) for word in factors) or FACTOR_METHODS, max_age)


def is_marked_in_vain(view: Any) -> bool:
    """Whether the app runs a view that was marked only after it had been given to the app."""
    return _INSIDE in getattr(view, "__dict__", {}) and not marks_of(view).wants_identity


def _require_no_contradiction(*, is_exempt: bool, is_marked: bool) -> None:
    # SECURITY: exempt wins at a request, so a view that is both would be open in spite of every policy.
    if is_exempt and is_marked:
        raise ConfigError("@gate.exempt", "stands on a view that is marked with a resource or a demand as well")


def _marked(view: View, added: Marks, enforce: Callable[[Marks], Any]) -> View:
    known = marks_of(view)
    _require_no_contradiction(is_exempt=known.is_exempt, is_marked=True)
    marks = Marks((*known.resources, *added.resources), (*known.demands, *added.demands), known.is_exempt)
    if isinstance(view, Blueprint):
        setattr(view, _ATTRIBUTE, marks)
        return cast(View, view)
    if isinstance(view, type):
        setattr(view, _ATTRIBUTE, marks)
        view.decorators = [*view.decorators, lambda made: _guarded(made, added, enforce)]  # type: ignore[attr-defined]
        return cast(View, view)
    guarded = _guarded(view, added, enforce)
    setattr(guarded, _ATTRIBUTE, marks)
    with suppress(AttributeError):
        setattr(view, _INSIDE, True)
    return cast(View, guarded)


def _guarded(view: Callable[..., Any], added: Marks, enforce: Callable[[Marks], Any]) -> Callable[..., Any]:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        # SECURITY: a decorator above that drops attributes hides the mark from the gate, so the view asks once more.
        answer = enforce(added)
        return current_app.ensure_sync(view)(*args, **kwargs) if answer is None else answer

    return guarded
