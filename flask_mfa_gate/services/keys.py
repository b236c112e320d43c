"""Where the keys come from."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ..crypto import Keyring, decode_key, generate_key
from ..errors import ConfigError
from ..settings import Settings
from ..store.database.location import Location

KEY_FILE = "mfa_gate.key"
_MISSING = "a list with a key. Make one with: flask mfa generate-key"


def find_keyring(settings: Settings, location: Location, *, testing: bool, secret_key: str | bytes | None) -> Keyring:
    """As configured; in tests from ``SECRET_KEY``; beside the gate's own SQLite file from a key file.

    :raises ConfigError: without keys anywhere else. Debug mode excuses nothing: some hosts run with it in production.
    """
    if settings.keys:
        return Keyring.from_keys(settings.keys)
    if testing and secret_key:
        raw = secret_key.encode() if isinstance(secret_key, str) else secret_key
        return Keyring.from_keys([hashlib.sha256(b"flask_mfa_gate testing" + raw).digest()])
    if location.embedded:
        return Keyring.from_keys([_key_file(key_file_of(location))])
    # SECURITY: never a fallback to SECRET_KEY, which is known in more places than a key for secrets at rest may be.
    raise ConfigError("MFA_GATE_KEYS", "is missing", allowed=_MISSING)


def key_file_of(location: Location) -> Path:
    """Where the key file of the embedded database is, or would be."""
    return location.folder / KEY_FILE


def _key_file(path: Path) -> bytes:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_once(path)
        return decode_key(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise ConfigError(
            "MFA_GATE_KEYS", f"is missing and the key file {path} can't be used ({error})", allowed=_MISSING
        ) from None


def _write_once(path: Path) -> None:
    """Whole and readable for the owner alone, or not at all: of two processes that start at once one wins."""
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(generate_key())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
