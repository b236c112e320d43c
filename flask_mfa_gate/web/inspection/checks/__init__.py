"""The checks, one module a subject: to import them is to register them."""

from __future__ import annotations

from . import (
    clients,
    endpoints,
    events,
    host,
    host_migrations,
    keys,
    login,
    mail,
    people,
    policies,
    relying_parties,
    settings,
    storage,
)

__all__ = [
    "clients",
    "endpoints",
    "events",
    "host",
    "host_migrations",
    "keys",
    "login",
    "mail",
    "people",
    "policies",
    "relying_parties",
    "settings",
    "storage",
]
