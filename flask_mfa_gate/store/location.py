"""Where the gate's tables live."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ..errors import ConfigError

FILE_NAME = "mfa_gate.sqlite3"
_OWN_KEY, _HOST_KEY = "MFA_GATE_DATABASE_URI", "SQLALCHEMY_DATABASE_URI"


@dataclass(frozen=True, slots=True)
class Location:
    """A database.

    :param embedded: the gate's own SQLite file, whose folder, tables and key file it makes by itself.
    :param memory: gone with the process.
    """

    url: URL
    embedded: bool = False
    memory: bool = False

    @property
    def folder(self) -> Path:
        """The folder of an SQLite file."""
        return Path(self.url.database or ".").parent


def locate(*, configured: str | None, host_uri: str | None, instance_path: str) -> Location:
    """As configured; else on the host's server; else in a file beside the host's, or in the instance folder.

    Beside an SQLite host the gate has a file of its own, because two writers of one file lock each other out.
    A configured SQLite file is the operator's own and not embedded.
    """
    if configured is not None:
        url = _parse(_OWN_KEY, configured)
        return Location(_absolute(url, instance_path), memory=_is_memory(url))
    if host_uri is None:
        return _embedded(Path(instance_path))
    url = _parse(_HOST_KEY, host_uri)
    if url.get_backend_name() != "sqlite":
        return Location(url)
    if _is_memory(url):
        return Location(make_url("sqlite://"), memory=True)
    return _embedded(Path(_absolute(url, instance_path).database or "").parent)


def _embedded(folder: Path) -> Location:
    return Location(URL.create("sqlite", database=str(folder / FILE_NAME)), embedded=True)


def _parse(key: str, text: str) -> URL:
    try:
        url = make_url(text)
        is_async = bool(getattr(url.get_dialect(), "is_async", False))
    except (ArgumentError, ImportError, ValueError, TypeError):
        raise ConfigError(key, "can't be read as a database address", allowed="an SQLAlchemy URL") from None
    except Exception:  # noqa: BLE001 - an unknown dialect raises by name of the plugin
        raise ConfigError(key, "names a database that SQLAlchemy does not know", allowed="an SQLAlchemy URL") from None
    if is_async:
        raise ConfigError(key, "names an async driver", allowed="a driver that is not async")
    return url


def _is_memory(url: URL) -> bool:
    database = url.database or ""
    is_named = database.startswith("file:") and (
        ":memory:" in database or url.query.get("mode") == "memory" or "mode=memory" in database
    )
    return url.get_backend_name() == "sqlite" and (database in {"", ":memory:"} or is_named)


def _absolute(url: URL, instance_path: str) -> URL:
    """Relative SQLite paths are relative to the instance folder, as with Flask-SQLAlchemy."""
    if url.get_backend_name() != "sqlite" or _is_memory(url):
        return url
    path = (url.database or "").removeprefix("file:").partition("?")[0]
    return URL.create("sqlite", database=str(Path(instance_path) / path))
