"""``python -m tests.federation.portal_process FOLDER``: the example portal as a provider, on a port of its own."""

from __future__ import annotations

import sys

from werkzeug.serving import make_server

from example_app import create_app
from tests.federation.kit import CALLBACKS, CLIENT_ID, SECRET, WallClock


class Later:
    """The app is made when its address is known."""

    app = None

    def __call__(self, environ, start_response):  # type: ignore[no-untyped-def]
        return self.app(environ, start_response)  # type: ignore[misc]


def main(folder: str) -> None:
    later = Later()
    server = make_server("127.0.0.1", 0, later, threaded=True)
    issuer = f"http://127.0.0.1:{server.server_port}"
    client = {
        "client_id": CLIENT_ID, "client_name": "App", "client_secret": SECRET, "redirect_uris": CALLBACKS,
        "skip_consent": True, "scope": "openid profile email",
    }  # fmt: skip
    later.app = create_app({  # type: ignore[assignment]
        "TESTING": True, "SECRET_KEY": "another key", "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder}/portal.sqlite3",
        "MFA_GATE_CLOCK": WallClock(), "MFA_GATE_OIDC": True, "MFA_GATE_BASE_URL": issuer, "MFA_GATE_OIDC_CLIENTS": [client],
    })  # fmt: skip
    sys.stdout.write(f"listening on {issuer}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
