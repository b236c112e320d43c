"""CSRF tokens of the gate's own pages, bound to the sign-in and not to anything of the host."""

from __future__ import annotations

import hmac

from flask import Request

from ..crypto import Keyring
from ..domain.sign_in.session import GateSession

FIELD = "csrf_token"
HEADER = "X-CSRFToken"


def csrf_token(keyring: Keyring, session: GateSession) -> str:
    """The token of one sign-in. It outlives the rotation of the id, so that other tabs keep working."""
    return keyring.digest("csrf", purpose="csrf", row=session.lineage)


def has_csrf_token(request: Request, keyring: Keyring, session: GateSession) -> bool:
    """Whether the header, or the form, carries the right token."""
    sent = request.headers.get(HEADER) or ("" if request.is_json else request.form.get(FIELD, ""))
    # SECURITY: compared in constant time with every key of the keyring; a missing token never matches.
    rights = keyring.digests("csrf", purpose="csrf", row=session.lineage)
    return any(hmac.compare_digest(sent.encode(errors="replace"), right.encode()) for right in rights)
