"""``python -m example_app``: the portal, and two apps beside it whose users sign in at the portal. Ctrl-C stops all."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

import click
from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from . import create_app
from .relying_parties import create_board, create_notes, registrations

HOST = "127.0.0.1"
_TRIES = 50
_LAST_PORT = 65535


@click.command()
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, _LAST_PORT), help="Port of the portal.")
def main(port: int) -> None:
    """Run the demo until Ctrl-C."""
    places = listen(port)
    servers = [serve(app, place) for app, place in zip(demo_apps([url_of(one) for one in places]), places, strict=True)]
    portal, notes, board = (url_of(place) for place in places)
    if places[0].getsockname()[1] != port:
        click.echo(f"Port {port} is in use by another program.")
    click.echo(f"Open {portal}/ and sign in as bob, carol or dave. The page has the password, and the key for codes.")
    click.echo(f"Apps that sign in at the portal: {notes}/ and {board}/")
    click.echo("Press Ctrl-C to stop.")
    run(servers)


def demo_apps(urls: Sequence[str]) -> tuple[Flask, Flask, Flask]:
    """The portal, Notes and Board at these addresses."""
    portal_url, notes_url, board_url = urls
    portal = create_app(
        {
            "MFA_GATE_BASE_URL": portal_url,
            "MFA_GATE_OIDC": True,
            # Notes is told of sign-outs, and runs on this machine too.
            "MFA_GATE_OUTBOUND_NETWORKS": ["127.0.0.0/8", "::1"],
            "MFA_GATE_OIDC_CLIENTS": registrations(notes_url=notes_url, board_url=board_url),
        }
    )
    return portal, create_notes(issuer=portal_url), create_board(issuer=portal_url)


def listen(port: int) -> list[socket.socket]:
    """One socket each, on this port and the next ones that are free.

    :raises click.ClickException: where fifty in a row are taken.
    """
    found: list[socket.socket] = []
    for number in range(port, min(port + _TRIES, _LAST_PORT + 1)):
        with suppress(OSError):
            found.append(_bound(number))
        if len(found) == 3:
            return found
    raise click.ClickException(f"No three ports are free from {port} on. Choose another: make demo PORT=8000")


def _bound(port: int) -> socket.socket:
    place = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # As servers do: a port whose last owner just left is free.
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind((HOST, port))
        place.listen()
    except OSError:
        place.close()
        raise
    return place


def url_of(place: socket.socket) -> str:
    """The origin of what listens there."""
    host, port = place.getsockname()
    return f"http://{host}:{port}"


def serve(app: Flask, place: socket.socket) -> BaseWSGIServer:
    """A server of this app on a socket that listens already."""
    host, port = place.getsockname()
    return make_server(host, port, app, threaded=True, fd=place.fileno())


def run(servers: Sequence[BaseWSGIServer]) -> None:
    """All of them, until Ctrl-C."""
    threads = [threading.Thread(target=one.serve_forever, daemon=True) for one in servers]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        click.echo("Stopped.")
    finally:
        for one in servers:
            one.shutdown()
            one.server_close()


if __name__ == "__main__":
    main()
