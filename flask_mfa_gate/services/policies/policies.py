"""Policies: kept as versions of one document, compiled once a version, applied to each request."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Unpack

from ...domain.authorization.decision import ConditionFailure
from ...domain.enrollment.grace import RestartGrace
from ...domain.people.roles import Actor, ActorLike
from ...domain.policy.addresses import Network
from ...domain.policy.analysis.diff import PolicyDiff, difference
from ...domain.policy.conditions.registry import Registry
from ...domain.policy.document.codec import read_document, read_policy, write_document
from ...domain.policy.document.policy import Policy, PolicySet, PolicyState
from ...domain.policy.evaluation.compiled_policies import CompiledPolicies, compile_policies
from ...domain.records.event_name import EventName
from ...errors import BadRequest
from ...sentences import Sentence
from ...store.records.policies import PolicyVersion
from ..actions.action_result import ActionResult
from ..actions.actions import Order, Terms
from ..text_validation import check_words
from ..unit_of_work import UnitOfWork
from .edits import changed_in, checked_alone, merged, named, with_policy, with_user_renamed
from .history import LONGEST_HISTORY
from .network_edits import with_network
from .revisions import PolicyRevisions, about, about_network
from .versions import EMPTY
from .writing import NO_CONTEXT, Change, EditContext, Edited

log = logging.getLogger("flask_mfa_gate")


class PolicyService(PolicyRevisions):
    """``gate.policies``: save, list, rename, delete, export, import, history, undo, rollback."""

    def list(self) -> Sequence[Policy]:
        """All policies, by name."""
        return sorted(self.current().policies, key=lambda policy: policy.name)

    def get(self, name: str) -> Policy:
        """One policy.

        :raises BadRequest: for a name that no policy has.
        """
        return named(self.current(), name)

    @property
    def registry(self) -> Registry:
        """The condition words of this app."""
        return self._registry

    def read_policy(self, table: object) -> Policy:
        """One policy from its table in a document.

        :raises PolicyError: for a fault in it.
        """
        return read_policy(table, registry=self._registry)

    @property
    def risk_signals(self) -> frozenset[str]:
        """Those that conditions may name in this app."""
        return self._registry.signals

    def save(
        self, policy: Policy, *, actor: ActorLike = Actor.HOST, reason: str | None = None,
        context: EditContext = NO_CONTEXT,
    ) -> PolicyDiff:  # fmt: skip
        """Put a policy in, in place of the one with its name.

        :raises PolicyError: for a policy that could not be judged.
        :raises Conflict: ``lint``, for one that is on and must not be; ``stale``, as ``context`` says.
        """
        checked = checked_alone(policy, self._registry)
        change = about(checked.name, "save", lambda now: with_policy(now, checked))
        return self._change(change, actor=actor, reason=reason, context=context)

    def set_state(
        self, name: str, state: str, *, actor: ActorLike = Actor.HOST, reason: str | None = None,
        context: EditContext = NO_CONTEXT,
    ) -> PolicyDiff:  # fmt: skip
        """Switch a policy ``on``, ``off`` or to ``report-only``."""
        if state not in list(PolicyState):
            raise BadRequest(Sentence("A policy is %(known)s.", known=", ".join(PolicyState)))

        def edit(now: PolicySet) -> PolicySet:
            return with_policy(now, replace(named(now, name), state=PolicyState(state)))

        return self._change(about(name, "state", edit), actor=actor, reason=reason, context=context)

    def save_network(
        self, network: Network, *, actor: ActorLike = Actor.HOST, reason: str | None = None,
        context: EditContext = NO_CONTEXT,
    ) -> PolicyDiff:  # fmt: skip
        """Put a named network in, in place of the one with its name."""
        change = about_network(network.name, "network", lambda now: with_network(now, network))
        return self._change(change, actor=actor, reason=reason, context=context)

    def export(self, form: str = "toml") -> str:
        """The whole document, as ``toml`` or ``json``."""
        if form not in ("toml", "json"):
            raise BadRequest("The document has two forms: toml and json.")
        return write_document(self.current(), "json" if form == "json" else "toml")

    def import_(
        self,
        text: str,
        *,
        actor: ActorLike = Actor.HOST,
        dry_run: bool = True,
        merge: bool = False,
        reason: str | None = None,
        context: EditContext = NO_CONTEXT,
    ) -> PolicyDiff:
        """Replace all policies and networks by those of a document; with ``merge``, keep what it does not name.

        :param dry_run: only say what would change.
        :raises PolicyError: for a document with a fault, which says where it is.
        """
        if not dry_run:
            # SECURITY: a document is read only for who may import it; reading a large one takes seconds.
            self._admin(actor)
        known = [network.name for network in self.current().networks] if merge else []
        new = read_document(text, registry=self._registry, networks=known)

        def edit(now: PolicySet) -> PolicySet:
            return merged(now, new) if merge else new

        if dry_run:
            now = self.current() if merge else self._versions.readable(self._versions.newest()) or EMPTY
            return difference(now, self._checked(edit(now)))
        change = Change(act="import", subject="", edit=edit, replaces=not merge)
        return self._change(change, actor=actor, reason=reason, context=context)

    def history(self, name: str | None = None, *, limit: int = LONGEST_HISTORY) -> Sequence[PolicyVersion]:
        """Versions with author and time, newest first; of one policy, those in which it differs from the one before."""
        with self._store.database.read() as tx:
            versions = self._store.policies.history(tx, limit=limit)
        return versions if name is None else changed_in(versions, name)

    def compile(self, draft: PolicySet) -> CompiledPolicies:
        """A draft, compiled.

        :raises PolicyError: for what could not be judged.
        """
        return compile_policies(self._checked(draft), self._registry, version=-1)

    def read_alone(self, text: str) -> PolicySet:
        """A document that uses its own networks only, as a whole import takes it.

        :raises PolicyError: for a fault in it.
        """
        return self._checked(read_document(text, registry=self._registry))

    def read(self, text: str) -> PolicySet:
        """A document that may use the networks of today as well, while those can be read.

        :raises PolicyError: for a fault in it.
        """
        now = self._versions.readable(self._versions.newest()) or EMPTY
        read = read_document(text, registry=self._registry, networks=[network.name for network in now.networks])
        own = {network.name for network in read.networks}
        return replace(read, networks=(*read.networks, *(one for one in now.networks if one.name not in own)))

    def rename_user(self, work: UnitOfWork, old: str, new: str, *, actor: str) -> None:
        """Policies that name a user follow them to the new key, in a version of their own.

        :raises PolicyError: while the policies can't be read, or where they can't name the new key.
        """
        version = self._store.policies.newest(work.tx)
        before = self._versions.read(version, work.tx)
        after = with_user_renamed(before, old, new)
        if after != before:
            # SECURITY: a policy that named the old key only would no longer be about anybody.
            self._add(work, version, Edited(before, self._checked(after), "rename"), actor=actor)

    def note_graces(self, user_key: str, names: Collection[str]) -> None:
        """Policies with days of grace apply to this user from now on; the first time counts, for ever."""

        def act(work: UnitOfWork) -> None:
            now = self._clock()
            self._store.enrollments.lock(work.tx, user_key)
            known = self._store.enrollments.state(work.tx, user_key, now=now).graces
            self._store.enrollments.set_graces(work.tx, user_key, {**dict.fromkeys(names, now), **known})

        self._worker.run(act)

    def restart_grace(
        self, user_key: str, name: str, *, actor: ActorLike = Actor.HOST, reason: str | None = None,
        dry_run: bool = False,
    ) -> None:  # fmt: skip
        """Give a user the days of grace of a policy once more; with ``dry_run`` only say what is wrong with that.

        :raises BadRequest: for a policy that is not there and gave the user no grace before.
        :raises UnknownUser: for a key that nobody has.
        """
        check_words(actor, reason)
        # SECURITY: an admin who could postpone their own setup for ever would never have to do it.
        by = self._admin(actor, subject=user_key)
        self._runner.person(user_key)
        names = {policy.name for policy in self.current().policies}

        def act(work: UnitOfWork) -> None:
            now = self._clock()
            self._store.enrollments.lock(work.tx, user_key)
            known = self._store.enrollments.state(work.tx, user_key, now=now).graces
            if name not in names | known.keys():
                raise BadRequest(Sentence("There is no policy %(name)r.", name=name))
            if not dry_run:
                self._store.enrollments.set_graces(work.tx, user_key, {**known, name: now})
                work.record(EventName.GRACE_RESTARTED, subject=user_key, actor=by.name, reason=reason, policy=name)

        self._worker.run(act)

    def restart_graces(self, keys: Sequence[str], *, policy: str, **terms: Unpack[Terms]) -> ActionResult:
        """The same for several users. Those whom the policy gave no grace yet are skipped (``no-grace``).

        :raises BadRequest: for a policy that is not there.
        """
        named(self.current(), policy)
        return self._runner.on_keys(RestartGrace(policy), keys, Order(**terms))


def log_condition(policy: str, word: str, error: Exception) -> None:
    """A condition that raises is unknown: that is strict for deny and require, and no leniency for allow."""
    log_failure(ConditionFailure(policy, word, type(error).__name__))


def log_failure(failure: ConditionFailure) -> None:
    """The same, where the decision has noted it."""
    log.warning("the condition %s of the policy %r failed: %s", failure.word, failure.policy, failure.error)
