"""A real server and a real browser."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import (
    ElementNotInteractableException,
    StaleElementReferenceException,
    WebDriverException,
)
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.command import Command
from selenium.webdriver.support.ui import WebDriverWait
from werkzeug.serving import make_server

from tests.conftest import require_or_skip

CHROME, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=1280,900",
)  # fmt: skip

ACTS = {Command.CLICK_ELEMENT, Command.SEND_KEYS_TO_ELEMENT, Command.W3C_ACTIONS}
# A read that goes by the browser's process comes back behind what an act left to do, and needs no script of the page.
LAST = {"expression": "new Blob(['']).text()", "awaitPromise": True}


class Window(Chrome):
    """Chromium, where an act is over when the page that it leads to is there. The driver waits for pages on their way, but a
    form is sent a moment after its click, so that the next command could come before it, or instead of it.
    """

    def execute(self, driver_command: Any, params: dict[str, Any] | None = None) -> Any:
        answer = super().execute(driver_command, params)
        if driver_command in ACTS:
            self.execute_cdp_cmd("Runtime.evaluate", LAST)
        return answer


@dataclass(slots=True)
class WallClock:
    """The time, or so much later."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The origin of an app that listens on a port of its own."""
    running = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def settings() -> dict[str, Any]:
    """What the portal is configured with; a module may have more."""
    return {}


@pytest.fixture
def server(make_app: Callable[..., Any], tmp_path: Path, settings: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The portal on a port of its own, with the real clock or one ahead of it, and its people as they are when it starts now."""
    (tmp_path / "now").mkdir()
    uri = f"sqlite:///{tmp_path}/now/portal.sqlite3"
    app = make_app(**{"MFA_GATE_CLOCK": WallClock(), "SQLALCHEMY_DATABASE_URI": uri, **settings})
    with served(app) as base:
        yield base, app


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def scripts(request: pytest.FixtureRequest) -> bool:
    """Every road is walked with and without JavaScript."""
    return bool(request.param)


@contextmanager
def new_chrome(folder: Path, *, scripts: bool) -> Iterator[Chrome]:
    """A browser with a profile of its own."""
    require_or_skip("chromium", CHROME is not None and DRIVER is not None)
    options = ChromeOptions()
    options.binary_location = CHROME or ""
    for flag in (*QUIET, f"--user-data-dir={folder}/profile"):
        options.add_argument(flag)
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    driver = Window(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def chrome_with(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bool], Chrome]]:
    """A browser with JavaScript and one without, started when first asked for: a start is most of what a test takes."""
    with ExitStack() as stack:

        @cache
        def started(scripts: bool) -> Chrome:
            driver = stack.enter_context(new_chrome(tmp_path_factory.mktemp("browser"), scripts=scripts))
            driver.implicitly_wait(3)
            return driver

        yield started


@pytest.fixture
def chrome(chrome_with: Callable[[bool], Chrome], scripts: bool) -> Iterator[Chrome]:
    """A window without a past in a browser without cookies; each test's server is an origin of its own."""
    driver = chrome_with(scripts)
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    kept = driver.current_window_handle
    driver.switch_to.new_window("window")
    driver.set_window_size(1280, 900)
    driver.get_log("browser")
    yield driver
    for window in driver.window_handles:
        if window != kept:
            driver.switch_to.window(window)
            driver.close()
    driver.switch_to.window(kept)


class Screen:
    """What a person does at the browser."""

    def __init__(self, chrome: Chrome, base: str) -> None:
        self.chrome, self.base = chrome, base

    def open(self, path: str) -> None:
        self.chrome.get(self.base + path)

    def sign_in(self, username: str) -> None:
        self.open("/login")
        self.type("username", username)
        self.type("password", "correct horse battery staple")
        self.press("Sign in")

    def type(self, name: str, text: str) -> None:
        def fill(_: Chrome) -> bool:
            field = self.chrome.find_element(By.NAME, name)
            field.clear()
            field.send_keys(text)
            return True

        self._patiently(fill, f"can't type into {name}")

    def press(self, words: str, *, within: str = "main") -> None:
        path = f"//{within}//*[self::button or self::a or self::label][contains(normalize-space(.), '{words}')]"

        def click(_: Chrome) -> bool:
            self.chrome.find_element(By.XPATH, path).click()
            return True

        self._patiently(click, f"can't press {words}")

    def texts(self, selector: str) -> list[str]:
        """What the elements say."""
        return self._patiently(
            lambda _: [one.text for one in self.chrome.find_elements(By.CSS_SELECTOR, selector)], f"no {selector}"
        )

    def _patiently(self, act: Callable[[Chrome], Any], problem: str) -> Any:
        """Again when the page was exchanged in the middle of it, or is not drawn yet; after ten seconds it fails."""

        def attempt(chrome: Chrome) -> Any:
            try:
                return act(chrome)
            except WebDriverException as error:
                # Where the driver has no name of its own for it, as of an element that it was just about to read.
                if "does not belong to the document" not in str(error):
                    raise
                return None

        passing = [StaleElementReferenceException, ElementNotInteractableException]
        return WebDriverWait(self.chrome, 10, ignored_exceptions=passing).until(attempt, problem)

    @property
    def text(self) -> str:
        return " ".join(self.chrome.find_element(By.TAG_NAME, "body").text.split())

    @property
    def path(self) -> str:
        return self.chrome.current_url.removeprefix(self.base)

    def complaints(self) -> list[Any]:
        """What the browser's console says, e.g. of a content security policy."""
        expected = ("favicon", "status of 422", "status of 403", "status of 409")
        log = self.chrome.get_log("browser")
        return [entry for entry in log if not any(words in entry["message"] for words in expected)]

    def expect(self, words: str) -> None:
        """Until the page says so."""
        self._patiently(lambda _: words in self.text, f"{words!r} is not on the page")

    def wait_for(self, path: str) -> None:
        """Until the browser is there."""
        WebDriverWait(self.chrome, 10).until(lambda _: self.path == path, f"at {self.path}, not at {path}")


@pytest.fixture
def screen(chrome: Chrome, server: tuple[str, Any]) -> Screen:
    return Screen(chrome, server[0])
