"""What an event says, as plain JSON (the payload that Standard Webhooks recommends)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..domain.records.destination import EventFormat
from ..store.records.outgoing_events import OutgoingEvent
from .ocsf import as_ocsf


def body_of(one: OutgoingEvent, form: EventFormat, *, app: str) -> bytes:
    """The event in these words; in ASCII, so on one line and the same in every encoding.

    :param app: the name of the app, as users know it.
    """
    said = as_ocsf(one, app=app) if form is EventFormat.OCSF else as_plain(one)
    return json.dumps(said, separators=(",", ":"), default=str).encode("ascii")


def as_plain(one: OutgoingEvent) -> Mapping[str, Any]:
    """The event in our own words."""
    event = one.event
    return {
        "id": one.id,
        "type": event.name,
        "timestamp": event.at.isoformat(),
        "data": {
            "actor": event.actor,
            "subject": event.subject,
            "address": event.address,
            "user_agent": event.user_agent,
            "reason": event.reason,
            "details": event.details,
        },
    }
