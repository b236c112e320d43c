"""A browser in words that its owner knows it by."""

from __future__ import annotations

LONGEST = 80
# The order matters: most browsers also name the ones they descend from.
_BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def browser_called(user_agent: str) -> str:
    """``Firefox, Windows``; a program of another kind as it calls itself."""
    browser = _first(_BROWSERS, user_agent)
    if browser is None:
        return user_agent[:LONGEST]
    return ", ".join(word for word in (browser, _first(_SYSTEMS, user_agent)) if word)


def _first(known: tuple[tuple[str, str], ...], user_agent: str) -> str | None:
    return next((word for sign, word in known if sign in user_agent), None)
