"""Why an event did not arrive, in words that give nothing away."""

from __future__ import annotations

import socket
import ssl

from ..errors import MFAGateError
from ..outbound import AddressRefused


class ServerTrouble(MFAGateError):
    """The server takes nothing at the moment, so the next event would fare no better."""


class Refused(MFAGateError):
    """The server does not take this event."""


# The first that fits counts.
_PROBLEMS: tuple[tuple[type[OSError], str], ...] = (
    (ssl.SSLCertVerificationError, "certificate not trusted"),
    (ssl.SSLError, "TLS failed"),
    (socket.gaierror, "name not found"),
    (TimeoutError, "no answer in time"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "connection reset"),
)


def problem_of(error: Exception) -> str:
    """What went wrong, without the words of the system, which may repeat an address with a secret in it."""
    if isinstance(error, Refused | ServerTrouble | AddressRefused):
        return str(error)
    return next((words for kind, words in _PROBLEMS if isinstance(error, kind)), type(error).__name__)
