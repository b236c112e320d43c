"""What protects a view, and what waives what the app asks there: the one place where names and marks are weighed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum, auto
from functools import reduce
from typing import Any, ParamSpec, TypeVar

from flask import Blueprint, Flask, Request, current_app, request
from werkzeug.routing import Rule

from ...domain.access import MFA_ADMIN
from ...domain.view_protection import NO_PROTECTION, ViewProtection, Views
from ...settings import Settings
from ..endpoints import is_automatic_options, is_console, is_own, is_sign_out
from ..host import session_snapshot
from ..responses.host_names import PLACE
from ..state import EXTENSION

P = ParamSpec("P")
T = TypeVar("T")
ATTRIBUTE = "_mfa_gate_marks"
_CONSOLE = ViewProtection(resources=(MFA_ADMIN,))


class Waiver(Enum):
    """Why a request is not stopped by what the app asks. It still sees no unproven identity."""

    UNMATCHED = auto()
    EXEMPT = auto()
    SIGN_OUT = auto()


def marks_of(view: Any) -> ViewProtection:
    """The marks of a view, seen through decorators that keep its attributes; those of a view's class are its own."""
    own: ViewProtection | None = getattr(view, ATTRIBUTE, None)
    if own is not None:
        return own
    made_from = getattr(view, "view_class", None)
    return NO_PROTECTION if made_from is None else getattr(made_from, ATTRIBUTE, NO_PROTECTION)


def all_marks(view: Any, blueprints: Iterable[Any]) -> ViewProtection:
    """The marks of a view with those of the blueprints that it is in."""
    found = [marks_of(view), *(getattr(blueprint, ATTRIBUTE, NO_PROTECTION) for blueprint in blueprints)]
    if found[0] is NO_PROTECTION and found.count(NO_PROTECTION) == len(found):
        return NO_PROTECTION
    return reduce(ViewProtection.joined, found)


def marks_at(app: Flask, endpoint: str | None) -> ViewProtection:
    """The marks of a view and of every blueprint that it is in; files of a marked blueprint stay public."""
    if endpoint is None or endpoint not in app.view_functions:
        return NO_PROTECTION
    view = app.view_functions[endpoint]
    if "." not in endpoint:
        return marks_of(view)
    if is_own(endpoint):
        return _CONSOLE if is_console(endpoint) else NO_PROTECTION
    if _serves_files(view):
        return marks_of(view)
    names = endpoint.split(".")[:-1]
    return all_marks(view, [app.blueprints.get(".".join(names[: end + 1])) for end in range(len(names))])


def marks_here() -> ViewProtection:
    """The same for the view of this request."""
    return marks_at(current_app._get_current_object(), request.endpoint)  # type: ignore[attr-defined]


def marks_of_method(view: Any, method: str) -> ViewProtection:
    """The marks on the one method of a view class that answers this; that for GET also answers HEAD."""
    made_from = getattr(view, "view_class", None)
    if made_from is None:
        return NO_PROTECTION
    answering = getattr(made_from, method.lower(), None)
    return marks_of(getattr(made_from, "get", None) if answering is None and method == "HEAD" else answering)


def marked_views(app: Flask) -> Views:
    """The marks of each view that has any, by endpoint."""
    found = {endpoint: marks_at(app, endpoint) for endpoint in app.view_functions}
    return {endpoint: protection for endpoint, protection in found.items() if protection.wants_identity}


def marked_resources(app: Flask) -> frozenset[str]:
    """Every name that a view, or one method of a view class, is marked with."""
    methods = (protection for view in app.view_functions.values() for protection in marks_of_methods(view))
    return frozenset(name for protection in (*marked_views(app).values(), *methods) for name in protection.resources)


def marks_of_methods(view: Any) -> Iterator[ViewProtection]:
    """The marks on single methods of a view class."""
    made_from = getattr(view, "view_class", None)
    for name in getattr(made_from, "methods", None) or ():
        yield marks_of(getattr(made_from, name.lower(), None))


def waiver_here(settings: Settings, protection: ViewProtection) -> Waiver | None:
    """Whether what the app asks is waived at this request, whose view has these marks.

    It says nothing of what the marks themselves ask, which nothing waives.
    """
    if request.endpoint is None or request.routing_exception is not None:
        return Waiver.UNMATCHED
    if protection.is_exempt or request.endpoint in settings.exempt_endpoints:
        return Waiver.EXEMPT
    return Waiver.SIGN_OUT if is_sign_out(request.endpoint, settings) else None


def is_open_here(settings: Settings) -> bool:
    """Whether nobody is stopped here: no route, or an exempt view."""
    return waiver_here(settings, marks_here()) in {Waiver.UNMATCHED, Waiver.EXEMPT}


def is_way_out_here(settings: Settings) -> bool:
    """Whether this request only leaves the app; a marked view that is called like a sign-out does something else."""
    return not marks_here().wants_identity and is_sign_out(request.endpoint, settings)


def look_at(request: Request, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Take a step that looks at the session: where no route matches, its answer is the same for everybody."""
    if request.routing_exception is None:
        return step(*args, **kwargs)
    with session_snapshot.unnoticed():
        return step(*args, **kwargs)


def is_stopped(app: Flask, request: Request) -> bool:
    """Whether this request may be stopped: not for a static file of the host, nor a preflight that Flask answers."""
    rule = request.url_rule
    if rule is None:
        return True
    is_file = "filename" in rule.arguments and is_static_rule(app, rule)
    return not (is_file or (request.method == "OPTIONS" and is_automatic_options(request)))


def is_static_rule(app: Flask, rule: Rule) -> bool:
    """A static file: an endpoint named so whose only argument is a file name."""
    is_named_so = rule.endpoint == "static" or rule.endpoint.endswith(".static")
    if not is_named_so or rule.arguments - {PLACE} != {"filename"}:
        return False
    # SECURITY: a view of the host's that goes by its own session shows its files to whom that names, proved or not.
    if app.extensions[EXTENSION].host.traits.has_own_identity and not _is_of_flask(app.view_functions[rule.endpoint]):
        return False
    # SECURITY: a view that is only named so is a view like any other where it, or its blueprint, is marked.
    protection = marks_at(app, rule.endpoint)
    return protection is NO_PROTECTION or not protection.wants_identity


def _is_of_flask(view: Any) -> bool:
    """Whether Flask itself made this view, without a decorator around it, whatever that says of its module."""
    module = str(getattr(view, "__globals__", {}).get("__name__"))
    return module.startswith("flask.")


def methods_of_exempt_classes(app: Flask) -> Iterator[str]:
    """Endpoints of exempt view classes of which a method is marked."""
    for endpoint, view in app.view_functions.items():
        if marks_of(view).is_exempt and any(protection.wants_identity for protection in marks_of_methods(view)):
            yield endpoint


def _serves_files(view: Any) -> bool:
    """Whether this is the view that Flask itself makes for the static folder of a blueprint."""
    return isinstance(getattr(view, "__self__", None), Blueprint) and view.__name__ == "send_static_file"
