"""``gate.oidc.signing_keys``: keys that sign ID tokens, made, shown, used and retired."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError

from ...clock import Clock
from ...crypto import Keyring, Place
from ...domain.oidc.client import SigningAlgorithm
from ...domain.oidc.signing_key import PUBLISHED_FOR, SigningKey, signing_key, superseded_keys
from ...domain.people.roles import Actor
from ...domain.records.event_name import EventName
from ...errors import NotFound
from ...store import Store
from ..unit_of_work import TransactionRunner, UnitOfWork

# How long a process goes by what it read: well within the time that a new key is shown before it signs.
MEMORY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The key that signs.

    :param key: of joserfc.
    """

    kid: str
    algorithm: SigningAlgorithm
    key: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Known:
    keys: Sequence[SigningKey] = field(repr=False)
    read_at: datetime


class SigningKeyService:
    """Signing keys of one app. The first of an algorithm is made when it is first asked for.

    :param longest_life: of any token that goes out.
    """

    def __init__(
        self, store: Store, worker: TransactionRunner, keyring: Keyring, *, clock: Clock, longest_life: timedelta
    ) -> None:  # fmt: skip
        self._store, self._worker, self._keyring, self._clock = store, worker, keyring, clock
        self._longest_life = longest_life
        self._known: _Known | None = None
        self._opened: dict[str, PrivateKey] = {}

    def signer(self, algorithm: SigningAlgorithm) -> PrivateKey:
        """The key that signs with this algorithm."""
        now = self._clock()
        found = signing_key(self._keys(), algorithm, now) or signing_key(self._keys(afresh=True), algorithm, now)
        if found is None:
            self._make(algorithm, signs_from=now, actor=Actor.SYSTEM)
            found = signing_key(self._keys(afresh=True), algorithm, now)
        assert found is not None  # noqa: S101 - made above, by this process or another
        return self._open(found)

    def published(self) -> list[dict[str, Any]]:
        """The public keys that clients may meet, as JWKs."""
        if not any(key.retired_at is None for key in self._keys()):
            self.signer(SigningAlgorithm.RS256)
        # SECURITY: a key that was retired may be in other hands, and nobody is to believe it any more.
        living = [key for key in self._keys() if key.retired_at is None]
        return [{**key.public, "kid": key.kid, "use": "sig", "alg": key.algorithm.value} for key in living]

    def list(self) -> Sequence[SigningKey]:
        """Every key, oldest first."""
        return self._keys(afresh=True)

    def rotate(self, algorithm: SigningAlgorithm = SigningAlgorithm.RS256, *, actor: Actor = Actor.CLI) -> SigningKey:
        """Make the next key. It is shown at once, and signs when clients have had time to fetch it."""
        in_use = signing_key(self._keys(afresh=True), algorithm, self._clock())
        now = self._clock()
        made = self._make(algorithm, signs_from=now + PUBLISHED_FOR if in_use is not None else now, actor=actor)
        self._keys(afresh=True)
        return made

    def retire(self, kid: str, *, actor: Actor = Actor.CLI) -> None:
        """Let a key sign nothing from now on, as one that may be in other hands. Another is made where none is left.

        :raises NotFound: for a key that is not there, or is retired already.
        """

        def act(work: UnitOfWork) -> None:
            if not self._store.oidc.signing_keys.retire(work.tx, kid, now=work.clock()):
                raise NotFound("There is no such signing key in use.")
            self._record(work, actor, kid, "retired")

        self._worker.run(act)
        self._keys(afresh=True)

    def retire_superseded(self) -> None:
        """Retire what a newer key has replaced for long enough: nothing that it signed is good any more."""
        for key in superseded_keys(self._keys(afresh=True), self._clock(), longest_life=self._longest_life):
            # Another process may have been first.
            with suppress(NotFound):
                self.retire(key.kid, actor=Actor.SYSTEM)

    def _make(self, algorithm: SigningAlgorithm, *, signs_from: datetime, actor: Actor) -> SigningKey:
        private, public, kid = _generate(algorithm)
        newest = max((key.generation for key in self._keys() if key.algorithm is algorithm), default=0)
        made = SigningKey(
            kid=kid, algorithm=algorithm, generation=newest + 1, public=public,
            sealed=self._keyring.seal(private, _place(kid)), created_at=self._clock(), signs_from=signs_from,
        )  # fmt: skip

        def act(work: UnitOfWork) -> None:
            self._store.oidc.signing_keys.add(work.tx, made)
            self._record(work, actor, kid, "made")

        try:
            self._worker.run(act)
        except IntegrityError:
            # Another process has just made this generation: its key is as good.
            found = [key for key in self._keys(afresh=True) if key.algorithm is algorithm]
            return max(found, key=lambda key: key.generation)
        return made

    def _record(self, work: UnitOfWork, actor: Actor, kid: str, act: str) -> None:
        work.record(EventName.SIGNING_KEY_CHANGED, subject="", actor=actor.name, kid=kid, act=act)

    def _keys(self, *, afresh: bool = False) -> Sequence[SigningKey]:
        known, now = self._known, self._clock()
        if not afresh and known is not None and timedelta(0) <= now - known.read_at < MEMORY:
            return known.keys
        with self._store.database.read() as tx:
            keys = self._store.oidc.signing_keys.all(tx)
        self._known = _Known(keys, now)
        self._opened = {kid: opened for kid, opened in self._opened.items() if any(key.kid == kid for key in keys)}
        return keys

    def _open(self, key: SigningKey) -> PrivateKey:
        if key.kid not in self._opened:
            from joserfc.jwk import import_key  # noqa: PLC0415 - only an app that is a provider needs it

            words = json.loads(self._keyring.open(key.sealed, _place(key.kid)))
            self._opened[key.kid] = PrivateKey(key.kid, key.algorithm, import_key(words))
        return self._opened[key.kid]


def _place(kid: str) -> Place:
    return Place("oidc_signing_key", "sealed", kid, "")


def _generate(algorithm: SigningAlgorithm) -> tuple[bytes, Mapping[str, Any], str]:
    """The private half as text, the public half as a JWK, and its thumbprint."""
    from joserfc.jwk import ECKey, RSAKey  # noqa: PLC0415 - only an app that is a provider needs it

    made: Any = RSAKey.generate_key(2048) if algorithm is SigningAlgorithm.RS256 else ECKey.generate_key("P-256")
    return json.dumps(made.as_dict(private=True)).encode(), made.as_dict(private=False), made.thumbprint()
