"""Board: a static page, served from an origin of its own. Everything else happens in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, jsonify, send_from_directory

from .registration import BOARD

_FILES = Path(__file__).parent / "board"


def create_board(*, issuer: str) -> Flask:
    """A server of files, and of one that says where the portal is."""
    app = Flask(__name__, static_folder=None)
    portal = "{0.scheme}://{0.netloc}".format(urlsplit(issuer))

    @app.get("/")
    @app.get("/<path:name>")
    def file(name: str = "index.html") -> Any:
        answer = send_from_directory(_FILES, name)
        # Tokens are in this page, so no script of anybody else may be.
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'self'; connect-src 'self' {portal}; frame-src {portal}; object-src 'none'; base-uri 'none'"
        )
        return answer

    @app.get("/config.json")
    def config() -> Any:
        return jsonify(authority=issuer, client_id=BOARD)

    return app
