"""The console's records: the audit log, sign-ins, settings."""

from __future__ import annotations

from ...domain.records.event_name import EventName
from ...domain.sign_in.sign_in_outcome import SignInOutcome
from ...store.records.outgoing_events import OutgoingState
from ..admin import audit, sign_ins
from ..admin.listing import PAGE_SIZES
from ..inspection.findings import Level
from .operation import CSV, LINES, Operation, Operations, list_answer
from .schema import DAY, FLAG, FREE, MOMENT, NUMBER, TEXT, Schema, fields_of, listed, maybe, row_of, table, words

_RECORD: dict[str, Schema] = {
    "id": NUMBER, "at": MOMENT, "event": TEXT, "actor": TEXT, "subject": maybe(TEXT), "address": maybe(TEXT),
    "user_agent": maybe(TEXT), "reason": maybe(TEXT), "reference": maybe(TEXT), "details": FREE,
}  # fmt: skip
_SIGN_IN: dict[str, Schema] = {
    "id": TEXT, "at": MOMENT, "user": TEXT, "outcome": words(SignInOutcome), "asked": TEXT, "reason": maybe(TEXT),
    "policies": listed(TEXT), "policy_version": maybe(NUMBER), "default_access": maybe(TEXT),
    "proved_at": maybe(MOMENT), "address": maybe(TEXT), "client": maybe(TEXT), "provider": maybe(TEXT),
    "reference": maybe(TEXT),
}  # fmt: skip
_DESTINATION: dict[str, Schema] = {
    "name": TEXT, "address": maybe(TEXT), "waiting": NUMBER, "given_up": NUMBER, "last_sent_at": maybe(MOMENT),
}  # fmt: skip
_FAILURE: dict[str, Schema] = {
    "id": TEXT, "destination": TEXT, "event": words(EventName), "at": MOMENT, "state": words(OutgoingState),
    "attempts": NUMBER, "problem": maybe(TEXT),
}  # fmt: skip
_PAGING: dict[str, Schema] = {"cursor": TEXT, "per_page": words(map(str, PAGE_SIZES)), "since": DAY, "until": DAY}


def operations() -> Operations:
    """Every operation on records."""
    finding = table(level=words(Level), code=TEXT, sentence=TEXT, fix=TEXT)
    filters = {**dict.fromkeys(audit.FILTERS, TEXT), "event": words(EventName), **_PAGING}
    sign_in_filters = {**dict.fromkeys(sign_ins.FILTERS, TEXT), "outcome": words(SignInOutcome), **_PAGING}
    return {
        "GET audit": Operation(
            answer=list_answer(row_of(audit.TABLE.columns, _RECORD)), query=filters, files=(CSV, LINES)
        ),
        "POST audit_verify": Operation(
            answer=table(verified=NUMBER, bare=NUMBER, unsealed=NUMBER, broken_at=maybe(NUMBER), head=TEXT),
            body=fields_of(),
        ),
        "GET sign_ins": Operation(
            answer=list_answer(row_of(sign_ins.TABLE.columns, _SIGN_IN)), query=sign_in_filters, files=(CSV, LINES)
        ),
        "GET settings": Operation(
            answer=table(findings=listed(finding), settings={"type": "object", "additionalProperties": TEXT})
        ),
        "POST test_mail": Operation(answer=table(sent=FLAG, address=TEXT, detail=TEXT), body=fields_of()),
        **_event_operations(),
        "GET openapi": Operation(answer=FREE),
    }


def _event_operations() -> Operations:
    destination = fields_of(destination=TEXT)
    return {
        "GET setting_events": Operation(
            answer=table(destinations=listed(table(_DESTINATION)), failed=listed(table(_FAILURE))), files=(CSV,)
        ),
        "POST setting_events_test": Operation(
            answer=table(destination=TEXT, state=words(OutgoingState)), status=202, body=destination
        ),
        "POST setting_events_retry": Operation(answer=table(destination=TEXT, retried=NUMBER), body=destination),
    }
