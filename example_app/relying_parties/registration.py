"""The two apps as the portal knows them, in the words of RFC 7591."""

from __future__ import annotations

from typing import Any

NOTES = "notes"
BOARD = "board"
# Of this demo only: a real client has a secret that the provider made, and keeps it out of its code.
NOTES_SECRET = "demo-secret-of-notes-demo-secret-of-notes-0"  # noqa: S105


def registrations(*, notes_url: str, board_url: str) -> list[dict[str, Any]]:
    """What ``MFA_GATE_OIDC_CLIENTS`` takes.

    :param notes_url: origin of the Flask app, such as ``http://127.0.0.1:5001``.
    :param board_url: origin of the static page.
    """
    return [
        {
            "client_id": NOTES,
            "client_name": "Notes",
            "client_uri": notes_url,
            "client_secret": NOTES_SECRET,
            "token_endpoint_auth_method": "client_secret_basic",
            "redirect_uris": [f"{notes_url}/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "post_logout_redirect_uris": [f"{notes_url}/"],
            "backchannel_logout_uri": f"{notes_url}/backchannel-logout",
            "backchannel_logout_session_required": True,
            "scope": "openid profile email groups",
            # Of the same organization; Board asks its users.
            "skip_consent": True,
        },
        {
            "client_id": BOARD,
            "client_name": "Board",
            "client_uri": board_url,
            "token_endpoint_auth_method": "none",
            "redirect_uris": [f"{board_url}/"],
            "grant_types": ["authorization_code", "refresh_token"],
            "post_logout_redirect_uris": [f"{board_url}/"],
            "scope": "openid profile email offline_access",
        },
    ]
