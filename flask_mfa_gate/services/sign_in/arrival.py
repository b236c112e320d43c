"""What is told of a sign-in when it is seen: by whom it is, under what facts, and what has to wait for the proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...domain.authorization.decision import Decision
from ...domain.people.person import Person
from ...domain.sign_in.session import GateSession
from ...domain.sign_in.upstream import Upstream
from ...store.sign_in.sign_ins import SignInRecord


@dataclass(frozen=True, slots=True)
class Parking:
    """What is taken from the host's session while a sign-in is pending.

    :param payload: the host's session keys in Flask's tagged JSON.
    :param dropped: names of keys whose value can't be kept.
    """

    payload: bytes = field(repr=False)
    dropped: tuple[str, ...]
    target: str | None = field(repr=False)
    host_user_id: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningInUser:
    """Who signs in, as the host tells it at this moment.

    :param stamps: digests of what changes with the password, the newest first; none where the host has no such thing.
    :param host_user_id: what the host's session holds as its user's id.
    :param endpoint: of the view that signed in, where one did.
    """

    person: Person
    stamps: Sequence[str] = field(repr=False)
    host_user_id: str | None = field(repr=False)
    endpoint: str | None = None

    @property
    def stamp(self) -> str | None:
        """The one that is kept."""
        return next(iter(self.stamps), None)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was known and decided when somebody signed in.

    :param facts: what policies could look at, as JSON values.
    :param client: platform and browser as one word.
    :param risk: the risk signals, where a policy asks for them.
    :param report: by policy that is only reported, what it would have done.
    :param policy_version: of the policies that were in force.
    :param default_access: that of the app.
    :param reference: of the refusal, where it was one.
    :param upstream: what the provider said that signed the user in.
    """

    decision: Decision
    facts: Mapping[str, Any]
    client: str | None
    risk: Mapping[str, Any] | None
    report: Mapping[str, str]
    policy_version: int
    default_access: str
    reference: str | None = None
    upstream: Upstream | None = None


def record_of(session: GateSession, seen: Seen) -> SignInRecord:
    """As it is kept beyond the session."""
    return SignInRecord(
        lineage=session.lineage, user_key=session.user_key, at=session.began_at, address=session.address,
        client=seen.client, facts=seen.facts, verdict=seen.decision.ask.value, reason_id=seen.decision.reason_id,
        report=seen.report, policies=list(seen.decision.policies), policy_version=seen.policy_version,
        default_access=seen.default_access, reference=seen.reference,
    )  # fmt: skip
