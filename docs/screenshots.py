"""Draws ``docs/images``: the console of the demo in Chromium, as an admin sees it. ``python -m docs.screenshots``."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pyotp
from flask import Flask
from PIL import Image
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from werkzeug.serving import make_server

from example_app import create_app
from example_app.past import enroll_with_key
from example_app.people import DAVES_KEY, PASSWORD
from example_app.relying_parties import registrations
from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.web.state import GateState

IMAGES = Path(__file__).parent / "images"
CONSOLE = "/admin/mfa"
LARGEST = 200_000
COLOURS = 256
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--lang=en")


class Picture(NamedTuple):
    """One file.

    :param press: the button to press first, by its words.
    :param height: in CSS pixels; None shows the whole page.
    """

    name: str
    path: str
    width: int = 1280
    scheme: str = "light"
    height: int | None = 860
    press: str = ""


PICTURES = (
    Picture("dashboard", "/", height=None),
    Picture("users-dark", "/users", scheme="dark"),
    Picture("confirmation", "/users?group=finance", press="that match", height=860),
    Picture("policy-editor", "/policies/Payroll/edit"),
    Picture("simulator-dark", "/simulator?user=102&resource=payroll&address=203.0.113.9", scheme="dark"),
    Picture("clients", "/clients", height=480),
    Picture("dashboard-phone", "/", width=390, scheme="dark", height=844),
)
POLICIES: tuple[dict[str, Any], ...] = (
    {"name": "Office", "conditions": {"network": ["office"]}, "effect": {"action": "allow"}},
    {
        "name": "Payroll", "description": "Salaries need a second factor outside the office.",
        "resources": ["payroll"], "users": {"include": ["group:finance"]},
        "conditions": {"not": {"network": ["office"]}}, "effect": {"action": "require", "grace_days": 7},
    },
    {
        "name": "Old phones", "state": "report-only", "conditions": {"platform": ["android"]},
        "effect": {"action": "deny"},
    },
)  # fmt: skip


WIKI = {"client_id": "wiki", "client_name": "Wiki", "redirect_uris": ["https://wiki.example.org/callback"]}


def furnish(app: Flask) -> None:
    """What an admin has after the first week: a factor of their own, a network, policies."""
    state: GateState = app.extensions["mfa_gate"]
    with app.app_context():
        enroll_with_key(app, "1", DAVES_KEY)
        state.access.policies.save_network(Network("office", ("10.20.0.0/16",)), actor="cli")
        for table in POLICIES:
            state.access.policies.save(state.access.policies.read_policy({"state": "on", **table}), actor="cli")
        if state.oidc is not None:
            state.oidc.clients.add(WIKI, actor="cli")


@contextmanager
def portal(folder: str) -> Iterator[str]:
    """The demo with its crowd on a port of its own; its address."""
    clients = registrations(notes_url="http://localhost:5001", board_url="http://localhost:5002")
    provider = {"MFA_GATE_OIDC": True, "MFA_GATE_BASE_URL": "http://localhost:5000", "MFA_GATE_OIDC_CLIENTS": clients}
    app = create_app({"SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder}/portal.sqlite3", **provider})
    furnish(app)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def browser(folder: str) -> Iterator[Chrome]:
    """A Chromium that leaves nothing behind."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*FLAGS, f"--user-data-dir={folder}/profile"):
        options.add_argument(flag)
    chrome = Chrome(options=options, service=Service(shutil.which("chromedriver")))
    chrome.implicitly_wait(5)
    try:
        yield chrome
    finally:
        chrome.quit()


def sign_in(chrome: Chrome, base: str) -> None:
    """Ada, with password and code."""
    chrome.get(f"{base}/login")
    chrome.find_element(By.NAME, "username").send_keys("ada")
    chrome.find_element(By.NAME, "password").send_keys(PASSWORD)
    chrome.find_element(By.CSS_SELECTOR, "main button").click()
    chrome.find_element(By.NAME, "code").send_keys(pyotp.TOTP(DAVES_KEY).now())
    chrome.find_element(By.XPATH, "//main//button[contains(., 'Verify')]").click()
    WebDriverWait(chrome, 10).until(lambda _: "Hello Ada" in chrome.page_source)


def take(chrome: Chrome, base: str, picture: Picture) -> bytes:
    """The page as a PNG."""
    features = [("prefers-color-scheme", picture.scheme), ("prefers-reduced-motion", "reduce")]
    named = [{"name": name, "value": value} for name, value in features]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": named})
    size_to(chrome, picture.width, picture.height or 900)
    chrome.get(base + CONSOLE + picture.path)
    if picture.press:
        chrome.find_element(By.XPATH, f"//main//button[contains(normalize-space(.), '{picture.press}')]").click()
        chrome.find_element(By.ID, "confirm")
    if picture.height is None:
        size_to(chrome, picture.width, chrome.execute_script("return document.documentElement.scrollHeight"))
    return chrome.get_screenshot_as_png()


def size_to(chrome: Chrome, width: int, height: int) -> None:
    """The window, in CSS pixels."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def smaller(png: bytes) -> bytes:
    """With a palette, a third of the size. Rare colours, such as that of a warning, keep their place in it."""
    file = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    few = image.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    few.save(file, "PNG", optimize=True)
    return file.getvalue()


def main() -> None:
    """Each picture, in place of the one before."""
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, portal(folder) as base, browser(folder) as chrome:
        sign_in(chrome, base)
        for picture in PICTURES:
            drawn = smaller(take(chrome, base, picture))
            if len(drawn) > LARGEST:
                raise SystemExit(f"{picture.name} has {len(drawn)} bytes, more than {LARGEST}.")
            (IMAGES / f"{picture.name}.png").write_bytes(drawn)


if __name__ == "__main__":
    main()
