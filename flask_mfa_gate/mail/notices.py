"""The mails of the gate, as facts for their templates."""

from __future__ import annotations

from datetime import datetime

from ..crypto import new_id
from ..domain.enrollment import Period
from ..domain.person import Person
from ..store.outbox import Message

START = "start"
# A mail server refuses lines of over 998 characters (RFC 5321 section 4.5.3.1.6).
LONGEST_NAME = 64


def start_notice(person: Person, period: Period | None, *, now: datetime) -> Message:
    """MFA is now required, how many days are left, the exact end."""
    facts = {
        "name": person.name[:LONGEST_NAME],
        "days": period.days_left(now) if period else 0,
        "ends_at": period.ends_at.isoformat() if period else None,
    }
    return Message(id=new_id(), kind=START, user_key=person.key, recipient=person.email, facts=facts, created_at=now)
