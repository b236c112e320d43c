"""Hosts with Flask-Login, or with a fork of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, current_app, g, request, session
from flask.ctx import RequestContext
from flask_login import AnonymousUserMixin, LoginManager, login_user
from werkzeug.local import LocalProxy

from ...domain.sign_in.assurance import SignIn
from ...errors import ConfigError, HostCallbackFailed, NamelessUser
from ...services.people.user_objects import is_anonymous, is_let_in, unwrapped
from ..request_notes import flask_context
from . import remember, session_snapshot
from .asking import HIDDEN, BareRequest, ask_afresh, cookies_after, session_of
from .signals import tell
from .source import LOADER_FAILED, TOLD

log = logging.getLogger("flask_mfa_gate")

USER_ID = "_user_id"
_LOADED = "_login_user"
_FROM_SESSION = "_mfa_gate_from_session"
_OF_MANAGERS = frozenset(vars(LoginManager))
OWN_NAMES = frozenset({_LOADED, _FROM_SESSION, HIDDEN})
_NOWHERE = (
    "The app's login manager left no user where Flask-Login looks for one, so nobody can be identified. "
    "Give identity= to init_app, an object whose load(request) tells who is signed in."
)


class FlaskLoginIdentity:
    """Hosts with Flask-Login or a fork of it: found at the request, known by what it does, not by its class.

    :param after_hooks: whether its loader needs what the host's own hooks open.
    """

    def __init__(self, user_key: Callable[[Any], str], *, after_hooks: bool) -> None:
        self._user_key, self._after_hooks = user_key, after_hooks
        self._stand_ins: dict[Callable[[Any], bool], LocalProxy[Any]] = {}

    def load(self) -> Any:
        """The user from session, remember cookie or request, as the manager finds it; also a disabled one."""
        try:
            manager, known = self._manager(), g._get_current_object().__dict__
            if _LOADED not in known:
                manager._load_user()
                known[_FROM_SESSION] = USER_ID in session
            return self._found(manager, known)
        except TOLD:
            raise
        except Exception as error:
            raise HostCallbackFailed(LOADER_FAILED) from error

    def can_name_nobody(self, here: RequestContext) -> bool:
        """Without session, remember cookie and request loader Flask-Login's own manager has nothing to go by."""
        # SECURITY: a session that is read at its first use looks empty before; the key itself is looked for too.
        if (contents := here.session) or USER_ID in contents:
            return False
        manager, cookies = getattr(here.app, "login_manager", None), here.request.cookies
        return manager is not None and _goes_by_session(manager) and not (cookies and remember.name() in cookies)

    def still_shows(self, user: Any) -> bool:
        """By the place where the manager looks first."""
        known = g._get_current_object().__dict__
        return known[_LOADED] is user if _LOADED in known else user is None

    def lasting(self, before: Mapping[str, Any], answer: Response) -> Any:
        """The session has the last word, which a view may have written by itself; else what the manager then finds."""
        user_id = session.get(USER_ID)
        if user_id is not None and user_id == before.get(USER_ID):
            return None if HIDDEN in g else self._of_session(user_id, answer)
        if user_id is not None:
            if not self._is_loaded(user_id):
                self.load_anew()
            return self.load()
        if USER_ID in before or g.get(_FROM_SESSION):
            self.hide_for_now()
        return None if _goes_by_session(self._manager()) else self._made_since(answer)

    def _of_session(self, user_id: object, answer: Response) -> Any:
        """Whom the session named all along, also where the view shows another one meanwhile."""
        return self.load() if self._is_loaded(user_id) else self._ask(cookies_after(answer))

    def _made_since(self, answer: Response) -> Any:
        """Whom a manager with ways of its own finds once this answer has arrived."""
        user, hidden = self._ask(cookies_after(answer)), g.get(HIDDEN)
        if user is None or hidden is None:
            return user
        # SECURITY: what names the same user without anything that the view did is no sign-in of the view's.
        without = self._ask(request.environ, contents=hidden)
        return None if without is not None and self._user_key(without) == self._user_key(user) else user

    def _ask(self, environ: Mapping[str, Any], contents: Mapping[str, Any] | None = None) -> Any:
        return ask_afresh(self._look, BareRequest(environ, contents, after_hooks=self._after_hooks))

    def _look(self) -> Any:
        manager, known = self._manager(), _known_here()
        # SECURITY: whom a hook of the host has just shown is known already.
        if _LOADED not in known:
            manager._load_user()
        return self._found(manager, known)

    def hide(self) -> None:
        """The manager's anonymous user stands in, and nothing is left of a session that names somebody."""
        self.hide_for_now()
        # SECURITY: apps may keep a second identity there, as Flask-Principal does, and go by that alone.
        if USER_ID in session:
            session_snapshot.empty()

    def hide_for_now(self) -> None:
        """The manager's anonymous user stands in."""
        manager = _manager_here()
        if manager is not None:
            setattr(g, HIDDEN, None if _goes_by_session(manager) else session_snapshot.take(session))
            setattr(g, _LOADED, _nobody(manager))

    def show(self, user: Any) -> None:
        """In the place where the manager looks first."""
        _known_here()[_LOADED] = user

    def show_when_asked(self, is_let_in: Callable[[Any], bool]) -> None:
        """A proxy stands in the manager's place, which looks when it is looked at."""
        if is_let_in not in self._stand_ins:
            self._stand_ins[is_let_in] = LocalProxy(lambda: self._shown(is_let_in))
        g._get_current_object().__dict__[_LOADED] = self._stand_ins[is_let_in]

    def _shown(self, is_let_in: Callable[[Any], bool]) -> Any:
        if type(g.get(_LOADED)) is not LocalProxy:
            return g.get(_LOADED)
        g.pop(_LOADED)
        with session_of(None):
            user = self.load()
            # SECURITY: nobody unproven is shown, also where nothing is stopped.
            if user is None or not is_let_in(user):
                self.hide_for_now()
        return g.get(_LOADED)

    def may_send_no_signal(self) -> bool:
        """Where the manager does not load as Flask-Login does."""
        manager = _manager_here()
        is_changed = manager is not None and "_load_user" in vars(manager)
        return is_changed or getattr(type(manager), "_load_user", None) not in {None, LoginManager._load_user}

    def load_anew(self) -> None:
        """The manager loads at the next question."""
        known = g._get_current_object().__dict__
        for name in (_LOADED, HIDDEN):
            if name in known:
                del known[name]

    def leave_to_host(self) -> Any:
        """Not of a token, which may be good for one look only."""
        return _known_here().pop(_LOADED, None) if USER_ID in session else None

    def take_back(self, user: Any) -> None:
        """Into the place where the manager looks first."""
        _known_here().setdefault(_LOADED, user)

    def set_aside(self) -> Mapping[str, Any]:
        """The user that the manager loaded there."""
        known = _known_here()
        return {name: known.pop(name) for name in (_LOADED, _FROM_SESSION, HIDDEN) if name in known}

    def put_back(self, known: Mapping[str, Any]) -> None:
        """The user that the manager had loaded there."""
        here = _known_here()
        for name in OWN_NAMES:
            here.pop(name, None)
        here.update(known)

    def sign_out(self) -> None:
        """As the manager's ``logout_user``, and nothing of the session is left.

        Its receivers can still see who leaves, and find the session as it stays: some hosts write it only then.
        """
        user = self._leaving()
        # SECURITY: what else the session holds is that user's too, and the next one at this browser must not find it.
        session_snapshot.empty()
        remember.clear()
        if user is not None:
            tell(self._manager(), "user_logged_out", user)
        self.hide()

    def _leaving(self) -> Any:
        """Whom the session names; None where the loader fails, and that user leaves without a word."""
        # What was hidden may be named here, and stays marked so.
        _known_here().pop(_LOADED, None)
        try:
            return self.load()
        except Exception:
            log.warning("the app's user loader failed at a sign-out, so its receivers are not told", exc_info=True)
            return None

    def sign_in(self, user: Any) -> bool:
        """By Flask-Login itself, which refuses those who are not active."""
        return bool(login_user(user))

    def was_named(self, before: Mapping[str, Any]) -> bool:
        """Not where the remember cookie put the key there only now."""
        return bool(before) and (USER_ID in before or USER_ID not in session)

    def host_user_id(self) -> str | None:
        """The manager's session key."""
        value = session.get(USER_ID)
        return None if value is None else str(value)

    def is_from_session(self) -> bool:
        """The manager keeps it in the session, also when a remember cookie brought it."""
        return USER_ID in session

    def load_with(self, environ: Mapping[str, Any], contents: Mapping[str, Any] | None = None) -> Any:
        """By all that the manager goes by."""
        return self._ask(environ, contents)

    def load_alone(self, environ: Mapping[str, Any]) -> Any:
        """By what the request itself brings."""
        alone = BareRequest(environ, {}, with_body=False, with_arguments=False, after_hooks=self._after_hooks)
        return ask_afresh(self._look, alone)

    def is_fresh(self) -> bool:
        """``login_user(..., fresh=False)`` is for those who were only remembered, by whatever the host keeps.

        It says nothing of whom the session does not name: Flask-Login writes it into any session of another client.
        """
        return USER_ID not in session or session.get("_fresh") is not False

    def kind(self, before: Mapping[str, Any]) -> SignIn:
        """By header, by remember cookie, or by a session that was there before."""
        if self.host_user_id() is None:
            return SignIn.TOKEN
        return SignIn.SESSION if USER_ID in before and self.is_fresh() else SignIn.REMEMBER_ME

    def _found(self, manager: Any, known: Mapping[str, Any]) -> Any:
        """What the manager left behind, where Flask-Login itself looks for it."""
        make_stand_in = getattr(manager, "anonymous_user", None)
        user = unwrapped(known.get(_LOADED))
        if user is None and not (make_stand_in is not None and _LOADED in known and unwrapped(make_stand_in()) is None):
            # SECURITY: a fork may keep its user elsewhere, and its own login_required would find them there.
            raise NamelessUser(_NOWHERE)
        return None if user is None or is_anonymous(user, make_stand_in) else user

    def _is_loaded(self, user_id: object) -> bool:
        """Whether the user object of the view is that of the session, and can still be read."""
        try:
            user = self._found(self._manager(), _known_here())
            return user is not None and str(user.get_id()) == str(user_id)
        except Exception:  # noqa: BLE001 - such as a row whose database session the view closed
            return False

    def _manager(self) -> Any:
        manager = getattr(flask_context.get().app, "login_manager", None)
        if manager is None:
            raise ConfigError(
                "identity", "is missing", allowed="Flask-Login on the app, or identity= given to init_app"
            )
        return manager


