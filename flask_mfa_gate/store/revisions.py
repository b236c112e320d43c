"""Revisions of the gate's tables, applied and taken back by Alembic. They live in the wheel.

A revision is one file in ``migrations/versions`` with ``upgrade(op, prefix)`` and ``downgrade(op, prefix)``, and its
number begins the name of the file; the history is one line, without branches. Alembic's modules ``context`` and ``op``
are not used: a process has one of each, and it belongs to the host, whose ``env.py`` may well be what is making this
app.
"""

from __future__ import annotations

from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection

from ..errors import BadRequest, StoreNotReady
from ..sentences import Sentence


class Revisions:
    """Those of the tables of one prefix, over one connection.

    :param version_table: notes the revision that the tables are at.
    """

    def __init__(self, connection: Connection, *, folder: Path, prefix: str, version_table: str) -> None:
        self._context = MigrationContext.configure(connection, opts={"version_table": version_table})
        self._scripts, self._prefix = ScriptDirectory(str(folder)), prefix

    def upgrade(self, revision: str) -> list[str]:
        """Bring the tables up to a revision.

        :returns: the revisions that were applied.
        """
        op, steps = Operations(self._context), self._above(revision)
        for script in steps:
            script.module.upgrade(op, self._prefix)
            self._context.stamp(self._scripts, script.revision)
        return [script.revision for script in steps]

    def downgrade(self, revision: str) -> None:
        """Take the tables down to a revision; ``base`` removes them."""
        op = Operations(self._context)
        for script in self._below(revision):
            script.module.downgrade(op, self._prefix)
            self._context.stamp(self._scripts, str(script.down_revision or "base"))

    def plan(self, revision: str) -> list[str]:
        """The revisions that :meth:`upgrade` would apply, or, for ``base``, that :meth:`downgrade` would take back."""
        steps = self._below(revision) if revision == "base" else self._above(revision)
        return [script.revision for script in steps]

    def _above(self, revision: str) -> list[Script]:
        return list(reversed(self._between(upper=revision, lower=self._known())))

    def _below(self, revision: str) -> list[Script]:
        return self._between(upper=self._known(), lower=revision)

    def _known(self) -> str:
        found = self._context.get_current_revision() or "base"
        try:
            self._scripts.get_revision(found)
        except CommandError:
            raise StoreNotReady(
                f"The gate's tables are at revision {found}, which this version of flask-mfa-gate does not know. "
                "Install the newer one that made them."
            ) from None
        return found

    def _between(self, *, upper: str, lower: str) -> list[Script]:
        """Those above ``lower`` up to ``upper``, newest first. Alembic's relative steps are not for one line."""
        try:
            if upper.isalnum() and lower.isalnum():
                return list(self._scripts.iterate_revisions(upper, lower))
        except (CommandError, RevisionError):
            pass
        raise BadRequest(
            Sentence(
                "There is no way between the revisions %(lower)r and %(upper)r of the gate's tables.",
                lower=lower,
                upper=upper,
            )
        )
