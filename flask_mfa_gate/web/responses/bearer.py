"""What a program with a bearer token is told in ``WWW-Authenticate`` (RFC 6750 section 3, RFC 9470 section 3)."""

from __future__ import annotations

from ...domain.authorization.decision import AuthnRequirement
from ...domain.oidc.strength import AcrWords, least_level
from ..state import current_state


def step_up_challenge(requirement: AuthnRequirement) -> str:
    """What the next token has to have, in the words of the OpenID provider."""
    acr = AcrWords(current_state().settings.acr).value(least_level(requirement.methods))
    parts = {"error": "insufficient_user_authentication", "acr_values": acr}
    if requirement.max_age is not None:
        parts["max_age"] = str(int(requirement.max_age.total_seconds()))
    return challenge(**parts)


def challenge(**parts: str) -> str:
    """Without parts the bare scheme, as for a request that brought no token at all (RFC 6750 section 3.1)."""
    return " ".join(["Bearer", ", ".join(f'{name}="{value}"' for name, value in parts.items())]).rstrip()
