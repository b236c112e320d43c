"""Sets of policies with one named network changed, and who uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...domain.policy.addresses import Network
from ...domain.policy.condition_tree import And, Condition, Expression, Not, Or, conditions_in
from ...domain.policy.conditions.words.network import NETWORK
from ...domain.policy.document.policy import Policy, PolicySet
from ...domain.policy.reading import texts_of
from ...errors import Conflict, NotFound
from ...sentences import Sentence
from .edits import find


def uses_of_network(policies: PolicySet, name: str) -> Sequence[str]:
    """Names of the policies whose conditions name the network, sorted."""
    return sorted(policy.name for policy in policies.policies if name in _networks_of(policy))


def _networks_of(policy: Policy) -> frozenset[str]:
    named = (one for one in conditions_in(policy.conditions) if one.word == NETWORK.word)
    return frozenset(text for one in named for text in texts_of(one.wanted))


def with_network(now: PolicySet, network: Network) -> PolicySet:
    """The set with this network in place of the one with its name."""
    others = tuple(one for one in now.networks if one.name != network.name)
    return replace(now, networks=(*others, network))


def with_new_network(now: PolicySet, network: Network) -> PolicySet:
    """The set with this network, which was not there.

    :raises Conflict: ``exists``, where its name is taken.
    """
    if find(now.networks, network.name) is not None:
        raise Conflict(
            "exists", Sentence("There is a network %(name)r already. Choose another name.", name=network.name)
        )
    return with_network(now, network)


def without_network(now: PolicySet, name: str) -> PolicySet:
    """The set without a network.

    :raises Conflict: ``in-use``, with the policies that name it.
    """
    known_network(now, name)
    if used := uses_of_network(now, name):
        raise Conflict(
            "in-use",
            Sentence("The network %(name)r is used by %(known)s. Change that first.", name=name, known=", ".join(used)),
        )
    return replace(now, networks=tuple(one for one in now.networks if one.name != name))


def with_renamed_network(now: PolicySet, old: str, new: str) -> PolicySet:
    """The set with another name for a network, in every condition too."""
    kept = known_network(now, old)
    if find(now.networks, new) is not None:
        raise Conflict("exists", Sentence("There is a network %(new)r already. Choose another name.", new=new))
    policies = tuple(replace(one, conditions=_renamed(one.conditions, old, new)) for one in now.policies)
    networks = tuple(one for one in now.networks if one is not kept)
    return PolicySet(policies, (*networks, replace(kept, name=new)))


def known_network(policies: PolicySet, name: str) -> Network:
    """The network of this name.

    :raises NotFound: for a name that no network has.
    """
    found = find(policies.networks, name)
    if found is None:
        raise NotFound(Sentence("There is no network %(name)r.", name=name))
    return found


def _renamed(condition: Expression, old: str, new: str) -> Expression:
    match condition:
        case Condition(NETWORK.word, wanted):
            return Condition(condition.word, tuple(new if text == old else text for text in texts_of(wanted)))
        case Condition():
            return condition
        case Not(part):
            return Not(_renamed(part, old, new))
        case And(parts):
            return And(tuple(_renamed(part, old, new) for part in parts))
        case Or(parts):
            return Or(tuple(_renamed(part, old, new) for part in parts))
