"""Two apps beside the portal, on origins of their own, whose users sign in at the portal.

*Notes* is a Flask app with Authlib: a confidential client, which keeps its tokens on the server. *Board* is a static
page with ``oidc-client-ts``: a public client, which keeps them in the browser.
"""

from __future__ import annotations

from .board import create_board
from .notes import create_notes
from .registration import BOARD, NOTES, registrations

__all__ = ["BOARD", "NOTES", "create_board", "create_notes", "registrations"]
