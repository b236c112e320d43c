"""Contradictions in what a developer wrote: found at the start or at the first request, and by the doctor."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from flask import Flask

from ...domain.access import APP, MFA_ADMIN
from ...errors import ConfigError
from ..endpoints import unknown_endpoints
from ..state import GateState
from .protection import marked_resources, marks_at, methods_of_exempt_classes

_CLIENTS = "client:"
_ACCESS = "MFA_GATE_DEFAULT_ACCESS"


@dataclass(frozen=True, slots=True)
class SetUpFault:
    """One contradiction.

    :param code: a stable name, for scripts that watch the doctor.
    :param key: the setting or the decorator.
    :param is_sure: whether nothing that the app may still add could mend it.
    """

    code: str
    key: str
    problem: str
    fix: str
    given: str | None = None
    nearest: str | None = None
    is_sure: bool = True

    @property
    def sentence(self) -> str:
        """What is wrong, for the doctor."""
        about = "" if self.given is None else f": {self.given!r}"
        return f"{self.key} {self.problem}{about}."

    @property
    def error(self) -> ConfigError:
        """What stops the app."""
        return ConfigError(self.key, f"{self.problem}. {self.fix}".rstrip("."), given=self.given, nearest=self.nearest)


def faults(app: Flask, state: GateState) -> Iterator[SetUpFault]:
    """Every contradiction between settings, marks and routes."""
    yield from _unknown_endpoints(app, state)
    yield from _exempt_and_marked(app, state)
    yield from _sign_out_and_marked(app, state)
    yield from _unknown_resources(app, state)


def _unknown_endpoints(app: Flask, state: GateState) -> Iterator[SetUpFault]:
    for key, name in unknown_endpoints(app, state.settings):
        yield SetUpFault(
            "unknown-endpoint", key, "names an endpoint that the app does not have", f"Correct {key}.",
            given=name, nearest=_nearest(name, app.view_functions),
        )  # fmt: skip


def _exempt_and_marked(app: Flask, state: GateState) -> Iterator[SetUpFault]:
    """A view can't be open and protected."""
    for endpoint in app.view_functions:
        marks, by_setting = marks_at(app, endpoint), endpoint in state.settings.exempt_endpoints
        if not marks.wants_identity or not (marks.is_exempt or by_setting):
            continue
        key = "MFA_GATE_EXEMPT_ENDPOINTS" if by_setting else "@gate.exempt"
        yield _contradiction(key, f"opens {endpoint!r}, which is marked, itself or by its blueprint")
    for endpoint in methods_of_exempt_classes(app):
        yield _contradiction("@gate.exempt", f"opens the view class of {endpoint!r}, of which a method is marked")


def _contradiction(key: str, problem: str) -> SetUpFault:
    return SetUpFault("exempt-mark", key, problem, "Take the exemption away, or the mark off the view.")


def _sign_out_and_marked(app: Flask, state: GateState) -> Iterator[SetUpFault]:
    for endpoint in state.settings.sign_out_endpoints or ():
        if marks_at(app, endpoint).wants_identity:
            yield SetUpFault(
                "sign-out-mark", "MFA_GATE_SIGN_OUT_ENDPOINTS", f"names {endpoint!r}, which is marked",
                "Leaving is open to everybody: take the mark off, or name another endpoint.",
            )  # fmt: skip


def _unknown_resources(app: Flask, state: GateState) -> Iterator[SetUpFault]:
    # SECURITY: behind a name with a typo the view that was meant stays open.
    known = {APP, MFA_ADMIN, *marked_resources(app), *state.gate.named_resources, *state.host.traits.resources}
    for name in state.settings.default_access:
        if name not in known and not name.startswith(_CLIENTS):
            nearest = _nearest(name, known)
            yield SetUpFault(
                "unknown-resource", _ACCESS, f"names the resource {name!r}, which no view is marked with",
                f"Write {nearest!r} there." if nearest else f"Mark a view with @gate.resource({name!r}).",
                nearest=nearest, is_sure=nearest is not None,
            )  # fmt: skip


def _nearest(name: str, known: Collection[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)
