"""How the gate stands in an app, whatever the order in which things are set up."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any, cast

from flask import Flask, Response, appcontext_pushed, current_app, request_started
from flask.sessions import SecureCookieSessionInterface
from flask_login import user_logged_in, user_login_confirmed
from werkzeug.exceptions import HTTPException

from ...errors import ConfigError
from ...settings import Settings
from ...store.database.location import Location
from ...store.database.sqlite_file import sentence_of_absence
from ..authorization.questions import TemplateHelper
from ..endpoints import DISCOVERY, is_own
from ..responses.host_names import shadowing_rules
from ..sessions.cookies import taken_cookie
from ..sessions.password_evidence import watch_statements
from ..skipped_steps import watch_steps
from ..state import EXTENSION, GateState
from ..view_marks.set_up import faults
from . import before_request
from .after_request import look_once_more, note_login
from .websockets import BEGINNINGS, guard_outside_hooks, look_for_hooks, tells_of_everybody

log = logging.getLogger("flask_mfa_gate")
_ARRANGED = "mfa_gate_arranged"


def install(app: Flask) -> None:
    """Stand first now, and put everything in its place once the app's set-up is over, at its first request."""
    app.before_request_funcs.setdefault(None, []).insert(0, before_request.open_request)
    app.before_request(before_request.before_view)
    app.after_request_funcs.setdefault(None, []).insert(0, look_once_more)
    beginnings = Beginnings()
    beginnings.watch(app)
    # Signals refer to it weakly.
    app.extensions[BEGINNINGS] = beginnings
    user_logged_in.connect(note_login, app)
    watch_statements()
    user_login_confirmed.connect(note_login, app)


def arrange(app: Flask, *, is_final: bool) -> None:
    """First before all hooks, and last before the view, in the app and in each blueprint.

    :param is_final: whether the app's set-up is over, so that no view is still to come.
    :raises ConfigError: for a contradiction between settings, marks and routes, a taken address or cookie, or a session
        that can't be kept.
    """
    state: GateState = app.extensions[EXTENSION]
    for fault in faults(app, state):
        if is_final or fault.is_sure:
            raise fault.error
    require_free(app, state.settings)
    require_session(app)
    stand_before_preprocessors(app)
    arrange_hooks(app)
    # Flask calls them from the last to the first.
    after = app.after_request_funcs
    after[None] = [look_once_more, *(hook for hook in after.get(None, []) if hook is not look_once_more)]


def arrange_hooks(app: Flask) -> None:
    """One hook does where the host has none: nothing happens then between the first look and the view."""
    hooks, names = app.before_request_funcs, [None, *app.blueprints]
    own = (before_request.open_request, before_request.before_view)
    others = {name: [hook for hook in hooks.get(name, []) if hook not in own] for name in names}
    # One assignment each: another first request may look at the list meanwhile.
    is_later = app.extensions[EXTENSION].settings.decide == "last"
    if is_later or any(others.values()) or app.url_value_preprocessors:
        for name in names:
            hooks[name] = Hooks([*(own[:1] if name is None else ()), *others[name], before_request.before_view])
        return
    hooks[None] = [before_request.open_request]
    for name in app.blueprints:
        hooks.pop(name, None)


class Hooks(list[Any]):
    """Hooks of which each request goes through those that there were when it began."""

    def __iter__(self) -> Iterator[Any]:
        # SECURITY: a hook that takes itself out, as those for the first request do, makes Flask skip the next one.
        return iter(self[:])


def require_free(app: Flask, settings: Settings) -> None:
    """Addresses and cookies of the gate are its own.

    :raises ConfigError: for a setting that gives one of them the name of something of the host's.
    """
    for name, prefix in own_prefixes(settings):
        if taken := taken_rules(app, prefix):
            raise ConfigError(
                name, f"is taken by {', '.join(taken)}", given=prefix, allowed="a path that no other route uses"
            )
    # Clients look for the provider at one address only (OpenID Connect Discovery 1.0 section 4).
    at_root = [rule.endpoint for rule in app.url_map.iter_rules() if rule.rule == DISCOVERY]
    if settings.oidc and (taken := [endpoint for endpoint in at_root if not is_own(endpoint)]):
        raise ConfigError("MFA_GATE_OIDC", f"needs {DISCOVERY}, where {taken[0]!r} of the app answers")
    if key := taken_cookie(app.config, settings):
        raise ConfigError(
            "MFA_GATE_COOKIE_NAME", f"is also the name of a cookie of the app, by {key}", given=settings.cookie_name,
            allowed="a name that no other cookie of this host name has",
        )  # fmt: skip


