"""The sidebar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import current_app, request

from ...domain.people.roles import Role
from ..endpoints import ADMIN
from ..responses.host_names import own_url
from ..translation import gettext, marked


@dataclass(frozen=True, slots=True)
class Section:
    """One room of the console.

    :param endpoint: of its first page; a section whose page is not there is not shown.
    :param family: how the endpoints of its pages begin.
    """

    label: str
    icon: str
    endpoint: str
    family: str
    least: Role = Role.AUDITOR


SECTIONS = (
    Section(marked("Dashboard"), "layout-dashboard", "dashboard", "dashboard"),
    Section(marked("Users"), "users", "users", "user"),
    Section(marked("Policies"), "scroll-text", "policies", "polic"),
    Section(marked("Networks"), "network", "networks", "network"),
    Section(marked("Clients"), "external-link", "clients", "client"),
    Section(marked("Simulator"), "flask-conical", "simulator", "simulator"),
    Section(marked("Sign-ins"), "log-in", "sign_ins", "sign_in"),
    Section(marked("Audit log"), "history", "audit", "audit"),
    Section(marked("Settings"), "settings", "settings", "setting"),
)


@dataclass(frozen=True, slots=True)
class NavLink:
    """One link of the sidebar."""

    label: str
    icon: str
    url: str
    is_current: bool


Navigation = Sequence[NavLink]


def navigation(*, may: Callable[[Role], bool]) -> Navigation:
    """The sections that the reader's role opens."""
    here = (request.endpoint or "").removeprefix(f"{ADMIN}.")
    return [
        NavLink(gettext(one.label), one.icon, own_url(f"{ADMIN}.{one.endpoint}"), here.startswith(one.family))
        for one in SECTIONS
        if may(one.least) and f"{ADMIN}.{one.endpoint}" in current_app.view_functions
    ]
