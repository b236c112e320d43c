"""What a copy of the database must not show of a session: where its user goes, and what the host knows them by.

A path or a query may carry a token, and an alternative id of Flask-Login is a credential.
"""

from __future__ import annotations

import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from functools import partial
from typing import Any

from ...crypto import Keyring, Place
from ...domain.sign_in.session import Kept
from ...errors import SecretUnreadable

_TEXTS = ("target", "host_user_id")
_SEALED = "sealed:"
log = logging.getLogger("flask_mfa_gate")


class PrivateTexts:
    """Seals those texts in rows of the session table, bound to the sign-in, and opens them again."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row as it is stored."""
        sealed = {name: self._seal(row[name], name, row["lineage"]) for name in _TEXTS if name in row}
        return {**row, **sealed, **self._with_target(row, self._seal)}

    def open(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row as it was, with texts that are opened when they are read.

        One whose key is gone is none; one that was written before is as it stands.
        """
        kept = {name: self._kept(row[name], name, row["lineage"]) for name in _TEXTS}
        return {**row, **kept, **self._with_target(row, self._open)}

    def _kept(self, kept: str | None, column: str, lineage: str) -> Kept:
        return None if kept is None else partial(self._open, kept, column, lineage)

    def _with_target(self, row: Mapping[str, Any], turn: Any) -> dict[str, Any]:
        step_up = row.get("step_up")
        if step_up is None:
            return {}
        return {"step_up": {**step_up, "target": turn(step_up["target"], "step_up", row["lineage"]) or "/"}}

    def _seal(self, text: str | None, column: str, lineage: str) -> str | None:
        if text is None:
            return None
        sealed = self._keyring.seal(text.encode(errors="surrogatepass"), _place(column, lineage))
        return f"{_SEALED}{urlsafe_b64encode(sealed).decode()}"

    def _open(self, kept: str | None, column: str, lineage: str) -> str | None:
        if kept is None or not kept.startswith(_SEALED):
            return kept
        try:
            sealed = urlsafe_b64decode(kept.removeprefix(_SEALED))
            return self._keyring.open(sealed, _place(column, lineage)).decode(errors="surrogatepass")
        except (SecretUnreadable, ValueError) as error:
            log.warning("the %s of a session can't be opened: %s", column, error)
            return None


def _place(column: str, lineage: str) -> Place:
    """A rename of the user leaves the sign-in as it is."""
    return Place("session", column, lineage, "")
