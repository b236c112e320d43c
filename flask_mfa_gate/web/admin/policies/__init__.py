"""Conditional access in the console: policies, named networks, the simulator."""

from __future__ import annotations

from . import history, listing, one

ROUTES = (*listing.ROUTES, *one.ROUTES, *history.ROUTES)
