"""Every page of the product under axe-core: no violation, light or dark; none breaks its policy or scrolls sideways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from selenium.webdriver.common.by import By

from example_app.people import DAVES_KEY
from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.services.actions.action_options import ActionOptions
from flask_mfa_gate.services.people.actors import acting_user
from flask_mfa_gate.web.endpoints import ADMIN as CONSOLE
from flask_mfa_gate.web.endpoints import OWN
from tests.browser.conftest import Screen
from tests.browser.test_pages import oathtool
from tests.conftest import key_of, state_of
from tests.policy_kit import policy, put
from tests.web.admin.kit import ADMIN, enroll

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {preload: false, ...arguments[0]}).then(found => done(found.violations.map(one =>
  one.id + ": " + one.nodes.slice(0, 3).map(node => node.html.slice(0, 160) + " " + node.failureSummary).join(" | "))));
"""
# Files, and what only redirects.
NO_PAGES = {f"{CONSOLE}.policies_export", f"{OWN}.static", f"{OWN}.status"}


def pages(app: Flask, blueprint: str, values: dict[str, Any]) -> Iterator[str]:
    """The address of every page, from the routes themselves, so that none is forgotten."""
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            is_page = rule.endpoint.startswith(f"{blueprint}.") and rule.endpoint not in NO_PAGES
            if is_page and "GET" in (rule.methods or ()):
                built = rule.build({name: values[name] for name in rule.arguments if name in values})
                assert built is not None, f"say what {rule} is about"
                yield built[1]


def furnish(app: Flask) -> dict[str, Any]:
    """Something for every list, and what the addresses of pages are about."""
    enroll(app, ADMIN)
    put(app, policy("office", grace_days=3, when={"network": ["10.0.0.0/8"]}))
    with app.app_context():
        state = state_of(app)
        state.people.users.sync()
        state.access.policies.save_network(Network("office", ("10.0.0.0/8",)), actor="cli")
        state.people.access_passes.issue(key_of(app, "bob"), actor="cli")
        ada = acting_user(state.host.directory, key_of(app, ADMIN))
        request = state.people.action_requests.freeze("remind", [key_of(app, "bob")], actor=ada)
        done = state.people.action_requests.freeze("unlock", ["2", "3"], actor=ada)
        state.people.action_jobs.carry_out(done, ActionOptions(), actor=ada)
        with state.store.database.read() as tx:
            factor = state.store.factors.confirmed(tx, key_of(app, ADMIN))[0]
    return {"factor_id": factor.id, "key": "2", "name": "office", "version": 1, "request_id": request.id}


def check(screen: Screen, path: str, faults: list[str]) -> None:
    wide(screen, 1280)
    for scheme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        # Without motion, or the colours are those on the way from one scheme to the other.
        features = [("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]
        named = [{"name": name, "value": value} for name, value in features]
        screen.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": named})
        screen.open(path)
        screen.chrome.execute_script(AXE)
        faults += [f"{path} {scheme} {fault}" for fault in screen.chrome.execute_async_script(RUN, options)]
    wide(screen, 320)
    root = screen.chrome.find_element(By.TAG_NAME, "html")
    if int(root.get_property("scrollWidth")) > int(root.get_property("clientWidth")):
        faults.append(f"{path} scrolls sideways")
    log = (entry["message"] for entry in screen.complaints())
    faults += [f"{path} {message}" for message in log if "status of 404" not in message]


def wide(screen: Screen, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    screen.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@pytest.mark.parametrize("scripts", [True], indirect=True)
def test_no_page_breaks_a_rule(screen: Screen, server: tuple[str, Any]) -> None:
    _, app = server
    values, faults = furnish(app), list[str]()
    for username in ("bob", "carol", ADMIN):
        screen.sign_in(username)
        check(screen, screen.path, faults)
        if username != ADMIN:
            screen.chrome.delete_all_cookies()
    screen.open("/mfa/challenge")
    screen.type("code", oathtool(DAVES_KEY))
    screen.press("Verify")
    screen.expect("Hello Ada Admin")
    for path in (
        *pages(app, CONSOLE, values), *pages(app, OWN, values),
        "/admin/mfa/users?status=IN_ENROLLMENT", "/admin/mfa/users?q=nobody", "/admin/mfa/users/4711",
        f"/admin/mfa/users/{key_of(app, ADMIN)}", "/admin/mfa/audit?event=policy_changed",
    ):  # fmt: skip
        check(screen, path, faults)
    assert not faults, "\n".join(faults)