def _nobody(manager: Any) -> Any:
    """The manager's stand-in."""
    stand_in = getattr(manager, "anonymous_user", AnonymousUserMixin)()
    # SECURITY: one that the host would let in hides nobody.
    return AnonymousUserMixin() if is_let_in(unwrapped(stand_in)) else stand_in


def _is_always_nobody(stand_in: Any) -> bool:
    """Whether no object that this makes is ever let in, whatever the request brings."""
    if not isinstance(stand_in, type) or not issubclass(stand_in, AnonymousUserMixin):
        return False
    # SECURITY: whichever of these is the host's own may make a user of what the request brings.
    names = ("is_authenticated", "__getattribute__", "__new__", "__init__")
    return all(getattr(stand_in, name) is getattr(AnonymousUserMixin, name) for name in names)


def _known_here() -> dict[str, Any]:
    """What ``g`` holds, looked at without its proxy, which asks for it each time."""
    known: dict[str, Any] = g._get_current_object().__dict__
    return known


def _manager_here() -> Any:
    return getattr(current_app._get_current_object(), "login_manager", None)  # type: ignore[attr-defined]


def _goes_by_session(manager: Any) -> bool:
    """Whether nothing but session and remember cookie can name a user: so it is with Flask-Login's own manager."""
    # SECURITY: any other manager is asked at each request; it may know its users by whatever it likes.
    is_own = type(manager) is LoginManager and _OF_MANAGERS.isdisjoint(manager.__dict__)
    # SECURITY: its stand-in may be made of what the request brings.
    stand_in = manager.anonymous_user if is_own else None
    is_own = is_own and (stand_in is AnonymousUserMixin or _is_always_nobody(stand_in))
    return is_own and manager._request_callback is None and manager._header_callback is None
