"""What scenarios need of the portal behind the relying parties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from flask import Flask

from tests.conftest import state_of
from tests.policy_kit import policy, put

SFA, MFA = "https://refeds.org/profile/sfa", "https://refeds.org/profile/mfa"
SECRET = "secret-of-the-wiki-of-the-tests-0123456789"
RECIPES = Path(__file__).parents[2] / "docs" / "oidc.md"


def recipe(language: str, mine: Mapping[str, str], *, begins: str = "") -> str:
    """Code of the documentation, with addresses and secrets that are there."""
    blocks = re.findall(rf"```{language}\n(.*?)```", RECIPES.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = (block for block in blocks if block.startswith(begins))
    for theirs, here in mine.items():
        assert theirs in found
        found = found.replace(theirs, here)
    return str(found)


def wiki(*origins: str) -> dict[str, object]:
    """The client of the recipes, in the words of RFC 7591: each is at an origin of its own."""
    apache = origins[0]
    return {
        "client_id": "wiki", "client_name": "Wiki", "client_secret": SECRET, "scope": "openid profile email",
        "skip_consent": True,
        "redirect_uris": [f"{origin}/signed-in" for origin in origins],
        "post_logout_redirect_uris": [f"{apache}/goodbye/", *(f"{origin}/" for origin in origins)],
        "backchannel_logout_uri": f"{apache}/signed-in?logout=backchannel",
    }  # fmt: skip


def deny(app: Flask, client: str) -> None:
    put(app, policy("No longer", "deny", on=[f"client:{client}"]))


def deliver(app: Flask) -> None:
    """What waits in the outbox goes out."""
    with app.app_context():
        state_of(app).operations.upkeep.run_due()
