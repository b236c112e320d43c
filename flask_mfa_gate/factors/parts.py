"""What every kind of factor is built from."""

from __future__ import annotations

from dataclasses import dataclass

from ..crypto import Keyring
from ..settings import Settings
from ..store import Store


@dataclass(frozen=True, slots=True)
class FactorParts:
    """What every kind of factor is built from.

    :param issuer: the name of the app, as users know it.
    """

    store: Store
    keyring: Keyring
    settings: Settings
    issuer: str
