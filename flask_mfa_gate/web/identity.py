"""Who the host says is signed in, however the host does that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flask import Request, current_app, g, request, session

from ..domain.assurance import SignIn
from ..errors import ConfigError, HostCallbackFailed, NotProved
from . import snapshot

USER_ID = "_user_id"
LOGIN_KEYS = (USER_ID, "_fresh", "_id")
_REMEMBER_COOKIE = "remember_token"
LOADED = "_login_user"
HIDDEN = "_mfa_gate_hidden"
FROM_SESSION = "_mfa_gate_from_session"


class IdentitySource(Protocol):
    """Loads, hides and forgets the identity of a request."""

    def load(self) -> Any:
        """The user of this request, or None. Raises whatever the host's loader raises."""

    def after_view(self, before: Mapping[str, Any]) -> Any:
        """The user that the view left behind, or None; ``before`` is the session as it came in."""

    def hide(self) -> None:
        """Show nobody to what runs later, in this request and in those that follow."""

    def hide_for_now(self) -> None:
        """Show nobody in this request, and leave the session as it is."""

    def sign_out(self) -> None:
        """Make the host forget its user, in session and remember cookie."""

    def host_user_id(self) -> str | None:
        """What the host's session holds as its user's id."""

    def is_from_session(self) -> bool:
        """Whether a browser's session, not the request itself, says who this is."""

    def load_from(self, bare: Request) -> Any:
        """The user that this request would have; asked with one whose tokens were taken off."""

    def is_fresh(self) -> bool:
        """Whether the host says that who was just signed in gave the password now."""

    def kind(self, before: Mapping[str, Any]) -> SignIn:
        """How an identity that no view made in this request came to be."""


class FlaskLoginIdentity:
    """Hosts with Flask-Login or a fork of it: found at the request, known by what it does, not by its class."""

    def load(self) -> Any:
        """The user from session, remember cookie or request, as the manager finds it; also one that is switched off."""
        if not self._can_be_somebody():
            return None
        if LOADED not in g:
            self._manager()._load_user()
            setattr(g, FROM_SESSION, USER_ID in session)
        user = g.get(LOADED)
        return None if user is None or user.is_anonymous else user

    def after_view(self, before: Mapping[str, Any]) -> Any:
        """A view may have written the session by itself, so the session has the last word."""
        user_id = session.get(USER_ID)
        if user_id is None and (USER_ID in before or g.get(FROM_SESSION)):
            self.hide_for_now()
            return None
        if user_id is not None and user_id != before.get(USER_ID) and not self._is_loaded(user_id):
            g.pop(LOADED, None)
        return self.load()

    def hide(self) -> None:
        """The manager's anonymous user stands in, and the session no longer names anybody."""
        self.hide_for_now()
        session.pop(USER_ID, None)

    def hide_for_now(self) -> None:
        """The manager's anonymous user stands in."""
        manager = getattr(current_app, "login_manager", None)
        if manager is not None:
            setattr(g, LOADED, manager.anonymous_user())

    def sign_out(self) -> None:
        """The keys go; the manager clears its remember cookie at the end of the request."""
        for key in LOGIN_KEYS:
            session.pop(key, None)
        if self._remember_cookie() in request.cookies:
            session["_remember"] = "clear"
        self.hide()

    def host_user_id(self) -> str | None:
        """The manager's session key."""
        value = session.get(USER_ID)
        return None if value is None else str(value)

    def is_from_session(self) -> bool:
        """The manager keeps it in the session, also when a remember cookie brought it."""
        return USER_ID in session

    def load_from(self, bare: Request) -> Any:
        """By the host's ``request_loader``; a header alone is what was taken off."""
        callback = getattr(self._manager(), "_request_callback", None)
        return callback(bare) if callback is not None else None

    def is_fresh(self) -> bool:
        """``login_user(..., fresh=False)`` is for those who were only remembered, by whatever the host keeps."""
        return session.get("_fresh") is not False

    def kind(self, before: Mapping[str, Any]) -> SignIn:
        """By header, by remember cookie, or by a session that was there before."""
        if self.host_user_id() is None:
            return SignIn.TOKEN
        return SignIn.SESSION if USER_ID in before and self.is_fresh() else SignIn.REMEMBER_ME

    def _is_loaded(self, user_id: object) -> bool:
        user = g.get(LOADED)
        return user is not None and user.is_authenticated and str(user.get_id()) == str(user_id)

    def _can_be_somebody(self) -> bool:
        """An empty session, no cookie and no way to sign in by request: nobody has to be asked."""
        if LOADED in g or session or request.cookies:
            return True
        manager = self._manager()
        return bool(getattr(manager, "_request_callback", None) or getattr(manager, "_header_callback", None))

    def _remember_cookie(self) -> str:
        return str(current_app.config.get("REMEMBER_COOKIE_NAME", _REMEMBER_COOKIE))

    def _manager(self) -> Any:
        manager = getattr(current_app, "login_manager", None)
        if manager is None:
            raise ConfigError(
                "identity", "is missing", allowed="Flask-Login on the app, or identity= given to init_app"
            )
        return manager


