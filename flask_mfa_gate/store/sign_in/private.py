"""What a copy of the database must not show of a session: where its user goes, and what the host knows them by.

A path or a query may carry a token, and an alternative id of Flask-Login is a credential.
"""

from __future__ import annotations

import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from ...crypto import Keyring, Place
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
        lineage, step_up = row["lineage"], row.get("step_up")
        sealed: dict[str, Any] = {name: self._seal(row[name], name, lineage) for name in _TEXTS if name in row}
        if step_up is not None:
            sealed["step_up"] = {**step_up, "target": self._seal(step_up["target"], "step_up", lineage) or "/"}
        return {**row, **sealed}

    def open(self, kept: str | None, column: str, lineage: str) -> str | None:
        """A text as it was. One whose key is gone is none; one that was written before is as it stands."""
        if kept is None or not kept.startswith(_SEALED):
            return kept
        try:
            sealed = urlsafe_b64decode(kept.removeprefix(_SEALED))
            return self._keyring.open(sealed, _place(column, lineage)).decode(errors="surrogatepass")
        except (SecretUnreadable, ValueError) as error:
            log.warning("the %s of a session can't be opened: %s", column, error)
            return None

    def _seal(self, text: str | None, column: str, lineage: str) -> str | None:
        if text is None:
            return None
        sealed = self._keyring.seal(text.encode(errors="surrogatepass"), _place(column, lineage))
        return f"{_SEALED}{urlsafe_b64encode(sealed).decode()}"


def _place(column: str, lineage: str) -> Place:
    """A rename of the user leaves the sign-in as it is."""
    return Place("session", column, lineage, "")
