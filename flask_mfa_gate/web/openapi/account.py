"""The user's own pages."""

from __future__ import annotations

from ...domain.authorization.decision import Ask
from ...domain.enrollment.enrollment import Status
from ...domain.sign_in.assurance import FactorKind, Method
from ..account.security import FOR_PEOPLE, FactorLine, SessionLine
from .operation import Operation, Operations
from .schema import FLAG, MOMENT, NUMBER, TEXT, URL, Schema, fields_of, listed, maybe, of_class, one_of, table, words

_WAY_ON = table(next=words(Ask), continue_url=maybe(URL))
_OUT = Operation(answer=table(next=TEXT, continue_url=maybe(URL)), body=fields_of())
_NEXT_STEP = Operation(answer=_WAY_ON)
_ACTS = Operation(answer=_WAY_ON, body=fields_of())
_CODE = {**TEXT, "maxLength": 64}


def operations() -> Operations:
    """Every operation of ``/mfa``."""
    found = {**_ways_in(), **_factors(), **_access()}
    return {f"{key.partition(' ')[0]} mfa_gate.{key.partition(' ')[2]}": one for key, one in found.items()}


def _ways_in() -> Operations:
    code = fields_of(code=_CODE, factor=words(Method.at_setup), trust_device={**TEXT, "enum": ["0", "1"]})
    return {
        "GET status": Operation(answer=_status()),
        "GET challenge": _NEXT_STEP,
        "POST challenge": Operation(answer=_WAY_ON, body=code),
        "GET enroll": _NEXT_STEP,
        "POST later": _ACTS,
        "GET recovered": _NEXT_STEP,
        "GET blocked": _NEXT_STEP,
        "POST cancel": _OUT,
        "POST leave_impersonation": _ACTS,
        "POST sign_out": _OUT,
    }


def _factors() -> Operations:
    factor = of_class(FactorLine, without=FOR_PEOPLE)
    left = table(optional=("recovery_codes",), left=NUMBER, low=FLAG, recovery_codes=listed(TEXT))
    set_up = table(recovery_codes=listed(TEXT), next=words(Ask), continue_url=URL)
    return {
        "GET security": Operation(
            answer=table(status=words(Status), factors=listed(factor), recovery_codes_left=NUMBER)
        ),
        "GET enroll_totp": Operation(answer=one_of(table(secret=TEXT, otpauth_uri=TEXT, qr_svg=TEXT), _WAY_ON)),
        "POST enroll_totp": Operation(answer=one_of(set_up, _WAY_ON), body=fields_of(code=_CODE)),
        "GET recovery_codes": Operation(answer=left),
        "POST recovery_codes": Operation(answer=left, body=fields_of()),
        "POST factor_rename": Operation(answer=_WAY_ON, body=fields_of(name={**TEXT, "maxLength": 64})),
        "GET factor_remove": Operation(answer=factor),
        "POST factor_remove": _ACTS,
        "DELETE factor_delete": Operation(answer=_WAY_ON),
    }


def _access() -> Operations:
    session = of_class(SessionLine, without=FOR_PEOPLE)
    app = table(
        client_id=TEXT, name=TEXT, scopes=listed(TEXT), connected_at=MOMENT, last_used_at=maybe(MOMENT),
        disconnect_url=URL,
    )  # fmt: skip
    return {
        "GET sessions": Operation(answer=table(sessions=listed(session), waiting=listed(session))),
        "POST sessions": _ACTS,
        "POST session_end": _ACTS,
        "GET api_tokens": Operation(answer=table(tokens=listed(_api_token()))),
        "POST api_token_revoke": _ACTS,
        "GET apps": Operation(answer=table(apps=listed(app))),
        "POST app_disconnect": _ACTS,
    }


def _api_token() -> Schema:
    return table(
        id=TEXT, name=TEXT, created_at=MOMENT, last_used_at=maybe(MOMENT), expires_at=maybe(MOMENT), revoke_url=URL
    )  # fmt: skip


def _status() -> Schema:
    return table(
        status=words(Status), required=FLAG, days_left=maybe(NUMBER), ends_at=maybe(MOMENT),
        factors=listed(words(FactorKind)), next=words(Ask), csrf_token=TEXT,
    )  # fmt: skip
