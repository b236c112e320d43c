"""The gate's styles, scripts and icons, under an address that changes with their content."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Response, send_from_directory

ENDPOINT = "mfa_gate.static"
# The version is part of the path, so that what a style names beside itself has it too.
RULES = ("/static/v-<version>/<path:filename>", "/static/<path:filename>")
_FOLDER = Path(__file__).parents[2] / "static" / "mfa_gate"
_YEAR = 365 * 24 * 3600


@cache
def files_version() -> str:
    """A digest of all files, names included."""
    digest = sha256()
    for path in sorted(path for path in _FOLDER.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(_FOLDER).as_posix()}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def name_version(endpoint: str, values: dict[str, Any]) -> None:
    """Addresses of files name the version that is here."""
    if endpoint == ENDPOINT:
        values.setdefault("version", files_version())


def static_file(filename: str, version: str | None = None) -> Response:
    """One file: for a year under this version, else as long as ``SEND_FILE_MAX_AGE_DEFAULT`` of the host says.

    A worker that has another version than the page was made by, while a new one is rolled out, sends what it has; that
    must not be kept under the other's address (RFC 8246 section 2).
    """
    if version != files_version():
        return send_from_directory(_FOLDER, filename)
    response = send_from_directory(_FOLDER, filename, max_age=_YEAR)
    response.cache_control.immutable = True
    return response
