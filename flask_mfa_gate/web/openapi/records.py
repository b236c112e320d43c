"""The console's records: the audit log, sign-ins, settings."""

from __future__ import annotations

from ...domain.records.event_name import EventName
from ...domain.sign_in.sign_in_outcome import SignInOutcome
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
    "proved_at": maybe(MOMENT), "address": maybe(TEXT), "client": maybe(TEXT), "reference": maybe(TEXT),
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
        "GET openapi": Operation(answer=FREE),
    }
