"""The keyring: secrets sealed with AES-256-GCM and bound to their row and user, keyed digests, random ids."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import SecretMisplaced, SecretUnreadable

KEY_LENGTH = 32
# The first byte says what a secret is bound to: of old its table, column and row; now the user too.
_OF_ROW, _OF_USER = b"\x01", b"\x02"
_KEY_ID_LENGTH = 4
_NONCE_LENGTH = 12
_HEAD_LENGTH = len(_OF_USER) + _KEY_ID_LENGTH + _NONCE_LENGTH


class Place(NamedTuple):
    """Where something sealed belongs.

    :param table: its name without prefix.
    :param user: key of the user whose it is.
    """

    table: str
    column: str
    row: str
    user: str


@dataclass(frozen=True, slots=True, repr=False)
class _Key:
    key_id: bytes
    cipher: AESGCM
    digest_key: bytes


class Keyring:
    """Keys, newest first: the first one seals, all of them open."""

    def __init__(self, keys: Sequence[_Key]) -> None:
        self._keys = tuple(keys)

    @classmethod
    def from_keys(cls, keys: Sequence[bytes]) -> Keyring:
        """From master keys of 32 bytes each."""
        if not keys or any(len(key) != KEY_LENGTH for key in keys):
            raise ValueError("a keyring needs at least one key, each of 32 bytes")
        return cls([_derive(key) for key in keys])

    def seal(self, plain: bytes, place: Place) -> bytes:
        """Encrypt for one place of one user; what is sealed there opens nowhere else, and for nobody else.

        The result is version (1 byte), key id (4), nonce (12), ciphertext and tag. Random nonces are good for 2**32
        seals under one key (NIST SP 800-38D section 8.3).
        """
        newest = self._keys[0]
        nonce = secrets.token_bytes(_NONCE_LENGTH)
        return _OF_USER + newest.key_id + nonce + newest.cipher.encrypt(nonce, plain, _joined(*place))

    def open(self, sealed: bytes, place: Place) -> bytes:
        """Decrypt, also what was sealed before secrets were bound to their user.

        :raises SecretMisplaced: for another place, and anything that is not what was sealed.
        :raises SecretUnreadable: for an unknown key.
        """
        key = self._key_of(sealed)
        nonce = sealed[_HEAD_LENGTH - _NONCE_LENGTH : _HEAD_LENGTH]
        # SECURITY: the place is authenticated too, so that a secret copied elsewhere, or a row given to another user,
        # stays shut.
        bound_to = _joined(*place) if sealed.startswith(_OF_USER) else _joined(*place[:3])
        try:
            return key.cipher.decrypt(nonce, sealed[_HEAD_LENGTH:], bound_to)
        except InvalidTag:
            raise SecretMisplaced("A stored secret can't be opened: it was changed or belongs elsewhere.") from None

    @property
    def newest_id(self) -> str:
        """Names the key that seals, in hex; the key can't be told from it."""
        return self._keys[0].key_id.hex()

    def reseal(self, sealed: bytes, place: Place) -> bytes | None:
        """The same secret under the newest key and bound to its user; None when it is so already."""
        if self._key_of(sealed) is self._keys[0] and sealed.startswith(_OF_USER):
            return None
        return self.seal(self.open(sealed, place), place)

    def digest(self, value: bytes | str, *, purpose: str, row: str) -> str:
        """HMAC-SHA-256 in hex, for one purpose and place."""
        return _digest(self._keys[0], value, purpose, row)

    def digests(self, value: bytes | str, *, purpose: str, row: str) -> tuple[str, ...]:
        """The digest under each key, newest first, for values that were stored before a rotation."""
        return tuple(_digest(key, value, purpose, row) for key in self._keys)

    def _key_of(self, sealed: bytes) -> _Key:
        if len(sealed) < _HEAD_LENGTH or not sealed.startswith((_OF_ROW, _OF_USER)):
            raise SecretMisplaced("A stored secret can't be opened: it is cut off or of an unknown form.")
        key_id = sealed[len(_OF_USER) : len(_OF_USER) + _KEY_ID_LENGTH]
        found = next((key for key in self._keys if key.key_id == key_id), None)
        if found is None:
            raise SecretUnreadable("A stored secret was sealed with a key that MFA_GATE_KEYS no longer holds.")
        return found

    def __repr__(self) -> str:
        return f"<Keyring of {len(self._keys)}>"


def generate_key() -> str:
    """A new key in the form that ``MFA_GATE_KEYS`` takes: url-safe base64 of 32 random bytes."""
    return urlsafe_b64encode(secrets.token_bytes(KEY_LENGTH)).decode()


def decode_key(text: str) -> bytes:
    """A key from its configured form, white space around it aside.

    :raises ValueError: without repeating the text.
    """
    try:
        # Strict, because a decoder that skips what it does not know would make another key of a mistyped one.
        key = b64decode(text.strip(), altchars=b"-_", validate=True)
    except ValueError:
        raise ValueError("not url-safe base64") from None
    if len(key) != KEY_LENGTH:
        raise ValueError("not 32 bytes")
    return key


def new_id() -> str:
    """A random name for a row, 128 bits in hex."""
    return secrets.token_hex(16)


def new_token() -> str:
    """A random secret for a cookie, 256 bits, url-safe."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> str:
    """SHA-256 in hex. 256 random bits can't be guessed from it, so neither key nor salt nor slowness is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def _derive(master: bytes) -> _Key:
    return _Key(
        key_id=hashlib.sha256(b"flask_mfa_gate key id" + master).digest()[:_KEY_ID_LENGTH],
        cipher=AESGCM(_subkey(master, b"flask_mfa_gate seal")),
        digest_key=_subkey(master, b"flask_mfa_gate digest"),
    )


def _subkey(master: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_LENGTH, salt=None, info=info).derive(master)


def _digest(key: _Key, value: bytes | str, purpose: str, row: str) -> str:
    content = value.encode() if isinstance(value, str) else value
    return hmac.new(key.digest_key, _joined(purpose, row) + content, hashlib.sha256).hexdigest()


def _joined(*names: str) -> bytes:
    """Names with their lengths, so that no two places read the same."""
    encoded = [name.encode() for name in names]
    return b"".join([len(name).to_bytes(4, "big") + name for name in encoded])
