"""Looks at policies before they are turned on, with what this app and its people are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from ...clock import Clock
from ...domain.authorization.rules import Rules
from ...domain.people.roles import Actor, Role
from ...domain.policy.analysis.finding import AppFacts, Level, LintFinding
from ...domain.policy.analysis.lint import lint
from ...domain.policy.conditions.condition_type import Source
from ...domain.policy.conditions.registry import Registry
from ...domain.policy.document.policy import PolicySet
from ...domain.policy.document.users import user_keys
from ...domain.policy.facts import Environment, Subject
from ...errors import Conflict
from ...sentences import Sentence, as_sentence, joined
from ...store import Store
from ..people.population import Population


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes the policies.

    :param admins: those whom the host names, besides the ones that the gate has met.
    :param here: from where they act; None where nobody knows.
    """

    actor: Actor
    admins: Sequence[Subject] = ()
    here: Environment | None = None


class PolicyLinter:
    """Knows the app's sources of facts, its factors, its admins, its proxies and its accounts for emergencies."""

    def __init__(
        self, store: Store, registry: Registry, rules: Rules, population: Population, *, clock: Clock,
        sources: frozenset[Source], trusted_proxies: tuple[str, ...],
    ) -> None:  # fmt: skip
        self._store, self._registry, self._clock = store, registry, clock
        self._rules, self._population, self._sources = rules, population, sources
        self._trusted_proxies = trusted_proxies

    def remarks(
        self, policies: PolicySet, *, acting_admin: str | None = None, here: Environment | None = None,
        known_resources: Collection[str] | None = None, about: str | None = None,
    ) -> Sequence[LintFinding]:  # fmt: skip
        """Errors and warnings.

        :param acting_admin: key of the admin who must not lock himself out.
        :param here: from where that admin acts.
        :param known_resources: names that views are marked with; None where nobody looked.
        :param about: name of the only policy that is asked about.
        """
        resources = None if known_resources is None else frozenset({*known_resources, *self._rules.default_access})
        by = Actor.SYSTEM if acting_admin is None else Actor.user(acting_admin)
        admins = self._population.admins_of_host(by)
        texts = [text for one in policies.policies for text in (*one.users.include, *one.users.exclude)]
        users = self._population.known_among(user_keys(texts))
        with self._store.database.read() as tx:
            author = Author(by, admins, here)
            facts = replace(self._facts(tx, author), known_users=users, known_resources=resources)
        return lint(policies, facts=facts, registry=self._registry, about=about)

    def require_no_new_errors(self, tx: Connection, before: PolicySet, after: PolicySet, author: Author) -> None:
        """Refuse a change that brings in an error; one that is there already may be worked around.

        :raises Conflict: ``lint``, with what is wrong.
        """
        facts = self._facts(tx, author)
        known = _errors(lint(before, facts=facts, registry=self._registry))
        found = [one for one in _errors(lint(after, facts=facts, registry=self._registry)) if one not in known]
        if found:
            named = ((one.policy or Sentence("The policies"), as_sentence(one.sentence)) for one in found)
            raise Conflict(
                "lint", joined(Sentence("%(policy)s: %(said)s", policy=who, said=what) for who, what in named)
            )

    def _facts(self, tx: Connection, author: Author) -> AppFacts:
        met = self._store.people.holders(tx, Role.ADMIN, now=self._clock())
        subjects = {known.person.key: Subject(known.person.key, known.person.groups) for known in met}
        # SECURITY: an admin who never signed in has no row here; overlooked, the last one could be shut out for good.
        subjects |= {admin.key: admin for admin in author.admins}
        groups = self._store.people.group_names(tx)
        return AppFacts(
            sources=self._sources,
            factors=self._rules.enabled,
            admins=tuple(subjects.values()),
            acting_admin=author.actor.user_key,
            acting_from=author.here,
            break_glass=self._rules.break_glass,
            trusted_proxies=self._trusted_proxies,
            known_groups=frozenset(groups) or None,
        )


def _errors(remarks: Sequence[LintFinding]) -> list[LintFinding]:
    return [remark for remark in remarks if remark.level is Level.ERROR]
