"""The checks, one module a subject: to import them is to register them."""

from __future__ import annotations

from . import endpoints, host, keys, mail, people, policies, settings, storage

__all__ = ["endpoints", "host", "keys", "mail", "people", "policies", "settings", "storage"]
