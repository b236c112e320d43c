"""Runs every check on an app and gathers what they find."""

from __future__ import annotations

from collections.abc import Iterator
from traceback import extract_tb

from flask import Flask, has_request_context

from ...errors import ConfigError, MFAGateError
from ...sentences import Sentence
from ..state import GateState
from .checks import storage
from .findings import Finding, error
from .registry import CHECKS, Inspection, Needs, RegisteredCheck


def findings(app: Flask, state: GateState) -> list[Finding]:
    """Everything found, errors first."""
    on = Inspection(app, state)
    unusable = list(_run(RegisteredCheck(storage.tables, frozenset()), on))
    absent = {Needs.TABLES} if unusable else set()
    # A worker that waits for a mail server serves nobody.
    absent |= {Needs.NETWORK} if has_request_context() else set()
    found = [finding for one in CHECKS if not one.needs & absent for finding in _run(one, on)]
    return sorted([*unusable, *found], key=lambda one: one.level)


def not_started(failure: Exception) -> Finding:
    """The one finding about an app that could not be made."""
    return error("startup", Sentence("The app does not start. %(text)s", text=_text(failure)), fix=_way_on(failure))


def _way_on(failure: Exception) -> str:
    if isinstance(failure, ConfigError):
        return f"Correct {failure.key}."
    if isinstance(failure, ModuleNotFoundError):
        return "Install the package that it is in, such as the driver of your database."
    return "Run `flask routes` to see where it fails."


def _run(check: RegisteredCheck, on: Inspection) -> Iterator[Finding]:
    """What a check finds; that it fails is a finding too."""
    try:
        yield from check.run(on)
    except Exception as failure:  # noqa: BLE001 - whatever it is, the other checks go on
        yield _failed(check, failure)


def _failed(check: RegisteredCheck, failure: Exception) -> Finding:
    name = getattr(check.run, "__name__", "?").replace("_", " ")
    sentence = f"The check of {name} could not be finished. {_text(failure)}"
    return error("check-failed", sentence, fix="Fix what is named, then run: flask mfa doctor")


def _text(failure: Exception) -> str:
    if isinstance(failure, ModuleNotFoundError):
        return f"There is no module {failure.name!r}."
    # SECURITY: texts of foreign errors may carry passwords and addresses, so only the gate's own are shown.
    return str(failure) if isinstance(failure, MFAGateError) else f"{type(failure).__name__} in {_place(failure)}."


def _place(failure: Exception) -> str:
    last = extract_tb(failure.__traceback__)[-1]
    return f"{last.filename.rsplit('/', 1)[-1]} line {last.lineno}"
