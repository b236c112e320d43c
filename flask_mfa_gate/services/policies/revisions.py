"""What an admin does with policies beside writing them: rename, copy, bring back, undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ...domain.people.roles import Actor, ActorLike
from ...domain.policy.addresses import Network
from ...domain.policy.analysis.diff import PolicyDiff
from ...domain.policy.document.policy import Policy, PolicySet, PolicyState
from ...errors import BadRequest, Conflict, NotFound
from ...sentences import Sentence
from ...store.records.policies import Deletion
from .edits import checked_alone, find, has_policy, named, undone, with_policy, without
from .history import LONGEST_HISTORY
from .network_edits import with_network, with_new_network, with_renamed_network, without_network
from .versions import EMPTY
from .writing import NO_CONTEXT, Change, Edit, EditContext, PolicyWriter

_NO_VERSION = "There is no version of the policies with this number; their history lists them."


class PolicyRevisions(PolicyWriter):
    """Each is a version of its own with its audit record, and passes the lint as a save does."""

    def add(
        self, policy: Policy, *, actor: ActorLike = Actor.HOST, reason: str | None = None,
        context: EditContext = NO_CONTEXT,
    ) -> PolicyDiff:  # fmt: skip
        """Put a policy in that was not there.

        :raises Conflict: ``exists``, where its name is taken.
        """
        checked = checked_alone(policy, self._registry)

        def edit(now: PolicySet) -> PolicySet:
            _require_free(now, checked.name)
            return with_policy(now, checked)

        return self._change(about(checked.name, "save", edit), actor=actor, reason=reason, context=context)

    def rename(
        self, name: str, new_name: str, *, actor: ActorLike = Actor.HOST, reason: str | None = None,
        context: EditContext = NO_CONTEXT,
    ) -> PolicyDiff:  # fmt: skip
        """Give a policy another name. The days of grace that it gave run on."""

        def edit(now: PolicySet) -> PolicySet:
            renamed = checked_alone(replace(named(now, name), name=new_name), self._registry)
            _require_free(now, new_name)
            return with_policy(without(now, name), renamed)

        change = replace(
            about(name, "rename-policy", edit),
            # SECURITY: grace that stayed with the old name would begin again for everybody.
            beside=lambda tx: self._store.enrollments.rename_grace(tx, name, new_name),
        )
        return self._change(change, actor=actor, reason=reason, context=context)

    def duplicate(
        self, name: str, new_name: str, *, actor: ActorLike = Actor.HOST, reason: str | None = None
    ) -> PolicyDiff:
        """Put a copy beside a policy. It is off, whatever the original is."""
        copy = replace(named(self.current(), name), name=new_name, state=PolicyState.OFF)
        return self.add(copy, actor=actor, reason=reason)

    def delete(
        self, name: str, *, actor: ActorLike = Actor.HOST, reason: str | None = None, context: EditContext = NO_CONTEXT
    ) -> PolicyDiff:
        """Take a policy out. Its history stays, and :meth:`restore` brings it back."""

        def edit(now: PolicySet) -> PolicySet:
            named(now, name)
            return without(now, name)

        return self._change(about(name, "delete", edit), actor=actor, reason=reason, context=context)

    def restore(
        self, name: str, *, actor: ActorLike = Actor.HOST, reason: str | None = None, context: EditContext = NO_CONTEXT
    ) -> PolicyDiff:
        """Bring a deleted policy back as it last was.

        :raises NotFound: for a name that no policy had.
        """
        with self._store.database.read() as tx:
            versions = self._store.policies.history(tx, limit=LONGEST_HISTORY)
        last = next((one.version for one in versions if has_policy(one, name)), None)
        if last is None:
            raise NotFound(Sentence("There was no policy %(name)r.", name=name))
        kept = named(self._versions.read(last), name)

        def edit(now: PolicySet) -> PolicySet:
            _require_free(now, name)
            return with_policy(now, kept)

        return self._change(about(name, "restore", edit), actor=actor, reason=reason, context=context)

    def deleted(self) -> Sequence[Deletion]:
        """Policies that were deleted and are not there now, the latest first; of very many, the latest 50."""
        with self._store.database.read() as tx:
            found = self._store.policies.deletions(tx, limit=50)
        now = {policy.name for policy in (self._versions.readable(self._versions.newest()) or EMPTY).policies}
        return list({one.name: one for one in reversed(found) if one.name not in now}.values())[::-1]

    def undo(
        self, version: int, *, actor: ActorLike = Actor.HOST, reason: str | None = None,
        context: EditContext = NO_CONTEXT,
    ) -> PolicyDiff:  # fmt: skip
        """Take back what one version changed, and nothing that came later.

        :raises Conflict: ``changed-since``, where a later version changed the same.
        """
        before, after = self._pair(version)
        change = Change(act="undo", subject="", edit=partial(undone, before=before, after=after))
        return self._change(change, actor=actor, reason=reason, context=context)

    def undoing(self, version: int) -> tuple[PolicySet, PolicySet]:
        """The set of now, and what :meth:`undo` would make of it."""
        before, after = self._pair(version)
        now = self.current()
        return now, undone(now, before=before, after=after)

    def rollback(
        self, version: int, *, name: str | None = None, actor: ActorLike = Actor.HOST, reason: str | None = None,
        context: EditContext = NO_CONTEXT,
    ) -> PolicyDiff:  # fmt: skip
        """Make the document of an earlier version the newest one.

        :param name: take only this policy back to what it was then.
        """
        wanted = self._versions.read(self._known(version))
        if name is None:
            change = Change(act="rollback", subject="", edit=lambda _: wanted, replaces=True)
        else:
            kept = named(wanted, name)
            change = about(name, "rollback", lambda now: with_policy(now, kept))
        return self._change(change, actor=actor, reason=reason, context=context)

    def delete_network(
        self, name: str, *, actor: ActorLike = Actor.HOST, reason: str | None = None, context: EditContext = NO_CONTEXT
    ) -> PolicyDiff:
        """Take a named network out.

        :raises Conflict: ``in-use``, with the policies that name it.
        """

        change = about_network(name, "network-delete", lambda now: without_network(now, name))
        return self._change(change, actor=actor, reason=reason, context=context)

    def rename_network(
        self, name: str, new_name: str, *, actor: ActorLike = Actor.HOST, reason: str | None = None,
        context: EditContext = NO_CONTEXT,
    ) -> PolicyDiff:  # fmt: skip
        """Give a named network another name, in every policy that names it."""

        change = about_network(name, "network-rename", lambda now: with_renamed_network(now, name, new_name))
        return self._change(change, actor=actor, reason=reason, context=context)

    def add_network(
        self, network: Network, *, actor: ActorLike = Actor.HOST, reason: str | None = None,
        context: EditContext = NO_CONTEXT,
    ) -> PolicyDiff:  # fmt: skip
        """Put a named network in that was not there.

        :raises Conflict: ``exists``, where its name is taken.
        """
        change = about_network(network.name, "network", lambda now: with_new_network(now, network))
        return self._change(change, actor=actor, reason=reason, context=context)

    def change_network(
        self, name: str, network: Network, *, actor: ActorLike = Actor.HOST, reason: str | None = None,
        context: EditContext = NO_CONTEXT,
    ) -> PolicyDiff:  # fmt: skip
        """Put a network in the place of one, also under another name, which every policy follows.

        :raises NotFound: for a name that no network has.
        """

        def edit(now: PolicySet) -> PolicySet:
            renamed = now if network.name == name else with_renamed_network(now, name, network.name)
            return with_network(renamed, network)

        return self._change(about_network(name, "network", edit), actor=actor, reason=reason, context=context)

    def _pair(self, version: int) -> tuple[PolicySet, PolicySet]:
        """The sets before and after a change."""
        known = self._known(version)
        return self._versions.read(known - 1), self._versions.read(known)

    def _known(self, version: int) -> int:
        if type(version) is not int or not 0 < version <= self._versions.newest():
            raise BadRequest(_NO_VERSION)
        return version


def about(name: str, act: str, edit: Edit) -> Change:
    """A change of one policy."""
    return Change(act=act, subject=name, edit=edit, part=lambda policies: find(policies.policies, name))


def about_network(name: str, act: str, edit: Edit) -> Change:
    """A change of one named network."""
    return Change(act=act, subject=name, edit=edit, part=lambda policies: find(policies.networks, name))


def _require_free(now: PolicySet, name: str) -> None:
    if find(now.policies, name) is not None:
        raise Conflict("exists", Sentence("There is a policy %(name)r already. Choose another name.", name=name))
