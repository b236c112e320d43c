"""The pages of the authenticator app."""

from __future__ import annotations

from typing import cast

from flask import Response
from markupsafe import Markup

from ....errors import MFAGateError
from ....factors.base import Begun, Challenge
from ....factors.totp import KIND
from ....factors.totp.factor import QR_LABEL, PendingKey
from ....factors.totp.words import METHOD
from ...responses.host_names import own_url
from ...translation import gettext, marked
from ..authenticated_request import AuthenticatedRequest
from ..factor_setup import account_of_user, setup_route, setup_url
from ..refusals import code_page
from .pages import ChallengePage, CodeField, FactorPages, Lost

_NOTE = marked(
    "All you need is an authenticator app on your phone or in your password manager. Setup takes about two minutes."
)
_HELP = marked("Open your app and enter the code for %(app)s. It changes every %(seconds)s seconds.")


def _show_key(auth: AuthenticatedRequest, begun: Begun, error: MFAGateError | None) -> Response:
    pending = cast(PendingKey, begun)
    return code_page(
        "enroll_totp.html", auth, auth.state.factors.registry.factors[KIND], error,
        qr_svg=Markup(pending.picture(gettext(QR_LABEL))), secret_groups=pending.grouped(), secret=pending.secret,  # noqa: S704
        account=account_of_user(auth), otpauth_uri=pending.uri, digits=pending.shape.digits,
        period=pending.shape.period, action_url=setup_url(KIND),
        back_url=own_url("mfa_gate.security" if auth.enrollment.factors else "mfa_gate.enroll"),
        replacing=bool(auth.enrollment.factors),
    )  # fmt: skip


def _ask(auth: AuthenticatedRequest, challenge: Challenge) -> ChallengePage:
    seconds = challenge.public["period"]
    help_text = gettext(_HELP, app=auth.state.issuer, seconds=seconds)
    field = CodeField(gettext("Code from your authenticator app"), help_text, challenge.public["digits"])
    return ChallengePage(gettext("Enter your code"), {"field": field})


PAGES = FactorPages(
    METHOD, _ask, [setup_route(KIND, _show_key)], kind=KIND,
    note=_NOTE,
    lost=Lost(
        marked("Lost your phone?"),
        advice=marked("Replace your authenticator app now. The app on the lost phone stops working."),
        link=marked("Replace your authenticator app"),
    ),
)  # fmt: skip
