"""Somebody acts as another user with a proof of their own: of what is asked of the two, the stricter holds."""

from __future__ import annotations

from ..sign_in.assurance import Method
from .decide import stricter
from .decision import AS_AT_SIGN_IN, Ask, Decision, Reason

_AS_THEY_ARE = frozenset({Ask.PASS, Ask.DENY, Ask.LOCKED})


def decide_for_both(actor: Decision, subject: Decision, *, held: frozenset[Method]) -> Decision:
    """The stricter of two decisions on one request; of equals the actor's.

    :param actor: on the actor's own account.
    :param subject: on the account that the actor acts as, by what the actor has proved.
    :param held: what the actor can prove with the factors that they hold.
    """
    asked = _asked_of_actor(subject, held)
    is_satisfied = actor.app_is_satisfied and asked.app_is_satisfied
    return stricter(actor, asked)._replace(app_is_satisfied=is_satisfied)


def _asked_of_actor(subject: Decision, held: frozenset[Method]) -> Decision:
    """A factor is set up by its own user, and proved with one that the actor holds."""
    if subject.ask in _AS_THEY_ARE:
        return subject
    can_prove = not held.isdisjoint(subject.requirement.methods or Method.at_step_up)
    if subject.ask is Ask.CHALLENGE and can_prove:
        return subject
    # SECURITY: what only the user can do is done by nobody in their stead, and not let pass either.
    return subject._replace(ask=Ask.DENY, reason=Reason.IMPERSONATION, requirement=AS_AT_SIGN_IN)
