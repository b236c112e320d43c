"""How the host puts marks on its views: resources, demands, exemptions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Blueprint, current_app

from ...domain.authorization.decision import AuthnRequirement
from ...domain.view_protection import ViewProtection
from ...errors import ConfigError
from .arguments import require_exemptible, require_markable
from .protection import ATTRIBUTE, marks_of

View = TypeVar("View", bound=Callable[..., Any] | Blueprint)
_INSIDE = "_mfa_gate_inside_a_mark"


def mark_resource(view: View, name: str, enforce: Callable[[ViewProtection], Any]) -> View:
    """Name what the view opens."""
    require_markable("@gate.resource", view)
    return _marked(view, ViewProtection(resources=(name,)), enforce)


def mark_demand(view: View, demand: AuthnRequirement, enforce: Callable[[ViewProtection], Any]) -> View:
    """Ask for proof at the view."""
    require_markable("@gate.require_mfa", view)
    return _marked(view, ViewProtection(demands=(demand,)), enforce)


def mark_scopes(view: View, scopes: frozenset[str], enforce: Callable[[ViewProtection], Any]) -> View:
    """Take access tokens of the OpenID provider at the view."""
    require_markable("@gate.accept_access_tokens", view)
    return _marked(view, ViewProtection(scopes=scopes), enforce)


def mark_exempt(view: View | None) -> View:
    """Don't stop requests to the view; it still sees no unproven identity.

    :raises ConfigError: for a view that is marked as well, and for anything that is no view.
    """
    require_exemptible(view)
    assert view is not None  # noqa: S101 - for the type checker
    _require_no_contradiction(is_exempt=True, is_marked=marks_of(view).wants_identity)
    try:
        setattr(view, ATTRIBUTE, replace(marks_of(view), is_exempt=True))
    except AttributeError:
        raise ConfigError(
            "@gate.exempt", "stands on a view that can keep no mark, such as a bound method", given=view,
            allowed="the function itself, in its class, or MFA_GATE_EXEMPT_ENDPOINTS",
        ) from None  # fmt: skip
    return view


def is_marked_in_vain(view: Any, views: Collection[Any]) -> bool:
    """Whether the app runs a view that was marked only after it had been given to the app; ``views`` are all of its."""
    guarded = getattr(view, "__dict__", {}).get(_INSIDE)
    if guarded is None or marks_of(view).wants_identity:
        return False
    # One function may serve two routes, one of them marked.
    return not any(guarded is inner for one in views for inner in _layers(one))


def _layers(view: Any) -> Iterator[Any]:
    """A view, and what its decorators wrap."""
    while view is not None:
        yield view
        view = getattr(view, "__wrapped__", None)


def _require_no_contradiction(*, is_exempt: bool, is_marked: bool) -> None:
    # SECURITY: exempt wins at a request, so a view that is both would be open in spite of every policy.
    if is_exempt and is_marked:
        raise ConfigError("@gate.exempt", "stands on a view that is marked with a resource or a demand as well")


def _marked(view: View, added: ViewProtection, enforce: Callable[[ViewProtection], Any]) -> View:
    known = marks_of(view)
    _require_no_contradiction(is_exempt=known.is_exempt, is_marked=True)
    protection = known.joined(added)
    if isinstance(view, Blueprint):
        setattr(view, ATTRIBUTE, protection)
        return cast(View, view)
    if isinstance(view, type):
        setattr(view, ATTRIBUTE, protection)
        view.decorators = [*view.decorators, lambda made: _guarded(made, added, enforce)]  # type: ignore[attr-defined]
        return cast(View, view)
    guarded = _guarded(view, added, enforce)
    setattr(guarded, ATTRIBUTE, protection)
    with suppress(AttributeError):
        setattr(view, _INSIDE, guarded)
    return cast(View, guarded)


def _guarded(
    view: Callable[..., Any], added: ViewProtection, enforce: Callable[[ViewProtection], Any]
) -> Callable[..., Any]:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        # SECURITY: a decorator above that drops attributes hides the mark from the gate, so the view asks once more.
        answer = enforce(added)
        return current_app.ensure_sync(view)(*args, **kwargs) if answer is None else answer

    return guarded
