"""Hosts that keep their user their own way and said so with ``identity=``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Request, g, request, session

from ...domain.assurance import SignIn
from .. import snapshot
from .user_objects import is_anonymous, unwrapped

_HIDDEN = "_mfa_gate_hidden"


class HostIdentity:
    """Hosts that keep their user their own way and said so with ``identity=``: the whole session is theirs."""

    def __init__(self, source: Any, user_key: Callable[[Any], str]) -> None:
        self._source, self._user_key = source, user_key

    def load(self) -> Any:
        """Whatever the host's object finds in the request."""
        return None if _HIDDEN in g else self._ask(request)

    def after_view(self, before: Mapping[str, Any]) -> Any:
        """Asked again when the view changed the session; what was hidden stays so unless the view itself made it."""
        if _HIDDEN not in g:
            return self.load()
        hidden, now = g.get(_HIDDEN), dict(session)
        if hidden == now:
            return None
        user, without = self._ask(request), self._load_with(hidden)
        # SECURITY: a cookie of the host's own names the same user before and after; no view signed anybody in.
        if user is None or (without is not None and self._user_key(without) == self._user_key(user)):
            return None
        g.pop(_HIDDEN)
        return user

    def _load_with(self, contents: Mapping[str, Any]) -> Any:
        """The user of this request if the session held this."""
        now, was_modified = dict(session), session.modified
        try:
            session.clear()
            session.update(contents)
            return self._ask(request)
        finally:
            session.clear()
            session.update(now)
            session.modified = was_modified

    def _ask(self, asked: Request) -> Any:
        user = unwrapped(self._source.load(asked))
        return None if user is None or is_anonymous(user) else user

    def load_from(self, bare: Request) -> Any:
        """The host's object takes any request."""
        return self._ask(bare)

    def hide(self) -> None:
        """A session that names somebody is emptied; one that doesn't may hold what the sign-in form needs."""
        if self._may_name_somebody():
            session.clear()
        self.hide_for_now()

    def hide_for_now(self) -> None:
        """The host's object is not asked again until the session changes."""
        setattr(g, _HIDDEN, snapshot.take(session))

    def _may_name_somebody(self) -> bool:
        try:
            return self._ask(request) is not None
        except Exception:  # noqa: BLE001 - what can't be read can't be ruled out
            return True

    def load_anew(self) -> None:
        """Nothing is hidden any more."""
        g.pop(_HIDDEN, None)

    def set_aside(self) -> Mapping[str, Any]:
        """What was hidden there."""
        return {name: g.pop(name) for name in (_HIDDEN,) if name in g}

    def put_back(self, known: Mapping[str, Any]) -> None:
        """What was hidden there is hidden again."""
        self.set_aside()
        for name, value in known.items():
            setattr(g, name, value)

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
