"""A stronger or younger proof, asked of the provider by which the session was signed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ...domain.authorization.decision import AuthnRequirement
from ...domain.oidc.upstream_claims import LEEWAY
from ...domain.oidc.upstream_provider import UpstreamProvider
from ...domain.sign_in.assurance import UPSTREAM
from ...domain.sign_in.session import GateSession
from ...domain.sign_in.upstream import FederatedSignIn, Upstream
from ...errors import BadRequest, NotAllowed, SignInOver
from ...sentences import Sentence
from ...services.sign_in.entries import Elevation
from ..authorization.authorizer import RequestAuthorizer
from ..request_context import RequestContext
from ..responses.targets import home

if TYPE_CHECKING:
    from ...oidc.client.client import Answer

_NOTHING = "There is nothing to verify here. Open the page again."
_OTHER = "This verification was started in another sign-in. Open the page again."


@dataclass(frozen=True, slots=True)
class StepUpRequest:
    """What a session was asked to prove, as it is kept until the user comes back.

    :param max_age: how old the proof may be; zero for one of this moment.
    :param act: what it is a proof for, see :func:`act_of`; None at a sign-in.
    """

    lineage: str
    max_age: timedelta | None
    act: str | None = None
    target: str = field(default="", repr=False)

    @property
    def kept(self) -> dict[str, Any]:
        """As JSON values."""
        age = self.max_age.total_seconds() if self.max_age is not None else None
        return {"lineage": self.lineage, "max_age": age, "act": self.act}

    @classmethod
    def read(cls, kept: Mapping[str, Any] | None) -> StepUpRequest | None:
        """From those."""
        if kept is None:
            return None
        age = kept["max_age"]
        return cls(kept["lineage"], None if age is None else timedelta(seconds=age), kept["act"])


def upstream_way(context: RequestContext, requirement: AuthnRequirement) -> UpstreamProvider | None:
    """The provider that this session can ask for what is required of it."""
    state, live = context.state, context.session
    if live is None or state.upstreams is None or live.is_superseded:
        return None
    # SECURITY: a list of factors means those that the user holds here. What signs in by itself names none.
    if requirement.methods and UPSTREAM not in requirement.methods:
        return None
    said = live.assurance.upstream
    return state.upstreams.of_issuer(said.issuer) if said is not None and state.rules.trust.can_ask(said) else None


def begin_step_up(context: RequestContext, provider: UpstreamProvider) -> StepUpRequest:
    """What to ask the provider for.

    :raises BadRequest: where this session asks nothing of this provider.
    """
    live = context.session
    if live is None:
        raise BadRequest(_NOTHING)
    requirement, act, target = _asked_of(context, live)
    if upstream_way(context, requirement) is not provider:
        raise BadRequest(_NOTHING)
    return StepUpRequest(live.lineage, requirement.max_age, act, target or home())


def _asked_of(context: RequestContext, live: GateSession) -> tuple[AuthnRequirement, str | None, str | None]:
    if live.is_pending or live.step_up is None:
        return RequestAuthorizer(context).now().requirement, None, live.target
    return live.step_up.requirement, live.step_up.act, live.step_up.target


def finish_step_up(
    context: RequestContext, provider: UpstreamProvider, asked: StepUpRequest, noted: FederatedSignIn, answer: Answer
) -> FederatedSignIn:  # fmt: skip
    """What came back, with the act that it is a proof for.

    :raises SignInOver: where it is about another session or user.
    :raises NotAllowed: where it proves no more than before; the provider is not asked again in this session.
    """
    live = context.session
    # SECURITY: a session must not rise by what somebody else proved (GHSA-97r5-pg8x-p63p).
    if live is None or live.lineage != asked.lineage or live.user_key != noted.user_key:
        raise SignInOver(_OTHER)
    if not _is_met(context, asked, noted.upstream, answer):
        _give_up(context, live)
        sentence = "%(name)s did not confirm what this page needs. Open the page again to verify another way."
        raise NotAllowed("not-allowed", Sentence(sentence, name=provider.label))
    if live.is_pending:
        return noted
    spent_at = noted.upstream.at if asked.max_age == timedelta(0) else None
    # SECURITY: of what the session was asked for since, in another tab, this is no proof.
    return replace(noted, upstream=replace(noted.upstream, spent_at=spent_at), act=asked.act)


def raise_actor(context: RequestContext, actor: Any, noted: FederatedSignIn) -> None:
    """Somebody who acts as another user proved more, and signs in as nobody.

    :param noted: see :func:`finish_step_up`.
    """
    live, state = context.session, context.state
    assert live is not None  # noqa: S101 - it was seen to be the actor's
    assurance = live.assurance.signed_in_again(at=state.clock(), upstream=noted.upstream)
    authorizer, how = RequestAuthorizer(context, actor), Elevation(UPSTREAM, noted.act)
    sessions = state.sign_in.sessions
    context.enter(
        state.worker.run(lambda work: sessions.elevate(work, live, assurance, authorizer=authorizer, how=how))
    )


def _is_met(context: RequestContext, asked: StepUpRequest, said: Upstream, answer: Answer) -> bool:
    now = context.state.clock()
    if not context.state.rules.trust.counts(said, now=now):
        return False
    if asked.max_age is None:
        return True
    # SECURITY: the age is that which the provider tells; one that tells nothing has proved nothing of this moment.
    if said.at is None:
        return False
    return now - said.at <= asked.max_age if asked.max_age else _is_new(context, said.at, answer)


def _is_new(context: RequestContext, at: datetime, answer: Answer) -> bool:
    """Whether the user authenticated there for this one act."""
    live = context.session
    known = live.assurance.upstream if live is not None else None
    # SECURITY: each proof is good for one act, and the provider may tell of the same one again.
    if known is not None and known.spent_at is not None and at <= known.spent_at:
        return False
    # SECURITY: our clocks may differ by so much, and a proof from before is none, however it is told.
    return at >= answer.began_at - LEEWAY and answer.is_new(now=context.state.clock())


def _give_up(context: RequestContext, live: GateSession) -> None:
    """Or the next page would send the user there again, and the next."""
    said = live.assurance.upstream
    assert said is not None  # noqa: S101 - it was asked because of it
    context.session = context.state.sign_in.sessions.note_upstream(live, replace(said, is_exhausted=True))
