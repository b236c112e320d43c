"""Looks at policies before they are switched on, with what this app and its people are."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from ..clock import Clock
from ..domain.decision import Rules
from ..domain.policy.conditions.protocol import Source
from ..domain.policy.conditions.registry import Registry
from ..domain.policy.facts import Subject
from ..domain.policy.lint import AppFacts, Level, Remark, lint
from ..domain.policy.model import PolicySet
from ..domain.roles import Actor, Role
from ..errors import Conflict
from ..store import Store


class PolicyLinter:
    """Knows the app's sources of facts, its factors, its admins and its accounts for emergencies."""

    def __init__(
        self, store: Store, registry: Registry, rules: Rules, *, clock: Clock, sources: frozenset[Source]
    ) -> None:
        self._store, self._registry, self._clock = store, registry, clock
        self._rules, self._sources = rules, sources

    def remarks(self, policies: PolicySet, *, acting_admin: str | None = None) -> Sequence[Remark]:
        """Errors and warnings.

        :param acting_admin: key of the admin who must not lock himself out.
        """
        with self._store.database.read() as tx:
            facts = self._facts(tx, acting_admin)
        return lint(policies, facts=facts, registry=self._registry)

    def require_no_new_errors(self, tx: Connection, before: PolicySet, after: PolicySet, by: Actor) -> None:
        """Refuse a change that brings in an error; one that is there already may be worked around.

        :raises Conflict: ``lint``, with what is wrong.
        """
        facts = self._facts(tx, by.user_key)
        known = _errors(lint(before, facts=facts, registry=self._registry))
        found = [one for one in _errors(lint(after, facts=facts, registry=self._registry)) if one not in known]
        if found:
            raise Conflict("lint", " ".join(f"{one.policy or 'The policies'}: {one.sentence}" for one in found))

    def _facts(self, tx: Connection, acting_admin: str | None) -> AppFacts:
        admins = self._store.people.holders(tx, Role.ADMIN, now=self._clock())
        groups = self._store.people.group_names(tx)
        return AppFacts(
            sources=self._sources,
            factors=self._rules.enabled,
            admins=tuple(Subject(known.person.key, known.person.groups) for known in admins),
            acting_admin=acting_admin,
            break_glass=self._rules.break_glass,
            known_groups=frozenset(groups) or None,
        )


def _errors(remarks: Sequence[Remark]) -> list[Remark]:
    return [remark for remark in remarks if remark.level is Level.ERROR]
