"""Authenticator app codes (RFC 6238), with a key of 160 bits sealed at rest, each in its own shape."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pyotp
from sqlalchemy import Connection

from ...crypto import Keyring
from ...domain.factors.totp import Algorithm, TotpShape, far_steps, matching_step, read_code, step_at, window_steps
from ...domain.factors.typed_code import CodeShape
from ...settings import Settings
from ...store.enrollment.factors import Factor
from ...store.sign_in.holdings import Held
from ..base import About, Accepted, Challenge, Description, Enrollee, Why
from ..parts import FactorParts
from ..rows import FactorRows, refuse, seal
from .qr import qr_svg
from .words import KIND, METHOD

KEY_BYTES = 20
LONGEST_LABEL = 40
CLOCK_HINT = "This code is from a different time. Set your phone's clock to automatic, then enter the next code."
_USED = "You already used this code. Wait for the next one."
_FIRST_NAME = "Authenticator app"
QR_LABEL = "QR code for your authenticator app. The setup key is also shown as text."
_DIGESTS = {Algorithm.SHA1: hashlib.sha1, Algorithm.SHA256: hashlib.sha256, Algorithm.SHA512: hashlib.sha512}


@dataclass(frozen=True, slots=True, repr=False)
class PendingKey:
    """A key that waits for its first code. ``secret`` is base32 (RFC 4648) without padding."""

    secret: str
    shape: TotpShape
    uri: str

    @property
    def public(self) -> Mapping[str, Any]:
        """The key in the three forms in which it gets into a phone."""
        return {"secret": self.secret, "otpauth_uri": self.uri, "qr_svg": self.qr_svg}

    @property
    def qr_svg(self) -> str:
        """The picture to scan."""
        return self.picture(QR_LABEL)

    def picture(self, label: str) -> str:
        """The same for people, who read what it is in their language.

        :param label: what stands in place of the picture.
        """
        return qr_svg(self.uri, label=label)

    def grouped(self) -> list[str]:
        """The key in groups of four, easier to type."""
        return [self.secret[start : start + 4] for start in range(0, len(self.secret), 4)]


@dataclass(frozen=True, slots=True)
class _OpenKey:
    """A stored key that its user can make codes with."""

    row: Factor
    secret: str = field(repr=False)
    shape: TotpShape


class TotpFactor:
    """The authenticator app of a user. There is one live key at a time."""

    kind, method = KIND, METHOD
    proofs, answer_field = (METHOD,), "code"
    is_stoppable, has_state = True, False
    about = About(
        "Authenticator app",
        use="Use your authenticator app",
        used="Verified with authenticator app",
        icon="smartphone",
        offer="Set up an authenticator app",
        one="an authenticator app",
    )

    def __init__(self, parts: FactorParts) -> None:
        self._rows, self._issuer = FactorRows(parts.store, parts.keyring, KIND), parts.issuer
        self._shape, self._window = shape_of_new_keys(parts.settings), parts.settings.totp_window

    def read(self, raw: object) -> tuple[CodeShape, str]:
        """ASCII digits, as many as a key may have, spaces and hyphens aside."""
        return read_code(raw)

    def begin(self, tx: Connection, who: Enrollee, *, now: datetime) -> PendingKey:
        """The key of this gate session: the one it was shown before, else a new one."""
        waiting = self._rows.waiting(tx, who, now=now)
        if waiting is not None and (shown := self._open(waiting)) is not None:
            return self._pending(shown.secret, shown.shape, who)
        if waiting is not None:
            self._rows.void(tx, waiting, now=now)
        secret = pyotp.random_base32(KEY_BYTES * 8 // 5)
        self._rows.add(tx, who, secret.encode(), data=self._shape.to_data(), name=_FIRST_NAME, now=now)
        return self._pending(secret, self._shape, who)

    def _pending(self, secret: str, shape: TotpShape, who: Enrollee) -> PendingKey:
        uri = provisioning_uri(secret, shape, account=who.account, issuer=self._issuer)
        return PendingKey(secret, shape, uri)

    def confirm(self, tx: Connection, who: Enrollee, answer: str, *, now: datetime) -> str | None:
        """Make this session's key the live one, in place of all others; its id, or None when the code is wrong."""
        waiting = self._rows.waiting(tx, who, now=now)
        shown = self._open(waiting) if waiting is not None else None
        step = self._matching(shown, answer, now) if shown is not None else None
        if waiting is None or step is None:
            return None
        name = self._next_name(tx, who.user_key)
        # SECURITY: keys that other sessions were shown die with the confirmation, or a thief could confirm one later.
        is_live = self._rows.try_confirm_alone(tx, waiting, counter=step, name=name, now=now)
        return waiting.id if is_live else None

    def _next_name(self, tx: Connection, user_key: str) -> str:
        """A replaced key hands on the name that its owner gave it."""
        return next((row.name for row in self._rows.live(tx, user_key)), _FIRST_NAME)

    def challenge(self, held: Held, *, now: datetime) -> Challenge:
        """What the codes of this user look like; those of a new key for somebody who has none."""
        shape = next((key.shape for key in self._opened(self._rows.of(held))), self._shape)
        return Challenge({"digits": shape.digits, "period": shape.period})

    def verify(
        self, tx: Connection, held: Held, answer: str, *, state: Mapping[str, Any], now: datetime
    ) -> Accepted | None:
        """Accept a code of the window whose step is later than any used before."""
        for key in self._opened(self._rows.of(held)):
            step = self._matching(key, answer, now)
            if step is not None:
                is_unused = self._rows.try_advance(tx, key.row, counter=step, now=now)
                return Accepted(self.method) if is_unused else None
        return None

    def explain(self, tx: Connection, user_key: str, answer: str, *, now: datetime) -> Why:
        """A code that was used, as by two sign-ins within half a minute; a phone whose clock is off."""
        keys = self._live(tx, user_key)
        if self._was_used(keys, answer, now):
            return Why(_USED)
        return Why(hint=CLOCK_HINT if any(self._is_far(key, answer, now) for key in keys) else None)

    def _was_used(self, keys: Sequence[_OpenKey], answer: str, now: datetime) -> bool:
        """Whether it is a code of the window whose step, or a later one, was used."""
        for key in keys:
            step, last = self._matching(key, answer, now), key.row.counter
            if step is not None:
                return last is not None and step <= last
        return False

    def describe(self, held: Held) -> Description:
        """Whether there is a key."""
        return Description(is_there=bool(self._rows.of(held)))

    def _live(self, tx: Connection, user_key: str) -> Sequence[_OpenKey]:
        return self._opened(self._rows.live(tx, user_key))

    def _opened(self, rows: Sequence[Factor]) -> Sequence[_OpenKey]:
        opened = [self._open(row) for row in rows]
        return [key for key in opened if key is not None]

    def _matching(self, key: _OpenKey, code: str, now: datetime) -> int | None:
        """The step of this key, counted in its own period, whose code this is."""
        return _match(key, code, window_steps(step_at(now, period=key.shape.period), window=self._window))

    def _is_far(self, key: _OpenKey, code: str, now: datetime) -> bool:
        return _match(key, code, far_steps(step_at(now, period=key.shape.period), window=self._window)) is not None

    def _open(self, row: Factor) -> _OpenKey | None:
        """The key, or None for a row that is not as the gate wrote it.

        :raises SecretUnreadable: where one of ``MFA_GATE_KEYS`` is missing.
        """
        secret = self._rows.secret(row)
        try:
            return _OpenKey(row, secret.decode(), self._shape_of(row)) if secret is not None else None
        # SECURITY: a shape that was edited is no shape, and such a row proves nothing.
        except (KeyError, TypeError, ValueError) as error:
            refuse(row, error)
            return None

    def _shape_of(self, row: Factor) -> TotpShape:
        """As it was set up, whatever the settings say by now."""
        return self._shape if row.data is None else TotpShape.from_data(row.data)


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
    return seal(keyring, secret.upper().encode(), factor_id=factor_id, user=user)


def provisioning_uri(secret: str, shape: TotpShape, *, account: str, issuer: str) -> str:
    """The ``otpauth://`` text of the QR code (Key Uri Format); parameters at their default are left out."""
    return _generator(secret, shape).provisioning_uri(name=_label(account) or "account", issuer_name=_label(issuer))


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
