"""Conditional access in the console: policies, named networks, the simulator."""

from __future__ import annotations

from . import history, listing, networks, one, simulator, transfer
from .editor import views as editor

ROUTES = (
    *listing.ROUTES, *transfer.ROUTES, *editor.ROUTES, *one.ROUTES, *history.ROUTES, *networks.ROUTES,
    *simulator.ROUTES,
)  # fmt: skip
