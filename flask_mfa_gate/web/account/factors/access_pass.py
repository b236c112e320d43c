"""The page that takes an access pass."""

from __future__ import annotations

from ....factors.access_pass import METHOD
from ....factors.base import Challenge
from ...translation import gettext
from ..authenticated_request import AuthenticatedRequest
from .pages import ChallengePage, CodeField, FactorPages


def _ask(_desk: AuthenticatedRequest, _challenge: Challenge) -> ChallengePage:
    field = CodeField(gettext("Access pass"), gettext("Enter the pass your administrator gave you."))
    return ChallengePage(gettext("Enter an access pass"), {"field": field})


PAGES = FactorPages(METHOD, _ask)
