"""Authenticator app codes (RFC 6238), with a key of 160 bits sealed at rest, each in its own shape."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import pyotp
from sqlalchemy import Connection

from ..crypto import Keyring, Place, new_id
from ..domain.assurance import FactorKind, Method
from ..domain.totp import Algorithm, CodeShape, TotpShape, far_steps, matching_step, read_code, step_at, window_steps
from ..errors import SecretMisplaced
from ..settings import Settings
from ..store import Store
from ..store.factors import Factor
from .protocol import Accepted

KEY_BYTES = 20
LONGEST_LABEL = 40
CLOCK_HINT = "This code is from a different time. Set your phone's clock to automatic, then enter the next code."
_FIRST_NAME = "Authenticator app"
log = logging.getLogger("flask_mfa_gate")
_DIGESTS = {Algorithm.SHA1: hashlib.sha1, Algorithm.SHA256: hashlib.sha256, Algorithm.SHA512: hashlib.sha512}


@dataclass(frozen=True, slots=True, repr=False)
class PendingKey:
    """A key that waits for its first code. ``secret`` is base32 (RFC 4648) without padding."""

    factor_id: str
    secret: str
    shape: TotpShape

    def grouped(self) -> list[str]:
        """The key in groups of four, easier to type."""
        return [self.secret[start : start + 4] for start in range(0, len(self.secret), 4)]


@dataclass(frozen=True, slots=True, repr=False)
class _OpenKey:
    """A stored key that its user can make codes with."""

    factor: Factor
    secret: str
    shape: TotpShape


class TotpFactor:
    """The authenticator app of a user. There is one live key at a time."""

    method = Method.TOTP
    is_stoppable = True

    def __init__(self, store: Store, keyring: Keyring, settings: Settings) -> None:
        self._store, self._keyring = store, keyring
        self._shape, self._window = shape_of_new_keys(settings), settings.totp_window

    def read(self, raw: object) -> tuple[CodeShape, str]:
        """ASCII digits, as many as a key may have, spaces and hyphens aside."""
        return read_code(raw)

    def begin(self, tx: Connection, user_key: str, *, lineage: str, now: datetime) -> PendingKey:
        """The key of this gate session: the one it was shown before, else a new one."""
        waiting = self._store.factors.pending(tx, user_key, lineage=lineage, now=now)
        if waiting is not None and (shown := self._open(waiting)) is not None:
            return PendingKey(waiting.id, shown.secret, shown.shape)
        if waiting is not None:
            self._store.factors.void(tx, user_key, only=waiting.id, now=now)
        pending = PendingKey(new_id(), pyotp.random_base32(KEY_BYTES * 8 // 5), self._shape)
        sealed = _seal(self._keyring, pending.secret, pending.factor_id, user_key)
        self._store.factors.add_pending(
            tx, factor_id=pending.factor_id, user_key=user_key, kind=FactorKind.TOTP, name=_FIRST_NAME, sealed=sealed,
            data=pending.shape.to_data(), lineage=lineage, now=now,
        )  # fmt: skip
        return pending

    def try_confirm(self, tx: Connection, user_key: str, code: str, *, lineage: str, now: datetime) -> str | None:
        """Make this session's key the live one, in place of all others; its id, or None when the code is wrong."""
        waiting = self._store.factors.pending(tx, user_key, lineage=lineage, now=now)
        shown = self._open(waiting) if waiting is not None else None
        step = self._matching(shown, code, now) if shown is not None else None
        if waiting is None or step is None:
            return None
        name = self._next_name(tx, user_key)
        if not self._store.factors.try_confirm(tx, waiting.id, counter=step, name=name, now=now):
            return None
        self._void_others(tx, user_key, waiting.id, now)
        return waiting.id

    def _next_name(self, tx: Connection, user_key: str) -> str:
        """A replaced key hands on the name that its owner gave it."""
        live = [factor.name for factor in self._confirmed(tx, user_key)]
        return live[0] if live else _FIRST_NAME

    def _void_others(self, tx: Connection, user_key: str, confirmed_id: str, now: datetime) -> None:
        # SECURITY: keys that other sessions were shown die with the confirmation, or a thief could confirm one later.
        self._store.factors.void(tx, user_key, now=now, but=confirmed_id, kind=FactorKind.TOTP)

    def try_accept(self, tx: Connection, user_key: str, code: str, *, now: datetime) -> Accepted | None:
        """Accept a code of the window whose step is later than any used before."""
        for key in self._live(tx, user_key):
            step = self._matching(key, code, now)
            if step is not None:
                is_unused = self._store.factors.try_advance(tx, key.factor.id, counter=step, now=now)
                return Accepted(self.method) if is_unused else None
        return None

    def was_used(self, tx: Connection, user_key: str, code: str, *, now: datetime) -> bool:
        """A code of the window whose step, or a later one, was used: two sign-ins within half a minute."""
        for key in self._live(tx, user_key):
            step, last = self._matching(key, code, now), key.factor.counter
            if step is not None:
                return last is not None and step <= last
        return False

    def hint(self, tx: Connection, user_key: str, code: str, *, now: datetime) -> str | None:
        """Tell an owner whose clock is off, which a code of a far step gives away."""
        is_far = any(self._is_far(key, code, now) for key in self._live(tx, user_key))
        return CLOCK_HINT if is_far else None

    def shape_for(self, tx: Connection, user_key: str) -> TotpShape:
        """What the codes of this user look like; those of a new key for somebody who has none."""
        return next((key.shape for key in self._live(tx, user_key)), self._shape)

    def provisioning_uri(self, pending: PendingKey, *, account: str, issuer: str) -> str:
        """The ``otpauth://`` text of the QR code (Key Uri Format); parameters at their default are left out."""
        return _generator(pending.secret, pending.shape).provisioning_uri(
            name=_label(account) or "account", issuer_name=_label(issuer)
        )

    def _confirmed(self, tx: Connection, user_key: str) -> Sequence[Factor]:
        return [factor for factor in self._store.factors.confirmed(tx, user_key) if factor.kind is FactorKind.TOTP]

    def _live(self, tx: Connection, user_key: str) -> Sequence[_OpenKey]:
        opened = [self._open(factor) for factor in self._confirmed(tx, user_key)]
        return [key for key in opened if key is not None]

    def _matching(self, key: _OpenKey, code: str, now: datetime) -> int | None:
        """The step of this key, counted in its own period, whose code this is."""
        return _match(key, code, window_steps(step_at(now, period=key.shape.period), window=self._window))

    def _is_far(self, key: _OpenKey, code: str, now: datetime) -> bool:
        return _match(key, code, far_steps(step_at(now, period=key.shape.period), window=self._window)) is not None

    def _open(self, factor: Factor) -> _OpenKey | None:
        """The key, or None for a row that is not as the gate wrote it.

        :raises SecretUnreadable: where one of ``MFA_GATE_KEYS`` is missing.
        """
        try:
            sealed, place = factor.sealed, _place(factor.id, factor.user_key)
            return _OpenKey(factor, self._keyring.open(sealed, place).decode(), self._shape_of(factor))
        # SECURITY: a row that was edited, or given to another user, proves nothing, and keeps nobody from what does.
        except (SecretMisplaced, KeyError, TypeError, ValueError) as error:
            log.error("the key %s of the user %r is refused: %r", factor.id, factor.user_key, error)
            return None

    def _shape_of(self, factor: Factor) -> TotpShape:
        """As it was set up, whatever the settings say by now."""
        return self._shape if factor.data is None else TotpShape.from_data(factor.data)


