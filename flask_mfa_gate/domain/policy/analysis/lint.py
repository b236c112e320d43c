"""Faults of policies that can be seen before they are turned on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from ....errors import PolicyError
from ....sentences import Sentence
from ...access import APP, MFA_ADMIN
from ...sign_in.assurance import FactorKind
from ..addresses import read_entry, span_of
from ..condition_tree import conditions_in
from ..conditions.backing import Backing
from ..conditions.condition_type import Source
from ..conditions.registry import Registry
from ..conditions.words.network import NETWORK
from ..document.effect import Action
from ..document.policy import Policy, PolicySet, PolicyState
from ..document.users import EVERYBODY, group_names, user_keys
from ..reading import nearest
from .branches import backings, weak_words
from .coverage import covered_by_deny
from .finding import AppFacts, Level, LintFinding
from .lockout import lockouts
from .reach import is_nearly_everywhere
from .together import open_together
from .worlds import SatisfiabilityChecker

__all__ = ["AppFacts", "Level", "LintFinding", "lint"]

MOST_COMPARED = 10_000
_CLIENT = "client:"
_UNKNOWN = {"group": "There is no group %(name)r.%(hint)s", "user": "There is no user %(name)r.%(hint)s"}
_OPEN = frozenset({"allow-client-chosen", "allow-always"})
_MISSING = {
    Source.GEOIP: Sentence("there is no GeoIP database (MFA_GATE_GEOIP_DATABASE)"),
    Source.GROUPS: Sentence("no callback tells of groups (`groups=` of `init_app`)"),
    Source.CLIENT: Sentence("user agents are not read (extra `client`)"),
    Source.MANAGED: Sentence("no callback says which devices are managed"),
    Source.CERTIFICATE: Sentence("client certificates are not verified"),
    Source.UPSTREAM: Sentence("no identity provider is believed (MFA_GATE_TRUST_AMR)"),
    Source.TIME_ZONE: Sentence("this server does not have its time zone (install the package `tzdata`)"),
}


def lint(
    policy_set: PolicySet, *, facts: AppFacts, registry: Registry, about: str | None = None
) -> tuple[LintFinding, ...]:  # fmt: skip
    """Everything that should be mended or thought about, by the policies' names.

    A policy is to be judged as it will be, so a caller who is about to switch one on passes a set in which it is on.
    What would be an error in a policy that is off, or only reports, is a warning.

    :param about: name of the only policy that is asked about, which among a thousand takes a fraction of the time.
    """
    worlds = SatisfiabilityChecker(registry, {network.name: network for network in policy_set.networks})
    unreadable = {policy.name: remark for policy in policy_set.policies if (remark := _unreadable(policy, worlds))}
    readable = [policy for policy in policy_set.policies if policy.name not in unreadable]
    # What several open together depends on what each of them opens alone.
    judged = [policy for policy in readable if about in (None, policy.name) or _allows(policy)]
    single = [_lowered(remark, policy) for policy in judged for remark in _of_one(policy, facts, worlds)]
    single += [_lowered(remark, policy) for policy, remark in _unknown_names(judged, facts)]
    alone = {remark.policy for remark in single if remark.code in _OPEN}
    remarks = [
        *unreadable.values(),
        *single,
        *open_together([policy for policy in readable if _allows(policy) and policy.name not in alone], worlds),
        *lockouts(readable, facts=facts, worlds=worlds),
        *covered_by_deny(readable, worlds, about=about),
        *_missing_break_glass(readable, facts),
    ]
    remarks = [remark for remark in remarks if about in (None, remark.policy)]
    return tuple(sorted(remarks, key=lambda remark: (remark.policy or "", remark.level, remark.code, remark.sentence)))


def _allows(policy: Policy) -> bool:
    return policy.state is PolicyState.ON and policy.effect.action is Action.ALLOW


def names_needing(source: Source, policy_set: PolicySet, registry: Registry) -> list[str]:
    """Names of the active policies with a fact that only this source can tell."""
    return [
        policy.name
        for policy in policy_set.policies
        if policy.state is not PolicyState.OFF
        and any(source in registry.words[one.word].needs(one.wanted) for one in conditions_in(policy.conditions))
    ]


def _unreadable(policy: Policy, worlds: SatisfiabilityChecker) -> LintFinding | None:
    """A condition word or a network that is gone. Nothing else can be said of a policy that names one."""
    try:
        for criterion in conditions_in(policy.conditions):
            word = worlds.registry.find(criterion.word, criterion.word)
            word.compile(criterion.wanted, worlds.networks, criterion.word)
    except PolicyError as fault:
        return LintFinding(Level.ERROR, "unreadable", policy.name, Sentence("Cannot be judged: %(fault)s", fault=fault))
    return None


def _lowered(remark: LintFinding, policy: Policy) -> LintFinding:
    return remark if policy.state is PolicyState.ON else replace(remark, level=Level.WARNING)


def _of_one(policy: Policy, facts: AppFacts, worlds: SatisfiabilityChecker) -> Iterator[LintFinding]:
    yield from _missing_facts(policy, facts, worlds)
    yield from _unreachable(policy, worlds)
    yield from _unmarked_resources(policy, facts)
    yield from _factors_off(policy, facts)
    if policy.effect.action is Action.ALLOW:
        yield from _open_to_anybody(policy, worlds)
        yield from _proxies(policy, facts, worlds)


def _missing_facts(policy: Policy, facts: AppFacts, worlds: SatisfiabilityChecker) -> Iterator[LintFinding]:
    missing = {
        (criterion.word, source)
        for criterion in conditions_in(policy.conditions)
        for source in worlds.registry.words[criterion.word].needs(criterion.wanted) - facts.sources
    }
    for word, source in sorted(missing):
        sentence = Sentence(
            "The condition %(word)s is never known in this app: %(why)s.", word=word, why=_MISSING[source]
        )
        yield LintFinding(Level.ERROR, "fact-missing", policy.name, sentence)
    if Source.GROUPS not in facts.sources and group_names((*policy.users.include, *policy.users.exclude)):
        sentence = Sentence(
            "It is about a group, and nobody is in one in this app: %(why)s.", why=_MISSING[Source.GROUPS]
        )
        yield LintFinding(Level.ERROR, "fact-missing", policy.name, sentence)


def _unreachable(policy: Policy, worlds: SatisfiabilityChecker) -> Iterator[LintFinding]:
    users = policy.users
    if EVERYBODY in users.exclude or set(users.include) <= set(users.exclude):
        yield LintFinding(
            Level.WARNING, "never-applies", policy.name, "Applies to nobody: no user is left after exclude."
        )
    elif worlds.is_never(policy.conditions):
        sentence = "Never applies: its conditions contradict each other."
        yield LintFinding(Level.WARNING, "never-applies", policy.name, sentence)


def _unknown_names(policies: Iterable[Policy], facts: AppFacts) -> Iterator[tuple[Policy, LintFinding]]:
    compared = 0
    for policy in policies:
        texts = (*policy.users.include, *policy.users.exclude)
        for kind, named, known in (
            ("group", group_names(texts), facts.known_groups),
            ("user", user_keys(texts), facts.known_users),
        ):
            for name in sorted(named.difference(named if known is None else known)):
                compared += len(known or ())
                # SECURITY: to look for what each of many unknown names may mean would take hours under a lock.
                hint = _hint(name, known or ()) if compared <= MOST_COMPARED else ""
                yield (
                    policy,
                    LintFinding(
                        Level.WARNING,
                        f"unknown-{kind}",
                        policy.name,
                        Sentence(_UNKNOWN[kind], name=name, hint=hint),
                    ),
                )


def _unmarked_resources(policy: Policy, facts: AppFacts) -> Iterator[LintFinding]:
    if facts.known_resources is None:
        return
    known = facts.known_resources | {APP, MFA_ADMIN}
    for name in sorted(name for name in policy.resources if name not in known and not name.startswith(_CLIENT)):
        sentence = Sentence(
            "No view is marked with the resource %(name)r, so nothing can reach it.%(hint)s",
            name=name,
            hint=_hint(name, known),
        )
        yield LintFinding(Level.WARNING, "unknown-resource", policy.name, sentence)


def _factors_off(policy: Policy, facts: AppFacts) -> Iterator[LintFinding]:
    wanted = policy.effect.factors
    if wanted and wanted.isdisjoint(facts.factors):
        kinds = " or ".join(kind.value for kind in FactorKind if kind in wanted)
        sentence = Sentence(
            "Nobody could ever meet it: it takes %(kinds)s only, which MFA_GATE_FACTORS leaves out.", kinds=kinds
        )
        yield LintFinding(Level.WARNING, "factor-off", policy.name, sentence)


def _hint(name: str, known: Collection[str]) -> str:
    near = nearest(name, known)
    return Sentence(" Did you mean %(near)s?", near=near) if near else ""


def _open_to_anybody(policy: Policy, worlds: SatisfiabilityChecker) -> Iterator[LintFinding]:
    found = backings(policy.conditions, worlds)
    # SECURITY: a password thief meets such a branch, and the allow would drop the code that was to stop them.
    if found & {Backing.CHOSEN, Backing.NEUTRAL}:
        words = ", ".join(sorted(set(weak_words(policy.conditions, worlds))))
        sentence: str = Sentence(
            "Can be met by anybody who knows the password, "
            "since these words prove nothing about the client: %(words)s. In each branch, add a network, a device, "
            "or another fact that the client can't choose.",
            words=words,
        )
        yield LintFinding(Level.ERROR, "allow-client-chosen", policy.name, sentence)
    elif Backing.ANYBODY in found or is_nearly_everywhere(policy.conditions, worlds):
        sentence = "Drops the challenge nearly everywhere: its conditions leave out less than half of the world."
        yield LintFinding(Level.WARNING, "allow-always", policy.name, sentence)


def _proxies(policy: Policy, facts: AppFacts, worlds: SatisfiabilityChecker) -> Iterator[LintFinding]:
    proxies = {text: span_of(read_entry(text, "trusted proxy")) for text in facts.trusted_proxies}
    for criterion in conditions_in(policy.conditions):
        if criterion.word == NETWORK.word:
            spans = NETWORK.spans(criterion.wanted, worlds.networks, "")
            for proxy, (low, high) in proxies.items():
                if any(first <= high and low <= last for first, last in spans):
                    sentence = Sentence(
                        "Allows a network in which the proxy %(proxy)s is. "
                        "A request whose real address the proxy did not pass on would count as one from there.",
                        proxy=proxy,
                    )
                    yield LintFinding(Level.WARNING, "network-has-proxy", policy.name, sentence)


def _missing_break_glass(policies: Collection[Policy], facts: AppFacts) -> Iterator[LintFinding]:
    tightens = any(policy.state is PolicyState.ON and policy.effect.action is not Action.ALLOW for policy in policies)
    if tightens and not facts.break_glass:
        sentence = (
            "No account is outside policies: name one in MFA_GATE_BREAK_GLASS before a policy shuts everybody out."
        )
        yield LintFinding(Level.WARNING, "no-break-glass", None, sentence)
