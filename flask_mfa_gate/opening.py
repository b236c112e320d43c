"""Where one app's tables are, and whether the files that they are in are still there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from click import get_current_context
from flask import Flask
from flask.cli import FlaskGroup
from sqlalchemy import URL, make_url

from .errors import ConfigError, StoreNotReady
from .host import Host
from .services.keys import key_file_of
from .services.table_setup import AppId
from .settings import Settings
from .store.database.engine_options import default_bind
from .store.database.location import Location, locate
from .store.database.sqlite_file import sentence_of_absence


def location_of(app: Flask, db: Any, settings: Settings) -> Location:
    """The database of an app's gate.

    :param db: the host's Flask-SQLAlchemy, or None.
    :raises ConfigError: for an address that is missing or can't be used, and for a key file that is gone.
    """
    bind = bind_of(app, db)
    if db is not None and "url" not in bind and settings.database_uri is None:
        raise ConfigError(
            "SQLALCHEMY_DATABASE_URI", "has to be set before init_app",
            allowed="the address of the app's database, also in SQLALCHEMY_BINDS[None]",
        )  # fmt: skip
    location = locate(
        configured=settings.database_uri, host_uri=_as_text(bind.pop("url", None)), instance_path=app.instance_path,
        host_options=bind, options=settings.engine_options,
    )  # fmt: skip
    return _looked_after(location, settings, app.config) if location.embedded else location


def bind_of(app: Flask, db: Any) -> dict[str, Any]:
    """Options and address of the host's default bind; empty without Flask-SQLAlchemy."""
    return {} if db is None else default_bind(app.config, getattr(db, "_engine_options", None) or {})


def is_command() -> bool:
    """Whether a command of ``flask`` makes the app, other than the one that serves it."""
    context = get_current_context(silent=True)
    return context is not None and isinstance(context.find_root().command, FlaskGroup) and context.info_name != "run"


def _as_text(uri: str | URL | None) -> str | None:
    """The whole address: SQLAlchemy's own text of a URL object masks the password."""
    return uri.render_as_string(hide_password=False) if isinstance(uri, URL) else uri


def _looked_after(location: Location, settings: Settings, config: Mapping[str, Any]) -> Location:
    """The embedded file with what is known of its past: keys without the file, or the file without its key."""
    key_file = key_file_of(location)
    needs_key_file = not settings.keys and not (config.get("TESTING") and config.get("SECRET_KEY"))
    if location.file.exists():
        # An empty one was made just now, by a process that starts at the same time.
        if needs_key_file and not key_file.exists() and location.file.stat().st_size > 0:
            raise ConfigError(
                "MFA_GATE_KEYS", f"is missing, and the key file {key_file} is gone",
                allowed=f"the keys that {location.file.name} was sealed with. Put the key file back from a backup",
            )  # fmt: skip
        return location
    # SECURITY: there were factors once; with an empty file instead, everybody would get in with only a password.
    if settings.keys or (needs_key_file and key_file.exists()):
        return replace(location, is_lost=True)
    return location


def require_file(location: Location) -> None:
    """Refuse to start without a file where there may have been one. The command line is let through, to make it.

    :raises StoreNotReady: with the command that makes a new one.
    """
    if location.is_lost and not location.file.exists() and not is_command():
        raise StoreNotReady(sentence_of_absence(location.file))


def app_id_of(app: Flask, host: Host, settings: Settings, location: Location) -> AppId:
    """The same in every process of an app, also in one that runs ``pkg.main`` as its main module."""
    uri = bind_of(app, host.db).get("url")
    database = PurePath(make_url(uri).database or "").name if uri else ""
    name = app.name.rpartition(".")[2]
    return AppId(settings.app_id, name, database, location.is_of_host)
