"""What is known about a request and its user when policies are judged. None means: not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..enrollment.enrollment import Status


class MatchResult(StrEnum):
    """Whether a criterion or condition holds."""

    HIT = "hit"
    MISS = "miss"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is judged.

    :param groups: names; None when the host tells of none.
    """

    key: str
    groups: frozenset[str] | None = frozenset()
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """From where, with what, when and how a request comes. A field left out is unknown.

    :param address: canonical text of the client's address.
    :param country: ISO 3166-1 code, upper case; when given it is taken as it is.
    :param platform: e.g. ``windows``, ``macos``, ``linux``, ``android``, ``ios``.
    :param device: words that hold of the device: ``trusted``, ``managed``, ``certificate``.
    :param device_unknown: words of which it can't be told whether they hold, where others can.
    :param sign_in: ``password``, ``remember-me`` or ``federated``.
    :param provider: issuer of a federated sign-in.
    :param upstream_amr: authentication methods that the provider named (RFC 8176), where it is believed; none of a
        sign-in by no provider.
    :param endpoint: Flask's name of the view.
    :param risk: for each signal whether it is raised; a word that is not in it is unknown. In a simulation also a
        collection of all that are raised; every other signal is then known not to be.
    """

    address: str | None = None
    user_agent: str | None = None
    country: str | None = None
    platform: str | None = None
    browser: str | None = None
    device: frozenset[str] | None = None
    device_unknown: frozenset[str] = frozenset()
    sign_in: str | None = None
    provider: str | None = None
    upstream_amr: frozenset[str] | None = None
    method: str | None = None
    endpoint: str | None = None
    risk: Mapping[str, bool] | None = None
    at: datetime | None = None
