"""Where the gate's tables live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from ...errors import ConfigError

FILE_NAME = "mfa_gate.sqlite3"
_OWN_KEY, _HOST_KEY = "MFA_GATE_DATABASE_URI", "SQLALCHEMY_DATABASE_URI"
_NONE: Mapping[str, Any] = MappingProxyType({})
_KNOWN = {"sqlite", "postgresql", "mysql", "mariadb"}
_A_URL = "an SQLAlchemy URL of SQLite, PostgreSQL, MariaDB or MySQL"


@dataclass(frozen=True, slots=True)
class Location:
    """A database, and how to connect to it.

    :param embedded: the gate's own SQLite file, whose folder, tables and key file it makes by itself.
    :param memory: gone with the process.
    :param is_lost: the embedded file is gone and must not be recreated by itself.
    :param key: the setting that its address is from.
    :param host_options: engine options of the host, as far as they are about the same server.
    :param options: those of the gate's own setting.
    """

    url: URL
    embedded: bool = False
    memory: bool = False
    is_lost: bool = False
    key: str = _OWN_KEY
    host_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_of_host(self) -> bool:
        """The host's own database, on a server."""
        return self.key == _HOST_KEY and not self.embedded and not self.memory

    @property
    def file(self) -> Path:
        """An SQLite file."""
        return Path(path_in(self.url))

    @property
    def folder(self) -> Path:
        """The folder of an SQLite file."""
        return self.file.parent


def locate(
    *, configured: str | None, host_uri: str | None, instance_path: str,
    host_options: Mapping[str, Any] = _NONE, options: Mapping[str, Any] = _NONE,
) -> Location:  # fmt: skip
    """As configured; else on the host's server; else in a file beside the host's, or in the instance folder.

    Beside an SQLite host the gate has a file of its own, because two writers of one file lock each other out.
    A configured SQLite file is the operator's own and not embedded: its folder and tables are made by hand.

    :raises ConfigError: for an address that cannot be read or used. It never shows the address, which has a password.
    """
    if configured is not None:
        url = _parse(_OWN_KEY, configured)
        return Location(_absolute(url, instance_path), memory=_is_memory(url), options=options)
    if host_uri is None:
        return Location(_file_in(Path(instance_path)), embedded=True, options=options)
    place = _beside(_parse(_HOST_KEY, host_uri), instance_path)
    return replace(place, key=_HOST_KEY, host_options=host_options, options=options)


def _beside(url: URL, instance_path: str) -> Location:
    if url.get_backend_name() != "sqlite":
        return Location(url)
    if _is_memory(url):
        return Location(make_url("sqlite://"), memory=True)
    return Location(_file_in((Path(instance_path) / path_in(url)).parent), embedded=True)


def _file_in(folder: Path) -> URL:
    return URL.create("sqlite", database=str(folder / FILE_NAME))


def _parse(key: str, text: str) -> URL:
    try:
        url = _modern(make_url(text))
        is_async = bool(url.get_dialect().is_async)
    except NoSuchModuleError:
        # SECURITY: the reader's own error stays out of the chain, and the text out of the sentence: passwords.
        raise ConfigError(key, "names a database that SQLAlchemy does not know", allowed=_A_URL) from None
    except (ArgumentError, ImportError, ValueError):
        raise ConfigError(key, "can't be read as a database address", allowed=_A_URL) from None
    if url.get_backend_name() not in _KNOWN:
        where = "" if key == _OWN_KEY else f"; give the gate a database of its own with {_OWN_KEY}"
        raise ConfigError(key, "names a kind of database that the gate can't use", allowed=_A_URL + where)
    if is_async:
        raise ConfigError(key, "names an async driver", allowed="a driver that is not async")
    return url


def _modern(url: URL) -> URL:
    """``postgres://`` is what some hosting services still hand out; SQLAlchemy dropped the name."""
    name, plus, driver = url.drivername.partition("+")
    return url.set(drivername=f"postgresql{plus}{driver}") if name == "postgres" else url


def _is_file_uri(url: URL) -> bool:
    is_asked_for = str(url.query.get("uri", "")).lower() in {"true", "yes", "on", "y", "t", "1"}
    return is_asked_for and (url.database or "").startswith("file:")


def path_in(url: URL) -> str:
    """The path of an SQLite file, which may be written as a ``file:`` URI (https://www.sqlite.org/uri.html)."""
    database = url.database or ""
    return unquote(urlsplit(database).path) if _is_file_uri(url) else database


def _is_memory(url: URL) -> bool:
    if url.get_backend_name() != "sqlite":
        return False
    is_named = _is_file_uri(url) and url.query.get("mode") == "memory"
    return is_named or path_in(url) in {"", ":memory:"}


def _absolute(url: URL, instance_path: str) -> URL:
    """Relative SQLite paths are relative to the instance folder, as with Flask-SQLAlchemy."""
    if url.get_backend_name() != "sqlite" or _is_memory(url):
        return url
    path = str(Path(instance_path) / path_in(url))
    return url.set(database=f"file:{quote(path)}" if _is_file_uri(url) else path)
