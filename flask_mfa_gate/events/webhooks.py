"""Webhooks, signed as Standard Webhooks 1.0 says."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime

from ..domain.records.destination import Webhook
from ..outbound import Outbound
from .trouble import Refused, ServerTrouble

# These say that this one event is not taken, and nothing of the next.
# SECURITY: a firewall in front of a receiver says 403 or 406 to what looks like an attack, as a browser's name may.
# A user who chose their agent so would keep back what others are told of them.
_ABOUT_THE_EVENT = frozenset({400, 403, 406, 413, 422})


def post(webhook: Webhook, event_id: str, body: bytes, *, now: datetime, outbound: Outbound) -> None:
    """Post an event.

    :raises Refused: where the receiver does not take this one.
    :raises ServerTrouble: where the next would fare no better.
    :raises AddressRefused, OSError: as :meth:`Outbound.post`.
    """
    timestamp = int(now.timestamp())
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures(webhook.secrets, event_id, timestamp, body),
        "User-Agent": "flask-mfa-gate",
    }
    status = outbound.post(webhook.url, body, content_type="application/json", headers=headers)
    if not 200 <= status < 300:
        raise (Refused if status in _ABOUT_THE_EVENT else ServerTrouble)(f"HTTP {status}")


def signatures(secrets: Sequence[bytes], event_id: str, timestamp: int, body: bytes) -> str:
    """One with each secret (Standard Webhooks, "Signature scheme")."""
    # SECURITY: the id and the time are signed too, or a receiver could not tell a repeat, nor an old one sent again.
    signed = b".".join((event_id.encode(), str(timestamp).encode(), body))
    return " ".join(f"v1,{b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()}" for secret in secrets)
