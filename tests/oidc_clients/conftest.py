"""A provider with relying parties that nobody here wrote, or that a developer would write, all on ports of their own."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from selenium.webdriver import Chrome

from example_app import create_app
from example_app.people import DAVES_KEY
from example_app.relying_parties import create_board, create_notes, registrations
from tests.browser.conftest import Screen, new_chrome, served
from tests.conftest import Phone, close_portal, portal_config, require_or_skip
from tests.oidc_clients.apache import apache, is_installed
from tests.oidc_clients.kit import SECRET, recipe, wiki


def now() -> datetime:
    return datetime.now(UTC)


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


@dataclass
class Address:
    """An origin that stays while the app behind it changes: relying parties are told of it once."""

    app: Flask | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        assert self.app is not None
        return self.app(environ, start_response)


@dataclass(frozen=True)
class Stage:
    """Origins of everybody."""

    address: Address
    portal: str
    notes: str
    board: str
    wiki: str
    apache: str
    clients: list[dict[str, Any]] = field(repr=False)


def wiki_of_docs(issuer: str) -> Flask:
    """The Flask app of the documentation."""
    mine = {"https://portal.example.org": issuer, "the-secret-of-this-client": SECRET}
    space: dict[str, Any] = {"__name__": "wiki"}
    exec(compile(recipe("python", mine, begins="# wiki.py"), "docs/oidc.md", "exec"), space)
    app: Flask = space["app"]
    return app


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    address, notes, board, flask_wiki = Address(), Address(), Address(), Address()
    with ExitStack() as stack:
        urls = [stack.enter_context(served(one)) for one in (address, notes, board, flask_wiki)]
        portal, notes_url, board_url, wiki_url = urls
        notes.app, board.app = create_notes(issuer=portal), create_board(issuer=portal)
        flask_wiki.app, apache_url = wiki_of_docs(portal), f"http://127.0.0.1:{free_port()}"
        clients = [*registrations(notes_url=notes_url, board_url=board_url), wiki(apache_url, wiki_url)]
        yield Stage(address, portal, notes_url, board_url, wiki_url, apache_url, clients)


@pytest.fixture(scope="session")
def apache_url(stage: Stage) -> Iterator[str]:
    require_or_skip("apache2 with libapache2-mod-auth-openidc", is_installed())
    with apache(issuer=stage.portal, port=int(stage.apache.rpartition(":")[2])) as url:
        yield url


@pytest.fixture
def make_portal(stage: Stage, tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """The portal of this test at the address that relying parties know, with the real clock: they have no other."""
    made: list[Flask] = []

    def make(**config: Any) -> Flask:
        given = portal_config(f"sqlite:///{tmp_path}/portal.sqlite3", now)
        mine = {"MFA_GATE_BASE_URL": stage.portal, "MFA_GATE_OIDC": True, "MFA_GATE_OIDC_CLIENTS": stage.clients,
                "MFA_GATE_OUTBOUND_NETWORKS": ["127.0.0.0/8", "::1"]}  # fmt: skip
        made.append(create_app({**given, **mine, **config}))
        stage.address.app = made[-1]
        return made[-1]

    yield make
    stage.address.app = None
    for app in made:
        close_portal(app)


@pytest.fixture
def portal(make_portal: Callable[..., Flask]) -> Flask:
    return make_portal()


@pytest.fixture(scope="session")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with new_chrome(tmp_path_factory.mktemp("profile"), scripts=True) as driver:
        yield driver


class Visitor(Screen):
    """A person at a relying party."""

    def __init__(self, chrome: Chrome, stage: Stage) -> None:
        super().__init__(chrome, stage.portal)
        self.stage = stage

    def visit(self, url: str) -> None:
        self.chrome.get(url)

    def enter(self, username: str) -> None:
        """Name and password, where the portal asks for them."""
        self.expect("Keep me signed in")
        self.type("username", username)
        self.type("password", "correct horse battery staple")
        self.press("Sign in")

    def prove(self, *, steps: int = 0) -> None:
        """The code of this moment, or of a later one, where the portal asks for it."""
        self.expect("Enter your code")
        self.type("code", Phone(now, DAVES_KEY).code(steps=steps))
        self.press("Verify")

    def complaints_but(self, words: str) -> list[Any]:
        """What the browser's console says beside what a test expects."""
        return [entry for entry in self.complaints() if words not in entry["message"]]

    def claim(self, name: str) -> str:
        """What the relying party shows of the ID token."""
        return str(self.texts(f"[data-claim={name}]")[0])


@pytest.fixture
def visitor(window: Chrome, stage: Stage) -> Visitor:
    """A browser that knows nobody."""
    window.execute_cdp_cmd("Network.clearBrowserCookies", {})
    window.get(f"{stage.board}/config.json")
    window.execute_script("sessionStorage.clear(); localStorage.clear()")
    window.get_log("browser")
    return Visitor(window, stage)
