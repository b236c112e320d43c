"""One request to the console: who acts, in which role, and the way to an answer. Every room builds on this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Response

from ...domain.people.person import Origin
from ...domain.people.roles import Actor, Role
from ..account.authenticated_request import AuthenticatedRequest
from ..endpoints import ADMIN
from ..responses import answers
from ..responses.host_names import own_url
from ..state import GateState
from .navigation import Navigation, navigation

READ = ("GET",)
WRITE = ("POST",)
_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Console:
    """A request of somebody with a role, who has proved a factor of their own.

    :param fields: what was sent; a form field that came more than once is a list.
    """

    auth: AuthenticatedRequest
    actor: Actor
    role: Role
    fields: Mapping[str, Any] = field(repr=False)

    @property
    def state(self) -> GateState:
        """The app's gate, with every service."""
        return self.auth.state

    @property
    def now(self) -> datetime:
        """The time of this request, by the clock of the gate."""
        return self.auth.state.clock()

    @property
    def origin(self) -> Origin:
        """From where the request came."""
        return self.auth.origin

    def may(self, least: Role) -> bool:
        """Whether the role reaches this far. Pages hide what it does not; services refuse it."""
        return is_at_least(self.role, least)

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page in the console's frame; in it are ``console`` and ``nav`` beside ``values``."""
        return answers.page(f"admin/{template}", self.auth.context, status, console=self, nav=self.nav, **values)

    @property
    def nav(self) -> Navigation:
        """What is in the sidebar, and where the reader is."""
        return navigation(may=self.may)


View = Callable[..., Any]


def always_acts(auth: AuthenticatedRequest) -> bool:
    """What a route does that names nothing which only looks."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleRoute:
    """One address of the console.

    :param name: of the endpoint, within the console's blueprint.
    :param least: the weakest role that may read here.
    :param least_to_write: the weakest role that may send something here; the service decides about whom.
    :param acts: whether what was sent would change something, and so wants a fresh proof. The view has to branch by
        the same function, so that what passes as a look can't change anything.
    """

    rule: str
    name: str
    view: View
    methods: tuple[str, ...] = READ
    least: Role = Role.AUDITOR
    least_to_write: Role = Role.ADMIN
    acts: Callable[[AuthenticatedRequest], bool] = always_acts


def never_acts(auth: AuthenticatedRequest) -> bool:
    """For routes that only compute: their forms are too large for a query, or not for a link."""
    return False


def is_at_least(role: Role, least: Role) -> bool:
    """Whether one role may do all that another may."""
    return _RANK[role] >= _RANK[least]


def console_url(name: str, /, **values: Any) -> str:
    """The address of a page of the console."""
    return own_url(f"{ADMIN}.{name}", **values)
