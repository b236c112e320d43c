"""Hosts that keep their user their own way and said so with ``identity=``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Request, Response, g, request, session
from flask.ctx import RequestContext

from ...domain.sign_in.assurance import SignIn
from ...errors import HostCallbackFailed
from ...services.people.user_objects import is_anonymous, unwrapped
from . import session_snapshot
from .asking import HIDDEN, BareRequest, ask_afresh, cookies_after
from .source import LOADER_FAILED, TOLD

_SHOWN = "_mfa_gate_shown"
_TOKEN_OF_VIEW = "_jwt_extended_jwt"  # noqa: S105 - where Flask-JWT-Extended keeps the claims that opened a view


class HostIdentity:
    """Hosts that keep their user their own way and said so with ``identity=``: the whole session is theirs.

    :param after_hooks: whether their object needs what the host's own hooks open.
    """

    def __init__(self, source: Any, user_key: Callable[[Any], str], *, after_hooks: bool) -> None:
        self._source, self._user_key, self._after_hooks = source, user_key, after_hooks

    def load(self) -> Any:
        """Whatever the host's object finds in the request."""
        try:
            return g.get(_SHOWN) if HIDDEN in g else self._ask(request)
        except TOLD:
            raise
        except Exception as error:
            raise HostCallbackFailed(LOADER_FAILED) from error

    def can_name_nobody(self, here: RequestContext) -> bool:
        """It may go by whatever it likes."""
        return False

    def still_shows(self, user: Any) -> bool:
        """It is asked each time."""
        return False

    def lasting(self, before: Mapping[str, Any], answer: Response) -> Any:
        """What was hidden stays so unless the view itself made it."""
        user, hidden = self._ask_afresh(cookies_after(answer)), g.get(HIDDEN)
        if user is None or hidden is None:
            return user
        without = self._ask_afresh(request.environ, contents=hidden)
        # SECURITY: a cookie of the host's own names the same user before and after; no view signed anybody in.
        if without is not None and self._user_key(without) == self._user_key(user):
            return None
        g.pop(HIDDEN)
        return user

    def _ask_afresh(self, environ: Mapping[str, Any], contents: Mapping[str, Any] | None = None) -> Any:
        return ask_afresh(lambda: self._ask(request), BareRequest(environ, contents, after_hooks=self._after_hooks))

    def _ask(self, asked: Request) -> Any:
        user = unwrapped(self._source.load(asked))
        return None if user is None or is_anonymous(user) else user

    def load_with(self, environ: Mapping[str, Any], contents: Mapping[str, Any] | None = None) -> Any:
        """The host's object takes any request."""
        return self._ask_afresh(environ, contents)

    def load_alone(self, environ: Mapping[str, Any]) -> Any:
        """With an empty session."""
        alone = BareRequest(environ, {}, with_body=False, with_arguments=False, after_hooks=self._after_hooks)
        return ask_afresh(lambda: self._ask(request), alone)

    def hide(self) -> None:
        """A session that names somebody is emptied; one that doesn't may hold what the sign-in form needs."""
        if self._may_name_somebody():
            session.clear()
        self.hide_for_now()

    def hide_for_now(self) -> None:
        """The host's object is not asked again until the session changes."""
        g.pop(_SHOWN, None)
        setattr(g, HIDDEN, session_snapshot.take(session))

    def _may_name_somebody(self) -> bool:
        try:
            named, alone = self._ask(request), self._ask_afresh(request.environ, contents={})
            return named is not None and (alone is None or self._user_key(alone) != self._user_key(named))
        except Exception:  # noqa: BLE001 - what can't be read can't be ruled out
            return True

    def show(self, user: Any) -> None:
        """To the gate; the host asks :meth:`MFAGate.access_token`, since its own object knows nothing of this user."""
        setattr(g, _SHOWN, user)

    def show_when_asked(self, is_let_in: Callable[[Any], bool]) -> None:
        """The session stays as it is; the host asks its own object."""

    def may_send_no_signal(self) -> bool:
        """There is none, and no place of the gate's to stand in either."""
        return False

    def load_anew(self) -> None:
        """Nothing is hidden any more."""
        for name in (HIDDEN, _SHOWN):
            g.pop(name, None)

    def leave_to_host(self) -> Any:
        """The host's object is asked each time."""

    def take_back(self, user: Any) -> None:
        """Nothing was taken out."""

    def set_aside(self) -> Mapping[str, Any]:
        """What was hidden there."""
        return {name: g.pop(name) for name in (HIDDEN, _SHOWN) if name in g}

    def put_back(self, known: Mapping[str, Any]) -> None:
        """What was hidden there is hidden again."""
        self.set_aside()
        for name, value in known.items():
            setattr(g, name, value)

    def sign_in(self, user: Any) -> bool:
        """Only the host's object knows how."""
        return self._source.sign_in(user) is not False

    def sign_out(self) -> None:
        """Nothing is left in the session."""
        session.clear()
        self.hide_for_now()

    def was_named(self, before: Mapping[str, Any]) -> bool:
        """An empty one can't have."""
        return bool(before)

    def host_user_id(self) -> str | None:
        """Only the host knows where it keeps an id."""
        return None

    def is_from_session(self) -> bool:
        """Only an empty session can't have made it."""
        return bool(session)

    def is_fresh(self) -> bool:
        """As the host's object says, if it does."""
        tells = getattr(self._source, "is_fresh", None)
        if tells is not None:
            return bool(tells(request))
        # SECURITY: a view that a refresh token opened has seen no password, and the token may be a stolen one.
        return (g.get(_TOKEN_OF_VIEW) or {}).get("type") != "refresh"

    def kind(self, before: Mapping[str, Any]) -> SignIn:
        """A session with content may have made it; without, only the request itself can have."""
        return SignIn.SESSION if before else SignIn.TOKEN
