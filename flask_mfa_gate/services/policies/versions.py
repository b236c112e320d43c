"""The versions of the policies: read from the store, and the one in force kept compiled in each worker."""

from __future__ import annotations

import logging
from functools import lru_cache, partial
from threading import Lock

from sqlalchemy import Connection

from ...domain.policy.analysis.lint import names_needing
from ...domain.policy.conditions.condition_type import Source
from ...domain.policy.conditions.registry import Registry
from ...domain.policy.document.codec import read_document
from ...domain.policy.document.policy import PolicySet
from ...domain.policy.evaluation.compiled_policies import NO_POLICIES, CompiledPolicies, compile_policies
from ...errors import MFAGateError, PolicyError
from ...store import Store
from ...store.records.policies import PolicyVersion

EMPTY = PolicySet()
_MOST_PARSED = 4
_UNREADABLE = "The policies can't be read, so nobody is let in. Run: flask mfa policies check"
log = logging.getLogger("flask_mfa_gate")


class PolicyVersions:
    """Every version of the document, and the one in force that this worker met last.

    :param registry: the condition words of this app.
    """

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store, self._registry = store, registry
        self._kept: tuple[str | None, CompiledPolicies] = (None, NO_POLICIES)
        self._loading = Lock()
        # By its text, and not by its number, under which a restored database may hold another one.
        self._parsed = lru_cache(maxsize=_MOST_PARSED)(partial(read_document, registry=registry))

    def newest(self) -> int:
        """The number of the version in force; 0 before the first."""
        with self._store.database.read() as tx:
            return self._store.policies.newest(tx)

    def at(self, digest: str | None) -> CompiledPolicies:
        """The policies in force, compiled. A worker that meets other ones than it knows loads them once.

        :param digest: of those in force when the request began; None where there are none. A number would not do:
            in a database that was restored the same number may mean other policies.
        :raises MFAGateError: when they can't be read: nobody is let in because of it.
        """
        if digest is None:
            return NO_POLICIES
        known, compiled = self._kept
        if known == digest:
            return compiled
        with self._loading:
            # A thread that waited finds it there: many threads that meet a new version together would each load it.
            if self._kept[0] != digest:
                self._kept = self._load()
            return self._kept[1]

    def read(self, version: int, tx: Connection | None = None) -> PolicySet:
        """The set of a version.

        :param tx: a transaction that is open; a second connection beside it may not be there to be had.
        :raises PolicyError: for one that is not there, or that this app can't read.
        """
        if not version:
            return EMPTY
        if tx is None:
            with self._store.database.read() as own:
                return self.read(version, own)
        return self._parsed(_there(self._store.policies.get(tx, version)).document)

    def readable(self, version: int, tx: Connection | None = None) -> PolicySet | None:
        """The set of a version; None for one that can't be read."""
        try:
            return self.read(version, tx)
        except PolicyError:
            log.warning("version %s of the policies can't be read", version)
            return None

    def _load(self) -> tuple[str, CompiledPolicies]:
        try:
            with self._store.database.read() as tx:
                found = _there(self._store.policies.current(tx))
            read = self._parsed(found.document)
            self._warn(read)
            return found.digest, compile_policies(read, self._registry, version=found.version)
        except PolicyError as error:
            raise MFAGateError(_UNREADABLE) from error

    def _warn(self, policies: PolicySet) -> None:
        """Once for each version, of what is unknown at every request because of this server."""
        for name in names_needing(Source.TIME_ZONE, policies, self._registry):
            log.warning("the policy %r names a time zone that this server does not have; is tzdata installed?", name)


def _there(found: PolicyVersion | None) -> PolicyVersion:
    # SECURITY: a version that counts and can't be found must not pass for one without any rule.
    if found is None:
        raise PolicyError("a version that counts is not there")
    return found
