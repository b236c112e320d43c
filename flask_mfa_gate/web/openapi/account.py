"""The user's own pages."""

from __future__ import annotations

from ...domain.authorization.decision import Ask
from ...domain.enrollment.enrollment import Status
from ...domain.sign_in.assurance import FactorKind, Method
from ..account.apps import AppLine
from ..account.security import FOR_PEOPLE, FactorLine, SessionLine
from .operation import Operation, Operations
from .schema import FLAG, MOMENT, NUMBER, TEXT, URL, fields_of, listed, maybe, of_class, one_of, table, words


def operations() -> Operations:
    """Every operation of ``/mfa``."""
    return {f"{key.partition(' ')[0]} mfa_gate.{key.partition(' ')[2]}": one for key, one in _operations().items()}


def _operations() -> Operations:
    way_on = table(next=words(Ask), continue_url=maybe(URL))
    next_step = Operation(answer=way_on)
    acts = Operation(answer=way_on, body=fields_of())
    left = {"left": NUMBER, "low": FLAG, "recovery_codes": listed(TEXT)}
    code = fields_of(
        code={**TEXT, "maxLength": 64}, factor=words(Method.at_setup), trust_device={**TEXT, "enum": ["0", "1"]}
    )
    factor, session = of_class(FactorLine, without=FOR_PEOPLE), of_class(SessionLine, without=FOR_PEOPLE)
    app = of_class(AppLine)
    return {
        "GET status": Operation(answer=_status()),
        "GET security": Operation(
            answer=table(status=words(Status), factors=listed(factor), recovery_codes_left=NUMBER)
        ),
        "GET challenge": next_step,
        "POST challenge": Operation(answer=way_on, body=code),
        "GET enroll": next_step,
        "POST later": acts,
        "GET enroll_totp": Operation(answer=one_of(table(secret=TEXT, otpauth_uri=TEXT, qr_svg=TEXT), way_on)),
        "POST enroll_totp": Operation(
            answer=one_of(table(recovery_codes=listed(TEXT), next=words(Ask), continue_url=URL), way_on),
            body=fields_of(code={**TEXT, "maxLength": 64}),
        ),
        "GET recovered": next_step,
        "GET blocked": next_step,
        "POST cancel": Operation(answer=table(next=TEXT, continue_url=maybe(URL)), body=fields_of()),
        "POST sign_out": Operation(answer=table(next=TEXT, continue_url=maybe(URL)), body=fields_of()),
        "GET recovery_codes": Operation(answer=table(left, optional=("recovery_codes",))),
        "POST recovery_codes": Operation(answer=table(left, optional=("recovery_codes",)), body=fields_of()),
        "POST factor_rename": Operation(answer=way_on, body=fields_of(name={**TEXT, "maxLength": 64})),
        "GET factor_remove": Operation(answer=factor),
        "POST factor_remove": acts,
        "DELETE factor_delete": Operation(answer=way_on),
        "GET sessions": Operation(answer=table(sessions=listed(session), waiting=listed(session))),
        "POST sessions": acts,
        "POST session_end": acts,
        "GET apps": Operation(answer=table(apps=listed(app))),
        "POST app_disconnect": acts,
    }


def _status() -> dict[str, object]:
    return dict(
        table(
            status=words(Status), required=FLAG, days_left=maybe(NUMBER), ends_at=maybe(MOMENT),
            factors=listed(words(FactorKind)), next=words(Ask), csrf_token=TEXT,
        )
    )  # fmt: skip
