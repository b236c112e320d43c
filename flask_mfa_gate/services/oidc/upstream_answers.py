"""Answers of a provider that signs users in, each of which counts once."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from ..unit_of_work import TransactionRunner


class UpstreamAnswers:
    """Remembers them as long as what was begun could still be answered."""

    def __init__(self, worker: TransactionRunner) -> None:
        self._store, self._worker = worker.store, worker

    def try_use(self, provider: str, state: str, *, ends_at: datetime) -> bool:
        """Note that this state was answered; False when it was before."""
        digest = sha256(f"upstream\0{provider}\0{state}".encode(errors="replace")).hexdigest()
        return self._worker.run(lambda work: self._store.oidc.assertions.try_use(work.tx, digest, ends_at=ends_at))
