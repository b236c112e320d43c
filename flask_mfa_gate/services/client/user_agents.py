"""What a client says it is, in the words of the policies."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

_PLATFORMS = {
    "windows": "windows", "mac os x": "macos", "macos": "macos", "ios": "ios", "ipados": "ios", "android": "android",
    "chrome os": "chromeos", "chromeos": "chromeos", "chromium os": "chromeos", "linux": "linux", "ubuntu": "linux",
    "debian": "linux", "fedora": "linux",
}  # fmt: skip
_BROWSERS = {
    "chrome": "chrome", "chromium": "chrome", "firefox": "firefox", "safari": "safari", "edge": "edge",
    "opera": "opera", "samsung": "samsung",
}  # fmt: skip
LONGEST = 1000


def words_of(agent: str, *, hint: str = "") -> tuple[str | None, str | None]:
    """Platform, by client hint, else by user agent, and browser; None for what can't be read.

    :param hint: the header ``Sec-CH-UA-Platform``.
    """
    platform, browser = _parsed(agent[:LONGEST])
    return _PLATFORMS.get(hint.strip('" ').lower(), platform), browser


def device_word(platform: str | None, browser: str | None) -> str | None:
    """Both as the one word by which a device is known; None when neither can be read."""
    return f"{platform or '?'}/{browser or '?'}" if platform or browser else None


@lru_cache(maxsize=1024)
def _parsed(agent: str) -> tuple[str | None, str | None]:
    try:
        from ua_parser import parse  # noqa: PLC0415 - an extra
    except ImportError:
        return None, None
    found = parse(agent)
    platform = found.os.family.lower() if found.os else None
    browser = found.user_agent.family.lower() if found.user_agent else None
    return _word(platform, _PLATFORMS), _word(browser, _BROWSERS)


def _word(family: str | None, words: Mapping[str, str]) -> str | None:
    """The first known word that the family begins with; another family is other, and none is not known."""
    if family is None:
        return None
    return next((word for name, word in words.items() if family.startswith(name) or name in family.split()), "other")
