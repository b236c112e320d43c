"""Hosts for the command line."""

from __future__ import annotations

from tests.services.conftest import make_host

__all__ = ["make_host"]