def require_session(app: Flask) -> None:
    """A sign-in is taken out of the host's session, also where the host itself keeps nothing there.

    :raises ConfigError: where Flask could write none.
    """
    if isinstance(app.session_interface, SecureCookieSessionInterface) and not app.secret_key:
        raise ConfigError("SECRET_KEY", "is missing, so Flask can keep no session", allowed="a long random string")


def own_prefixes(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Where the gate's pages are, by the setting that says so."""
    return (
        ("MFA_GATE_URL_PREFIX", settings.url_prefix),
        ("MFA_GATE_ADMIN_URL_PREFIX", settings.admin_url_prefix),
    )


def taken_rules(app: Flask, prefix: str) -> list[str]:
    """Routes of the host at an address of the gate's own pages, or in front of them under one host name."""
    rules = list(app.url_map.iter_rules())
    near = [rule for rule in rules if rule.rule.startswith(prefix) and not is_own(rule.endpoint)]
    own = {_shape(rule.rule) for rule in rules if is_own(rule.endpoint)} if near else set()
    taken = {rule.endpoint for rule in near if _shape(rule.rule) in own}
    return sorted(taken | shadowing_rules(app, prefix))


def _shape(rule: str) -> str:
    """The rule whatever its arguments are called."""
    return re.sub("<[^>]*>", "<>", rule)


class Beginnings:
    """Listens to contexts and requests of one app, for as long as somebody could ask there who a request is from before
    the first hook, or be loaded without a word of the login manager's.
    """

    def watch(self, app: Flask) -> None:
        """Listen from now on."""
        watch_steps(app)
        request_started.connect(self._begin_request, app)
        appcontext_pushed.connect(self._begin_context, app)

    def _begin_context(self, app: Flask, **_: Any) -> None:
        guard_outside_hooks(app)

    def _begin_request(self, app: Flask, **_: Any) -> None:
        look_for_hooks(app)
        _arrange_once(app)
        # Where the tables could not be asked at the start; an error of theirs is the request's to tell.
        is_settled = app.extensions[EXTENSION].operations.tables.require_own_once()
        if is_settled and self._are_told_by_hooks(app):
            request_started.disconnect(self._begin_request)
            appcontext_pushed.disconnect(self._begin_context)

    def _are_told_by_hooks(self, app: Flask) -> bool:
        # SECURITY: what runs before the hooks, or in their place, must not see whom nobody judged.
        is_plain = type(app).preprocess_request is Flask.preprocess_request and "preprocess_request" not in vars(app)
        others = [one for one in request_started.receivers_for(app) if one != self._begin_request]
        return is_plain and not others and tells_of_everybody(app)


def _arrange_once(app: Flask) -> None:
    if not app.extensions.get(_ARRANGED):
        watch_steps(app)
        arrange(app, is_final=True)
        _tell_of_absence(app.extensions[EXTENSION].location)
        # In macros that are imported without context too. Earlier the host may not be done with its environment.
        app.jinja_env.globals.setdefault("mfa_gate", TemplateHelper())
        app.extensions[_ARRANGED] = True


def _tell_of_absence(location: Location) -> None:
    """To whom starts the app without ``gate.check``; earlier the app may be about to make the file itself."""
    if location.is_lost and not location.file.exists():
        log.critical("%s", sentence_of_absence(location.file))


class Answered(HTTPException):
    """An answer of the gate where Flask lets a function return none."""

    def __init__(self, response: Response) -> None:
        super().__init__(response=response)


def decide_early(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """The first of the preprocessors."""
    if (answer := before_request.look_early()) is not None:
        raise Answered(current_app.make_response(answer))


def stand_before_preprocessors(app: Flask) -> None:
    """Only where the host has any: elsewhere the first hook returns its answer, which nobody can catch."""
    preprocessors = app.url_value_preprocessors
    if not any(function is not decide_early for found in preprocessors.values() for function in found):
        return
    others = [function for function in preprocessors.get(None, []) if function is not decide_early]
    preprocessors[None] = [decide_early, *others]
    # SECURITY: where HTTP exceptions are trapped, a handler of the host's would answer in place of the gate.
    for name in (None, *app.blueprints):
        app.error_handler_spec[name][None][Answered] = _give


def _give(answered: Answered) -> Response:
    return cast(Response, answered.response)
