"""Signals of the host's login manager. A fork of Flask-Login has signal objects of its own."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from blinker import Signal
from flask import current_app

log = logging.getLogger("flask_mfa_gate")


def signal_of(manager: object, name: str) -> Any:
    """From where the manager, or what it is derived from, was written: its module, the package, or the ``signals`` in
    it. None where there is no such signal.
    """
    found = (getattr(module, name, None) for base in type(manager).__mro__ for module in _around(base.__module__))
    # A receiver of the host's may well have the name of the signal.
    return next((signal for signal in found if isinstance(signal, Signal)), None)


def _around(name: str) -> Iterator[ModuleType]:
    package = name.rpartition(".")[0]
    known = (sys.modules.get(path) for path in (name, package, f"{package}.signals"))
    return (module for module in known if module is not None)


def tell(manager: object, name: str, user: Any) -> None:
    """Send one to the host's receivers. One that fails keeps nobody from signing out."""
    signal = signal_of(manager, name)
    if signal is None:
        return
    try:
        signal.send(current_app._get_current_object(), user=user)  # type: ignore[attr-defined]
    except Exception:
        log.exception("a receiver of %s failed", name)
