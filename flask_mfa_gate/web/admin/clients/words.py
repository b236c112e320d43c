"""What the console calls the parts of a client."""

from __future__ import annotations

from datetime import timedelta

from ....domain.oidc.client import OFFLINE, AuthMethod, OidcClient
from ...translation import gettext, marked
from ..words import Word

_METHODS = {
    AuthMethod.BASIC: marked("Secret in the Authorization header"),
    AuthMethod.POST: marked("Secret in the request body"),
    AuthMethod.PRIVATE_KEY_JWT: marked("Signature with its private key"),
    AuthMethod.NONE: marked("None: a public client, such as a single-page or mobile app"),
}
_SCOPES = {
    "openid": marked("Who the user is: a stable identifier"),
    "profile": marked("Name, language and time zone"),
    "email": marked("Email address"),
    "groups": marked("Groups"),
    OFFLINE: marked("Access while the user is signed out, if the user consents"),
}
# How long the old secret of a client works beside a new one.
OVERLAPS = {
    "0": (timedelta(0), marked("Stop working now")),
    "1h": (timedelta(hours=1), marked("Work for 1 more hour")),
    "1d": (timedelta(days=1), marked("Work for 1 more day")),
    "7d": (timedelta(days=7), marked("Work for 7 more days")),
    "30d": (timedelta(days=30), marked("Work for 30 more days")),
}


def state_word(client: OidcClient) -> Word:
    """The badge of a client."""
    if client.is_enabled:
        return Word(gettext("Enabled"), "good")
    return Word(gettext("Disabled"), "bad")


def method_word(method: AuthMethod) -> str:
    """How a client proves that it is itself."""
    return gettext(_METHODS[method])


def scope_word(scope: str) -> str:
    """What a scope lets a client see."""
    return gettext(_SCOPES.get(scope, scope))


def overlap_choices() -> list[tuple[str, str]]:
    """What may become of the old secret."""
    return [(word, gettext(text)) for word, (_length, text) in OVERLAPS.items()]
