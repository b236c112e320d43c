"""Options of the gate's engine: of the host's default bind, of the gate's own setting, and the gate's own rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool, QueuePool

from ...errors import ConfigError

OWN_KEY, HOST_KEY = "MFA_GATE_ENGINE_OPTIONS", "SQLALCHEMY_ENGINE_OPTIONS"
# What the host does with its JSON columns, and with its results, is nothing to the gate's tables.
_OF_HOST_ALONE = frozenset(
    {"url", "isolation_level", "json_serializer", "json_deserializer", "hide_parameters", "execution_options"}
)
_SIZES = ("pool_size", "max_overflow", "pool_timeout", "pool_use_lifo")
_WAY_OUT = "options of SQLAlchemy's create_engine. Others than the app's own go into MFA_GATE_ENGINE_OPTIONS"


def default_bind(config: Mapping[str, Any], of_extension: Mapping[str, Any]) -> dict[str, Any]:
    """Engine options of the host's default bind with ``url``, put together in the way of Flask-SQLAlchemy.

    :param of_extension: what ``SQLAlchemy(engine_options=...)`` was given.
    """
    basic = {**of_extension, **(config.get(HOST_KEY) or {})}
    if (uri := config.get("SQLALCHEMY_DATABASE_URI")) is not None:
        basic["url"] = uri
    bind = (config.get("SQLALCHEMY_BINDS") or {}).get(None)
    options = {} if bind is None else {**of_extension, **(bind if isinstance(bind, Mapping) else {"url": bind})}
    return {**options, **basic} if "url" in basic or not options else options


def merged(host: Mapping[str, Any], own: Mapping[str, Any], **rules: Any) -> dict[str, Any]:
    """The host's options, the gate's setting on top, and last the rules that nothing overrides.

    :raises ConfigError: for a pool that the gate can't work with.
    """
    _require_a_pool_of_its_own(host, own)
    given = {name: value for name, value in host.items() if name not in _OF_HOST_ALONE} | dict(own)
    connect_args = {**host.get("connect_args", {}), **own.get("connect_args", {}), **rules.pop("connect_args", {})}
    options = {"pool_pre_ping": True, **given, **rules}
    options.pop("execution_options", None)
    if issubclass(options.get("poolclass", QueuePool), NullPool):
        options = {name: value for name, value in options.items() if name not in _SIZES}
    return {**options, "connect_args": connect_args}


def schema_of(*options: Mapping[str, Any]) -> str | None:
    """The schema of tables that name none, by the last of these options that says so.

    The only execution option that is followed: any other would change what the gate's statements do.
    """
    maps = [(one.get("execution_options") or {}).get("schema_translate_map") or {} for one in options]
    return next((str(one[None]) for one in reversed(maps) if one.get(None)), None)


def engine_with(url: URL, options: Mapping[str, Any], *, key: str, is_own: bool) -> Engine:
    """The engine.

    :param key: the setting that the address is from.
    :param is_own: whether the gate's own setting gave options.
    :raises ConfigError: for options that SQLAlchemy refuses, and for a driver that is not there.
    """
    try:
        return create_engine(url, **options)
    except (NoSuchModuleError, ImportError) as error:
        missing = getattr(error, "name", None) or url.drivername
        # SECURITY: the errors themselves may show the address with its password, so they stay out of the chain.
        raise ConfigError(
            key, f"needs the database driver {missing}, which is not installed",
            allowed="a driver that is installed, as in postgresql+psycopg:// or mysql+pymysql://",
        ) from None  # fmt: skip
    except (TypeError, ValueError, AttributeError, ArgumentError) as error:
        names = re.search(r"Invalid argument\(s\) ([\w', ]+) sent", str(error))
        what = names[1] if names else "an option with a wrong value"
        raise ConfigError(
            OWN_KEY if is_own else HOST_KEY, f"has {what}, which the gate can't use", allowed=_WAY_OUT
        ) from None


def _require_a_pool_of_its_own(host: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    key = OWN_KEY if "poolclass" in own else HOST_KEY
    if "pool" in host and "poolclass" not in own:
        raise ConfigError(HOST_KEY, "has a pool that is made already", allowed=_WAY_OUT)
    poolclass = own.get("poolclass", host.get("poolclass", QueuePool))
    # The gate holds two connections at a time while it changes tables, and threads never share one.
    if not (isinstance(poolclass, type) and issubclass(poolclass, QueuePool | NullPool)):
        name = getattr(poolclass, "__name__", repr(poolclass))
        another = f"QueuePool or NullPool; {OWN_KEY} = {{'poolclass': NullPool}} gives the gate one of its own"
        raise ConfigError(key, f"has the pool {name}, which the gate can't use", allowed=another)
