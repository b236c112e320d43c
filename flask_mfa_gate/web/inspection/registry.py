"""The list of checks. A new one is a function with :func:`check` above it, in a module of ``checks``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from flask import Flask

from ...settings import Settings
from ...store import Store
from ..state import GateState
from .findings import Finding


@dataclass(frozen=True, slots=True)
class Inspection:
    """The app that is looked at."""

    app: Flask
    state: GateState

    @property
    def settings(self) -> Settings:
        """The gate's settings."""
        return self.state.settings

    @property
    def store(self) -> Store:
        """The gate's tables."""
        return self.state.store

    @property
    def now(self) -> datetime:
        """By the gate's clock."""
        return self.state.clock()


class Needs(Enum):
    """Without what a check has nothing to look at."""

    TABLES = auto()
    NETWORK = auto()


Check = Callable[[Inspection], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class RegisteredCheck:
    """A check, and what it can't do without."""

    run: Check
    needs: frozenset[Needs]


CHECKS: list[RegisteredCheck] = []


def check(*needs: Needs) -> Callable[[Check], Check]:
    """Have the doctor run this function, which yields what it finds.

    :param needs: ``TABLES``: only where they are complete. ``NETWORK``: it waits for other machines, so it never runs
        inside a request.
    """

    def register(function: Check) -> Check:
        CHECKS.append(RegisteredCheck(function, frozenset(needs)))
        return function

    return register