class HostIdentity:
    """Hosts that keep their user their own way and said so with ``identity=``: the whole session is theirs."""

    def __init__(self, source: Any, user_key: Callable[[Any], str]) -> None:
        self._source, self._user_key = source, user_key

    def load(self) -> Any:
        """Whatever the host's object finds in the request."""
        return None if HIDDEN in g else self._source.load(request)

    def after_view(self, before: Mapping[str, Any]) -> Any:
        """Asked again when the view changed the session; what was hidden stays so unless the view itself made it."""
        if HIDDEN not in g:
            return self.load()
        hidden, now = g.get(HIDDEN), dict(session)
        if hidden == now:
            return None
        user, without = self._source.load(request), self._load_with(hidden)
        # SECURITY: a cookie of the host's own names the same user before and after; no view signed anybody in.
        if user is None or (without is not None and self._user_key(without) == self._user_key(user)):
            return None
        g.pop(HIDDEN)
        return user

    def _load_with(self, contents: Mapping[str, Any]) -> Any:
        """The user of this request if the session held this."""
        now, was_modified = dict(session), session.modified
        try:
            session.clear()
            session.update(contents)
            return self._source.load(request)
        finally:
            session.clear()
            session.update(now)
            session.modified = was_modified

    def load_from(self, bare: Request) -> Any:
        """The host's object takes any request."""
        return self._source.load(bare)

    def hide(self) -> None:
        """A session that names somebody is emptied; one that doesn't may hold what the sign-in form needs."""
        if self._may_name_somebody():
            session.clear()
        self.hide_for_now()

    def hide_for_now(self) -> None:
        """The host's object is not asked again until the session changes."""
        setattr(g, HIDDEN, snapshot.take(session))

    def _may_name_somebody(self) -> bool:
        try:
            return self._source.load(request) is not None
        except Exception:  # noqa: BLE001 - what can't be read can't be ruled out
            return True

    def sign_out(self) -> None:
        """Nothing is left in the session."""
        session.clear()
        self.hide_for_now()

    def host_user_id(self) -> str | None:
        """Only the host knows where it keeps an id."""
        return None

    def is_from_session(self) -> bool:
        """Only an empty session can't have made it."""
        return bool(session)

    def is_fresh(self) -> bool:
        """The host's object has no way to tell."""
        return True

    def kind(self, before: Mapping[str, Any]) -> SignIn:
        """A session with content may have made it; without, only the request itself can have."""
        return SignIn.SESSION if before else SignIn.TOKEN


def load_identity(source: IdentitySource) -> Any:
    """The user of this request; a host's loader that fails identifies nobody and lets nobody in.

    :raises NotProved: for a user made by a ``request_loader`` outside of hooks, whom nobody proved.
    :raises HostCallbackFailed: with the sentence that helps where the loader needs the host's own hooks first.
    """
    try:
        return source.load()
    except (ConfigError, NotProved):
        raise
    except Exception as error:
        raise HostCallbackFailed(
            "The app's user loader failed, so nobody can be identified. If it needs what "
            "the app's own before_request hooks open, "
            'set MFA_GATE_DECIDE = "last".'
        ) from error