def shape_of_new_keys(settings: Settings) -> TotpShape:
    """What a key that is set up now will be like."""
    return TotpShape(settings.totp_digits, settings.totp_period)


def import_secret(keyring: Keyring, secret: str, *, factor_id: str, user: str) -> bytes:
    """Seal a base32 key that was made elsewhere.

    :raises ValueError: for a key under 128 or over 512 bits, or text that is not base32.
    """
    length = len(pyotp.TOTP(secret).byte_secret())
    if not 16 <= length <= 64:
        raise ValueError("a TOTP key has 128 to 512 bits")
    return _seal(keyring, secret.upper(), factor_id, user)


def _seal(keyring: Keyring, secret: str, factor_id: str, user: str) -> bytes:
    return keyring.seal(secret.encode(), _place(factor_id, user))


def _place(factor_id: str, user: str) -> Place:
    return Place("factor", "secret", factor_id, user)


def _match(key: _OpenKey, code: str, steps: Sequence[int]) -> int | None:
    return matching_step(code, steps, _generator(key.secret, key.shape).generate_otp)


def _generator(secret: str, shape: TotpShape) -> pyotp.TOTP:
    return pyotp.TOTP(secret, digits=shape.digits, digest=_DIGESTS[shape.algorithm], interval=shape.period)


def _label(text: str) -> str:
    """Issuer and account as authenticator apps can show them: printable, without a colon, short also when encoded."""
    printable = "".join(character for character in text if character.isprintable() and character != ":").strip()
    while len(quote(printable)) > LONGEST_LABEL:
        printable = printable[:-1]
    return printable.strip()
