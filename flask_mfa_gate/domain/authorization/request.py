"""One request, as far as the decision looks at it."""

from __future__ import annotations

from typing import NamedTuple

from ..enrollment.enrollment import EnrollmentState
from ..policy.facts import Environment
from ..sign_in.assurance import Assurance, Method
from .decision import AuthnRequirement

_NOTHING_KNOWN = Environment()


class AccessRequest(NamedTuple):
    """Who opens what, with what proof, from where.

    :param enrollment: of the user, who is the one with this key.
    :param resources: what is being opened, beside the app itself.
    :param demands: what the view itself asks for.
    :param groups: the user's; None when nobody tells of them. Looked at only if a policy on a resource here names one.
    :param environment: the facts that policies here look at; one that none of them asks for may be left out.
    :param deferred: whether this session chose "Set up later".
    :param promptable: False for tokens, which a soft prompt never stops.
    :param granted: whether a step-up grant for exactly this request is there.
    :param waives_app: whether what the app asks stops nobody here, so that only resources and demands do.
    :param sets_up_factor: whether a factor is about to be set up, which a lapse refuses wherever else it locks.
    :param lent: what somebody can prove who acts as this user.
    """

    enrollment: EnrollmentState
    assurance: Assurance
    is_active: bool = True
    resources: tuple[str, ...] = ()
    demands: tuple[AuthnRequirement, ...] = ()
    groups: frozenset[str] | None = frozenset()
    environment: Environment = _NOTHING_KNOWN
    deferred: bool = False
    promptable: bool = True
    granted: bool = False
    waives_app: bool = False
    sets_up_factor: bool = False
    lent: frozenset[Method] = frozenset()
