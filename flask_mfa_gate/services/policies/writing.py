"""The road of every change of the policies: who may, what they had before them, lint, a new version, a record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from ...domain.people.roles import Actor, ActorLike, Right, refusal
from ...domain.policy.analysis.diff import PolicyDiff, difference
from ...domain.policy.conditions.registry import Registry
from ...domain.policy.document.codec import write_document
from ...domain.policy.document.policy import PolicySet, require_addressable
from ...domain.policy.evaluation.compiled_policies import compile_policies
from ...domain.policy.facts import Environment
from ...domain.records.event_name import EventName
from ...errors import Conflict, NotAllowed, StoreBusy
from ...store.records.policies import PolicyVersion, digest_of
from ..actions.actions import ActionRunner
from ..actions.subjects import REFUSALS
from ..people.population import Population
from ..text_validation import check_words
from ..unit_of_work import TransactionRunner, UnitOfWork
from .edits import read_again
from .lint import Author
from .versions import EMPTY, PolicyVersions

# No user has this key, so that what is said of policies is never taken for something about a user.
NOBODY = ""
_STALE = "Somebody else changed this after you opened it. Nothing was saved."
Edit = Callable[[PolicySet], PolicySet]


@dataclass(frozen=True, slots=True)
class EditContext:
    """What the author of a change had before them.

    :param version: of the policies that they read; a change of what was changed since is refused. None to not ask.
    :param here: from where they act, for the lint; None where nobody knows.
    """

    version: int | None = None
    here: Environment | None = None


NO_CONTEXT = EditContext()


@dataclass(frozen=True, slots=True)
class Edited:
    """A set before and after one change; ``act`` and ``subject`` as in :class:`Change`."""

    before: PolicySet = field(repr=False)
    after: PolicySet
    act: str
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of the set.

    :param act: a word for the record.
    :param subject: name of what it is about; empty for all of it.
    :param part: what the author looked at: when that differs from the version that they read, they are told.
    :param replaces: nothing of today's set is kept, so that also one that can't be read gives way.
    :param beside: what has to happen in the same transaction.
    """

    act: str
    subject: str
    edit: Edit
    part: Callable[[PolicySet], object] = lambda policies: policies
    replaces: bool = False
    beside: Callable[[Connection], None] | None = None


class PolicyWriter:
    """Changes the policies, always by a new version.

    :param registry: the condition words of this app.
    :param check: raises :class:`Conflict` for a set with a policy that must not be turned on.
    """

    def __init__(
        self,
        worker: TransactionRunner,
        runner: ActionRunner,
        registry: Registry,
        *,
        population: Population,
        check: Callable[[Connection, PolicySet, PolicySet, Author], None],
    ) -> None:
        self._store, self._worker, self._runner = worker.store, worker, runner
        self._registry, self._clock, self._check = registry, worker.clock, check
        self._versions, self._population = PolicyVersions(worker.store, registry), population
        self.at = self._versions.at

    def current(self) -> PolicySet:
        """All policies and networks as they are now."""
        return self._versions.read(self._versions.newest())

    def version(self) -> int:
        """The number of the version in force; 0 before the first."""
        return self._versions.newest()

    def _change(
        self, change: Change, *, actor: ActorLike, reason: str | None, context: EditContext = NO_CONTEXT
    ) -> PolicyDiff:
        check_words(actor, reason)
        by = self._admin(actor)
        # Asked before the transaction, since the host's database may be the same one.
        author = Author(by, self._population.admins_of_host(by), context.here)

        def write(work: UnitOfWork) -> PolicyDiff:
            version = self._store.policies.newest(work.tx)
            read = self._versions.readable if change.replaces else self._versions.read
            now = read(version, work.tx)
            before = now or EMPTY
            self._require_fresh(work.tx, change, before, context.version)
            after = self._checked(change.edit(before))
            if after == now:
                return difference(before, after)
            _require_addressable(before, after)
            self._check(work.tx, before, after, author)
            if change.beside is not None:
                change.beside(work.tx)
            edited = Edited(before, after, change.act, change.subject)
            return self._add(work, version, edited, actor=by.name, reason=reason)

        return self._worker.run(write)

    def _require_fresh(self, tx: Connection, change: Change, now: PolicySet, read: int | None) -> None:
        """Refuse a change of what its author has not seen."""
        if read is None or read == self._store.policies.newest(tx):
            return
        then = self._versions.readable(read, tx)
        # SECURITY: the form of one admin must not silently take back what another tightened meanwhile.
        if then is None or change.part(then) != change.part(now):
            raise Conflict("stale", _STALE)

    def _add(
        self, work: UnitOfWork, version: int, edited: Edited, *, actor: str, reason: str | None = None
    ) -> PolicyDiff:
        """Make it the next version. Who loses a race is tried again with what the other left."""
        found, act, subject = difference(edited.before, edited.after), edited.act, edited.subject
        document, now = write_document(edited.after, "json"), self._clock()
        added = PolicyVersion(version + 1, document, actor, now, act, subject, digest_of(version + 1, document))
        if not self._store.policies.try_add(work.tx, added):
            raise StoreBusy("Somebody else changed the policies at the same moment.")
        work.record(
            EventName.POLICY_CHANGED, subject=NOBODY, actor=actor, reason=reason, act=act, policy=subject,
            version=version + 1, added=list(found.added), removed=list(found.removed),
            changed=list(found.changed), loosens=list(found.loosens),
        )  # fmt: skip
        return found

    def _admin(self, actor: ActorLike, *, subject: str = NOBODY) -> Actor:
        by = self._runner.actor(actor)
        # SECURITY: policies are the rule over everybody, so only an admin writes them.
        if (why := refusal(by, Right.RULE, subject=subject, role=None)) is not None:
            raise NotAllowed(why, REFUSALS[why])
        return by

    def _checked(self, draft: PolicySet) -> PolicySet:
        """As it will be read again: what can't be written as a document is refused here."""
        read = read_again(draft, self._registry)
        compile_policies(read, self._registry, version=-1)
        return read


def _require_addressable(before: PolicySet, after: PolicySet) -> None:
    """A name that has no page is refused where it is new: a set that has one already must stay readable."""
    known = {*(one.name for one in before.policies), *(f"network {one.name}" for one in before.networks)}
    for policy in after.policies:
        if policy.name not in known:
            require_addressable(policy.name)
    for network in after.networks:
        if f"network {network.name}" not in known:
            require_addressable(network.name)
