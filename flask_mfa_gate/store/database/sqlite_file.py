"""An SQLite file: made readable for its owner alone, and watched while connections to it are kept."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

from ...errors import StoreNotReady

log = logging.getLogger("flask_mfa_gate")
_IDENTITY = "mfa_gate_file"


def make_file(path: Path) -> None:
    """Folder and file, if they are not there. SQLite gives the files beside it (``-wal``, ``-shm``) the same mode.

    :raises StoreNotReady: when they can't be made.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreNotReady(
            f"The gate can't make the folder of its database file, {path.parent}: {error.strerror}."
        ) from None
    # SECURITY: a file that is there is not even opened: on POSIX, closing it again drops every lock that connections of
    # this process hold on it, and another process would then take the changes they are making away from under them.
    if path.exists():
        return
    try:
        # SECURITY: not all in there is sealed, so no other account of the machine may read it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        log.warning("the gate makes a new database file: %s", path)
    except OSError:
        return  # made by another process just now, or can't be written, which the connection tells better


def sentence_of_absence(path: Path | str) -> str:
    """What to do about a file that is not there: nothing tells one that was lost from one that never was."""
    return (
        f"The gate's database file {path} is missing. If there was one, put it back from a backup. For a new one, in "
        "which nobody has a factor, run: flask mfa upgrade"
    )


def watch(engine: Engine, path: Path) -> None:
    """Keep no connection to a file that was removed or replaced: it would go on with what nobody else sees."""

    def note(_connection: Any, record: Any) -> None:
        record.info[_IDENTITY] = _identity(path)

    def compare(_connection: Any, record: Any, _proxy: Any) -> None:
        # SECURITY: what is revoked or reset in the new file has to hold here too.
        if record.info.get(_IDENTITY) != _identity(path):
            raise DisconnectionError

    event.listen(engine, "connect", note)
    event.listen(engine, "checkout", compare)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
