"""The pages of every kind, in the order of ``factors/registry.py``. A new kind adds its line."""

from __future__ import annotations

from collections.abc import Iterator

from ....domain.sign_in.assurance import FactorKind, Method
from ...endpoints import setup_endpoint
from ...responses.host_names import own_url
from ..authenticated_request import AuthenticatedRequest
from . import access_pass, recovery_codes, totp
from .pages import FactorPages, Look, Lost, Offer, offer

UNKNOWN_ICON = "key-round"
ALL: tuple[FactorPages, ...] = (totp.PAGES, recovery_codes.PAGES, access_pass.PAGES)


def pages_of(method: Method) -> FactorPages:
    """The pages of one kind."""
    return next(pages for pages in ALL if pages.method is method)


def offers(auth: AuthenticatedRequest) -> list[Offer]:
    """The kinds that this app lets its users set up, and this user has not."""
    return [
        offer(pages, pages.kind, auth.state.factors.registry.factors[pages.kind].about)
        for pages in _offered(auth)
        if pages.kind is not None and pages.kind not in auth.enrollment.factors
    ]


def replaceable(auth: AuthenticatedRequest) -> tuple[Lost, str] | None:
    """What this user may have lost, and where another can be set up in its place."""
    for pages in _offered(auth):
        if pages.lost is not None and pages.kind is not None and pages.kind in auth.enrollment.factors:
            return pages.lost.translated(), own_url(setup_endpoint(pages.kind))
    return None


def look_of(auth: AuthenticatedRequest, kind: FactorKind) -> Look:
    """How a factor of this kind is shown; one whose kind is not built can still be removed."""
    pages = next((pages for pages in ALL if pages.kind is kind), None)
    if pages is None:
        return Look(UNKNOWN_ICON, None)
    url = own_url(setup_endpoint(kind)) if pages.lost is not None else None
    return Look(auth.state.factors.registry.factors[kind].about.icon, url)


def _offered(auth: AuthenticatedRequest) -> Iterator[FactorPages]:
    is_offered = auth.state.factors.eligibility.is_offered
    return (pages for pages in ALL if pages.kind is not None and is_offered(pages.kind))
