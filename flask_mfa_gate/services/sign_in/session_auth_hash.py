"""What the host changes with a user's password: a different value voids every session that rests on the old one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from ...crypto import Keyring
from ...errors import HostCallbackFailed

ATTRIBUTES = ("password_hash", "password", "fs_uniquifier")
_PURPOSE = "session-stamp"


class Stamper:
    """Keyed digests of the host's stamp, so that no session row holds anything of a password.

    :param callback: as the host gave it; None looks for the usual attributes.
    """

    def __init__(self, keyring: Keyring, callback: Callable[[Any], Any] | None) -> None:
        self._keyring, self._callback = keyring, callback

    def stamps(self, user: Any, key: str) -> tuple[str, ...]:
        """The digests that stand for this user's password now, the newest first; none where the host has no such thing.

        :raises HostCallbackFailed: when the callback raises.
        """
        found = self._found(user)
        value = None if found is None and self._callback is None else self._as_text(found)
        return () if value is None else self._digests(value, key)

    def is_stale(self, stamp: str | None, user: Any, key: str) -> bool:
        """Whether a session with this stamp rests on a password that is no longer the user's."""
        return stamp is not None and stamp not in self.stamps(user, key)

    def is_among(self, user: Any, written: Collection[str | bytes]) -> bool:
        """Whether what stands for this user's password is one of these values.

        :raises HostCallbackFailed: when the callback raises.
        """
        value = self._found(user)
        return isinstance(value, str | bytes) and value in written

    def is_of(self, stamp: str | None, value: str | bytes, key: str) -> bool:
        """Whether a session with this stamp rests on what stands for the password in this value."""
        text = self._as_text(value)
        return stamp is not None and text is not None and stamp in self._digests(text, key)

    def _digests(self, value: str, key: str) -> tuple[str, ...]:
        return tuple(self._keyring.digests(value, purpose=_PURPOSE, row=key))

    def _as_text(self, value: Any) -> str | None:
        if self._callback is not None:
            return str(value)
        # Some hosts keep what bcrypt gives them, which is bytes.
        return value.hex() if isinstance(value, bytes) else value if isinstance(value, str) else None

    def _found(self, user: Any) -> Any:
        if self._callback is None:
            for name in ATTRIBUTES:
                if (found := getattr(user, name, None)) is not None:
                    return found
            return None
        try:
            return self._callback(user)
        except Exception as error:
            raise HostCallbackFailed("The session_stamp callback failed, so nobody can be let in.") from error
