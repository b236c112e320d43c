"""A gate session: what one browser has proved, whether it is pending, and how long it lives."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeAlias
from uuid import UUID

from ..authorization.decision import AuthnRequirement
from .assurance import Assurance, Method

ROTATION_GRACE = timedelta(seconds=30)
GRANT_LIFETIME = timedelta(minutes=5)
IDLE_MARK_INTERVAL = timedelta(minutes=1)
# What Werkzeug's own converters make of a part of a path: another value is another text.
_SPELLED = (str, int, float, UUID)
Kept: TypeAlias = str | Callable[[], str | None] | None
"""A text as it is, or what opens it on demand: most requests don't."""


class Ending(StrEnum):
    """How a sign-in came to its end before its time."""

    SIGNED_OUT = "signed-out"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lives: pending, without a request, and at most since the last sign-in or proof."""

    pending: timedelta
    idle: timedelta
    max_age: timedelta


@dataclass(frozen=True, slots=True)
class StepUp:
    """What a live session was asked to prove.

    :param act: what a grant would be for; None where nothing asks for one.
    :param deferrable_until: until when the setup of a factor may be put off; None where it may not.
    """

    requirement: AuthnRequirement
    endpoint: str
    act: str | None
    target: str = field(repr=False)
    deferrable_until: datetime | None = None

    def is_deferrable(self, now: datetime) -> bool:
        """Whether there still is time to set a factor up."""
        return self.deferrable_until is not None and now < self.deferrable_until


@dataclass(frozen=True, slots=True)
class GateSession:
    """One row of the session table.

    :param id_digest: SHA-256 of the id in the cookie; the id itself is nowhere on the server.
    :param lineage: stays the same while the id rotates, from sign-in to sign-out.
    :param began_at: when the sign-in was first seen.
    :param parked: the host's session keys, sealed, while nobody may see the identity.
    :param parked_at: when a sign-in began to wait for its proof; None for a session that was stopped on its way.
    :param parked_endpoint: of the view that signed in, which stays open for a user who has to sign in again.
    :param kept_target: where the user goes after the pass.
    :param kept_host_user_id: what the host's session held as its user's id.
    :param stamp: digest of what the host changes with the password; None where it has no such thing.
    :param pass_id: the access pass that opened this session, with which it ends.
    :param risk: the risk signals, and the address and client that they were taken for.
    :param ends_at: a hard end, whatever else is proved.
    :param ended_at: when it was ended; it opens nothing since, and stays known for what it is.
    :param ending: how it was ended.
    """

    id_digest: str
    lineage: str
    user_key: str
    assurance: Assurance
    began_at: datetime
    seen_at: datetime
    superseded_at: datetime | None = None
    deferred_at: datetime | None = None
    parked: bytes | None = field(default=None, repr=False)
    parked_at: datetime | None = None
    parked_endpoint: str | None = None
    kept_target: Kept = field(default=None, repr=False)
    step_up: StepUp | None = None
    kept_host_user_id: Kept = field(default=None, repr=False)
    address: str | None = None
    user_agent: str | None = None
    stamp: str | None = field(default=None, repr=False)
    pass_id: str | None = None
    ends_at: datetime | None = None
    risk: Mapping[str, Any] | None = None
    ended_at: datetime | None = None
    ending: Ending | None = None

    @property
    def target(self) -> str | None:
        """Where the user goes after the pass; None also where the key that sealed it is gone."""
        return self.kept_target() if callable(self.kept_target) else self.kept_target

    @property
    def host_user_id(self) -> str | None:
        """What the host's session held as its user's id, likewise."""
        return self.kept_host_user_id() if callable(self.kept_host_user_id) else self.kept_host_user_id

    @property
    def is_pending(self) -> bool:
        """Whether the identity is parked: the host sees nobody."""
        return self.parked is not None

    @property
    def is_waiting(self) -> bool:
        """Whether this is a sign-in that was never in; a session that was stopped on its way is none."""
        return self.is_pending and self.parked_at is not None

    @property
    def is_revoked(self) -> bool:
        """Whether not its own browser ended it: a reset, an admin, another session, a changed password."""
        return self.ending is Ending.REVOKED

    @property
    def is_superseded(self) -> bool:
        """Whether a newer id has taken this one's place. Such a session can rise no more."""
        return self.superseded_at is not None

    def is_alive(self, lifetimes: Lifetimes, *, now: datetime) -> bool:
        """Whether this session still counts for anything."""
        if self.ended_at is not None:
            return False
        if self.superseded_at is not None and now - self.superseded_at >= ROTATION_GRACE:
            return False
        if self.ends_at is not None and now >= self.ends_at:
            return False
        if self.parked_at is not None and self.is_pending:
            return now - self.parked_at < lifetimes.pending
        # SECURITY: only new evidence makes a session younger, whatever else happens to it.
        evidence = self.assurance.authenticated_at
        return now - self.seen_at < lifetimes.idle and now - evidence < lifetimes.max_age


def act_of(endpoint: str | None, arguments: Mapping[str, object], *, root: str = "", path: str = "") -> str:
    """What a grant is for: an endpoint with the arguments in its path, as one digest that tells nobody what they are.

    The method is left out: the form and what it sends are one act.

    :param root: host name and mount point, by which a host may tell its tenants apart.
    :param path: says which arguments they are where a converter of the host has made objects of them.
    """
    # SECURITY: two accounts may have one name as text, and one account another text at each request.
    spelled = sorted((name, str(value)) for name, value in arguments.items() if isinstance(value, _SPELLED))
    told = [endpoint, spelled, root, path if len(spelled) < len(arguments) else ""]
    return sha256(json.dumps(told).encode()).hexdigest()


def leaves_grant(session: GateSession, method: Method) -> bool:
    """Whether this proof leaves a grant for what was asked last, or at a sign-in for the page first asked for."""
    if method not in Method.at_step_up:
        return False
    # SECURITY: what does not meet the demand leaves nothing, as an older and stronger proof would stand beside it.
    return session.is_pending or (session.step_up is not None and method in session.step_up.requirement.methods)
