"""Which user somebody means who types a key or an email."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...clock import Clock
from ...errors import BadRequest
from ...sentences import Sentence
from ...store import Store
from .directory import UserDirectory
from .user_objects import is_key

_FEW = 5
_STALE = (
    "The app can't be asked who has an email, and its users were not synced lately. "
    "Run: flask mfa sync, or give the key."
)


@dataclass(frozen=True, slots=True)
class UserLookup:
    """Finds one user, or refuses to guess.

    :param is_stale: whether the gate may not know everybody in the directory.
    """

    store: Store
    directory: UserDirectory
    is_stale: Callable[[], bool]
    clock: Clock

    def key_of(self, text: str) -> str:
        """The key that the text is, else that of the only one with this email; what nobody has comes back as it is.

        :raises BadRequest: for an email that several have, or may have.
        """
        # SECURITY: a key comes first, or anyone who takes another's key for an email would be acted on in their place.
        # SECURITY: what no database keeps is nobody's email, and must not reach one: it would fail there.
        if "@" not in text or not is_key(text) or self._is_key(text):
            return text
        keys = self._keys_of_email(text)
        # SECURITY: of two with one email none is meant for certain, however few of them the gate has met.
        if len(keys) > 1:
            shown = ", ".join(repr(key) for key in keys[:_FEW])
            raise BadRequest(
                Sentence(
                    "%(value)s users have the email %(text)r, with the keys %(shown)s. Give the key.",
                    value=len(keys),
                    text=text,
                    shown=shown,
                )
            )
        return keys[0] if keys else text

    def _is_key(self, text: str) -> bool:
        if not is_key(text):
            return False
        with self.store.database.read() as tx:
            if not self.directory.lists_users:
                # Who was only acted on may be an email that somebody typed.
                known = self.store.people.known(tx, [text], now=self.clock()).get(text)
                return known is not None and known.last_sign_in_at is not None
            if self.store.keys.is_known(tx, text):
                return True
        return self.directory.get(text) is not None

    def _keys_of_email(self, email: str) -> Sequence[str]:
        """The host's answer where it can be asked; else of those whom the gate knows, with the email they have now."""
        found = self.directory.find(email)
        if found:
            return [person.key for person in found]
        if found is None and self.directory.lists_users and self.is_stale():
            raise BadRequest(_STALE)
        with self.store.database.read() as tx:
            keys = self.store.people.keys_of_email(tx, email)
        now = [(key, self.directory.get(key)) for key in keys]
        there = [key for key, person in now if person is not None and person.email.lower() == email.lower()]
        # Who is gone from the app can be forgotten by the email that the gate saw last.
        return there or [key for key, person in now if person is None]
