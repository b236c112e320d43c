"""Who is signed in at Notes: tokens stay on the server, and a message of the portal can end a sign-in."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class SignIn:
    """One signed-in browser.

    :param claims: of the ID token.
    """

    claims: Mapping[str, Any]
    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)


class SignIns:
    """In memory, as everything of this example. The browser only has a random id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, SignIn] = {}
        self._used_logout_tokens: set[str] = set()

    def add(self, sign_in: SignIn) -> str:
        """The id for the session of the browser."""
        key = secrets.token_urlsafe(32)
        with self._lock:
            self._found[key] = sign_in
        return key

    def get(self, key: str | None) -> SignIn | None:
        """None where nobody is signed in, or the portal has ended it."""
        return self._found.get(key or "")

    def refreshed(self, key: str, token: Mapping[str, Any]) -> None:
        """Keep the tokens that a refresh gave in place of the old ones."""
        with self._lock:
            if key in self._found:
                self._found[key] = replace(
                    self._found[key],
                    access_token=token["access_token"],
                    refresh_token=token.get("refresh_token"),
                )

    def end(self, key: str | None) -> SignIn | None:
        """Sign this browser out here; gives what it was."""
        with self._lock:
            return self._found.pop(key or "", None)

    def end_session(self, *, subject: str | None, session_id: str | None, token_id: str) -> None:
        """What a logout token says: end the sign-ins of a session of the portal, or all of its user.

        :param token_id: of the logout token, which counts once.
        """
        with self._lock:
            if token_id in self._used_logout_tokens:
                return
            self._used_logout_tokens.add(token_id)
            for key, one in list(self._found.items()):
                is_meant = one.claims.get("sid") == session_id if session_id else one.claims["sub"] == subject
                if is_meant:
                    del self._found[key]
