"""Where an address is, from a GeoIP database file (MaxMind DB format)."""

from __future__ import annotations

import logging
import weakref
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Any

from ...errors import ConfigError

FASTEST_KM_PER_HOUR = 1000
_EARTH_RADIUS_KM = 6371
_NEAR_KM = 100
# Borders are crossed on foot; two far countries within an hour are not told apart from two near ones.
_SAME_COUNTRY_UNLESS = timedelta(minutes=30)
log = logging.getLogger("flask_mfa_gate")
_Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A country, by its ISO 3166-1 code, and coordinates in degrees where they are known."""

    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None


NOWHERE_KNOWN = Place()


class Places:
    """Looks addresses up in a file that may be replaced at any time.

    Without a file, or when it fails, no place is known: degraded, never open.

    :raises ConfigError: for a file that can't be used at the start.
    """

    def __init__(self, path: str | None) -> None:
        self._path = Path(path) if path is not None else None
        self._edition = _Edition(None, None)
        if self._path is not None:
            self._edition = _Edition(_version(self._path), _open(self._path))

    @property
    def is_known(self) -> bool:
        """Whether there is to be a database."""
        return self._path is not None

    def of(self, address: str | None) -> Place:
        """Where an address is said to be, as the file is now."""
        if self._path is None or address is None:
            return NOWHERE_KNOWN
        if _version(self._path) != self._edition.version:
            self._edition = _reopened(self._path)
        return self._edition.of(address)


class _Edition:
    """The file as it was at one time, and what was found in it.

    :param version: None for a file that is not there.
    """

    def __init__(self, version: _Version | None, reader: Any) -> None:
        self.version, self._reader = version, reader
        self.of = lru_cache(maxsize=4096)(self._look_up)
        if reader is not None:
            # Once no thread looks into it any more.
            weakref.finalize(self, reader.close)

    def _look_up(self, address: str) -> Place:
        if self._reader is None:
            return NOWHERE_KNOWN
        try:
            found: Any = self._reader.get(address)
            return _read(found) if isinstance(found, dict) else NOWHERE_KNOWN
        except Exception as error:  # noqa: BLE001 - a broken file must not cost anybody the sign-in
            log.warning("the GeoIP database failed: %s", type(error).__name__)
            return NOWHERE_KNOWN


def _version(path: Path) -> _Version | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _reopened(path: Path) -> _Edition:
    """What is half written is looked at again when it has grown."""
    version = _version(path)
    try:
        reader = _open(path)
    except ConfigError as error:
        log.warning("no place is known until the file is whole again, best by renaming a new one: %s", error)
        return _Edition(version, None)
    log.info("the GeoIP database %s was replaced", path)
    return _Edition(version, reader)


def is_impossible(before: Place, after: Place, *, apart: timedelta) -> bool | None:
    """Whether nobody could have got from one place to the other in that time; None when it can't be told."""
    distance = _distance_km(before, after)
    if distance is not None:
        hours = max(apart / timedelta(hours=1), 1 / 60)
        return distance > _NEAR_KM and distance / hours > FASTEST_KM_PER_HOUR
    if before.country is None or after.country is None:
        return None
    return before.country != after.country and apart < _SAME_COUNTRY_UNLESS


def _distance_km(before: Place, after: Place) -> float | None:
    """Great-circle distance (haversine)."""
    if before.latitude is None or before.longitude is None or after.latitude is None or after.longitude is None:
        return None
    south, north = radians(before.latitude), radians(after.latitude)
    across = radians(after.longitude - before.longitude)
    half = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin(across / 2) ** 2
    return 2 * _EARTH_RADIUS_KM * asin(sqrt(min(1.0, half)))


def _read(found: dict[str, Any]) -> Place:
    country = found.get("country") or found.get("registered_country") or {}
    location = found.get("location") or {}
    code = country.get("iso_code")
    return Place(code.upper() if isinstance(code, str) else None, location.get("latitude"), location.get("longitude"))


def _open(path: Path) -> Any:
    key = "MFA_GATE_GEOIP_DATABASE"
    if not path.is_file():
        raise ConfigError(key, "names a file that is not there", given=str(path), allowed="a MaxMind DB file")
    try:
        import maxminddb  # noqa: PLC0415 - only an app with such a file needs it
    except ImportError:
        raise ConfigError(key, "needs the package maxminddb", allowed="pip install 'flask-mfa-gate[geoip]'") from None
    try:
        # SECURITY: a mapped file that is overwritten in place kills every worker that looks into it (SIGBUS).
        return maxminddb.open_database(path, maxminddb.MODE_FILE)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise ConfigError(key, f"can't be opened ({type(error).__name__})", allowed="a MaxMind DB file") from None
