"""What protects a view, and what waives what the app asks there: the one place where names and marks are weighed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from enum import Enum, auto
from typing import Any

from flask import Blueprint, Flask, Request, current_app, request
from werkzeug.routing import Rule

from ...domain.access import MFA_ADMIN
from ...domain.marks import NO_MARKS, Marks, Views
from ...settings import Settings
from ..endpoints import is_automatic_options, is_console, is_own, is_sign_out
from ..host import session_snapshot
from ..responses.host_names import PLACE
from .marks import all_marks, marks_of, marks_of_methods

_CONSOLE = Marks(resources=(MFA_ADMIN,))


_PLAINLY = nullcontext()


class Waiver(Enum):
    """Why a request is not stopped by what the app asks. It still sees no unproven identity."""

    UNMATCHED = auto()
    EXEMPT = auto()
    SIGN_OUT = auto()


def marks_at(app: Flask, endpoint: str) -> Marks:
    """The marks of a view and of every blueprint that it is in; files of a marked blueprint stay public."""
    view = app.view_functions.get(endpoint)
    if view is None or is_own(endpoint):
        return _CONSOLE if view is not None and is_console(endpoint) else NO_MARKS
    if "." not in endpoint:
        return all_marks(view, ())
    if _serves_files(view):
        return marks_of(view)
    names = endpoint.split(".")[:-1]
    return all_marks(view, [app.blueprints.get(".".join(names[: end + 1])) for end in range(len(names))])


def marks_here() -> Marks:
    """The same for the view of this request."""
    return marks_at(current_app._get_current_object(), request.endpoint or "")  # type: ignore[attr-defined]


def marked_views(app: Flask) -> Views:
    """The marks of each view that has any, by endpoint."""
    found = {endpoint: marks_at(app, endpoint) for endpoint in app.view_functions}
    return {endpoint: marks for endpoint, marks in found.items() if marks.wants_identity}


def marked_resources(app: Flask) -> frozenset[str]:
    """Every name that a view, or one method of a view class, is marked with."""
    methods = (marks for view in app.view_functions.values() for marks in marks_of_methods(view))
    return frozenset(name for marks in (*marked_views(app).values(), *methods) for name in marks.resources)


def waiver_here(settings: Settings, marks: Marks) -> Waiver | None:
    """Whether what the app asks is waived at this request, whose view has these marks.

    It says nothing of what the marks themselves ask, which nothing waives.
    """
    if request.endpoint is None or request.routing_exception is not None:
        return Waiver.UNMATCHED
    if marks.is_exempt or request.endpoint in settings.exempt_endpoints:
        return Waiver.EXEMPT
    return Waiver.SIGN_OUT if is_sign_out(request.endpoint, settings) else None


def is_open_here(settings: Settings) -> bool:
    """Whether nobody is stopped here: no route, or an exempt view."""
    return waiver_here(settings, marks_here()) in {Waiver.UNMATCHED, Waiver.EXEMPT}


def is_way_out_here(settings: Settings) -> bool:
    """Whether this request only leaves the app; a marked view that is called like a sign-out does something else."""
    return not marks_here().wants_identity and is_sign_out(request.endpoint, settings)


def look_at(request: Request) -> AbstractContextManager[None]:
    """How the gate looks at the session: where no route matches, its answer is the same for everybody."""
    return session_snapshot.unnoticed() if request.routing_exception is not None else _PLAINLY


def is_stopped(request: Request) -> bool:
    """Whether this request may be stopped: not for a static file of the host, nor a preflight that Flask answers."""
    rule = request.url_rule
    return rule is None or not (is_static_rule(current_app, rule) or is_automatic_options(request))


def is_static_rule(app: Flask, rule: Rule) -> bool:
    """A static file: an endpoint named so whose only argument is a file name."""
    if rule.endpoint.rpartition(".")[2] != "static" or rule.arguments - {PLACE} != {"filename"}:
        return False
    # SECURITY: a view that is only named so is a view like any other where it, or its blueprint, is marked.
    return not marks_at(app, rule.endpoint).wants_identity


def methods_of_exempt_classes(app: Flask) -> Iterator[str]:
    """Endpoints of exempt view classes of which a method is marked."""
    for endpoint, view in app.view_functions.items():
        if marks_of(view).is_exempt and any(marks.wants_identity for marks in marks_of_methods(view)):
            yield endpoint


def _serves_files(view: Any) -> bool:
    """Whether this is the view that Flask itself makes for the static folder of a blueprint."""
    return isinstance(getattr(view, "__self__", None), Blueprint) and view.__name__ == "send_static_file"
