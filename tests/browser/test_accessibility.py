"""Every page of the product under axe-core: no violation, light or dark; none breaks its policy or scrolls sideways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.ui import WebDriverWait

from example_app.people import DAVES_KEY
from flask_mfa_gate.domain.people.person import NOWHERE
from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.services.actions.action_options import ActionOptions
from flask_mfa_gate.services.people.actors import acting_user
from flask_mfa_gate.web.endpoints import ADMIN as CONSOLE
from flask_mfa_gate.web.endpoints import OWN
from tests.browser.conftest import Screen
from tests.browser.test_pages import oathtool
from tests.conftest import key_of, state_of
from tests.oidc_kit import PROVIDER, WIKI
from tests.policy_kit import policy, put
from tests.web.admin.kit import ADMIN, enroll

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {preload: false, ...arguments[0]}).then(found => done(found.violations.map(one =>
  one.id + ": " + one.nodes.slice(0, 3).map(node => node.html.slice(0, 160) + " " + node.failureSummary).join(" | "))));
"""
SCHEMES: tuple[tuple[str, dict[str, Any]], ...] = (("light", {}), ("dark", {"runOnly": ["color-contrast"]}))
# Every control that can have the focus shows it. The tabulator was pressed before, so that focus is that of a keyboard.
FOCUS = """
return Array.from(document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']"))
  .filter(one => one.tabIndex >= 0 && one.getClientRects().length)
  .filter(one => {
    one.focus();
    const style = getComputedStyle(one);
    const shows = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
    return document.activeElement === one && !shows;
  }).map(one => one.outerHTML.slice(0, 120));
"""
SEND = """
const [path, fields, token] = arguments;
const form = document.createElement("form");
form.method = "post";
form.action = path;
for (const [name, value] of [["csrf_token", token], ...fields]) {
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = name;
  field.value = value;
  form.append(field);
}
document.body.append(form);
form.submit();
"""
# Files, and what only redirects.
ANSWERS = re.compile(r"status of 4\d\d")
NO_PAGES = {f"{CONSOLE}.policies_export", f"{CONSOLE}.openapi", f"{OWN}.static", f"{OWN}.status"}


def pages(app: Flask, blueprint: str, values: dict[str, Any]) -> Iterator[str]:
    """The address of every page, from the routes themselves, so that none is forgotten."""
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            is_page = rule.endpoint.startswith(f"{blueprint}.") and rule.endpoint not in NO_PAGES
            if is_page and "GET" in (rule.methods or ()):
                built = rule.build({name: values[name] for name in rule.arguments if name in values})
                assert built is not None, f"say what {rule} is about"
                yield built[1]


@pytest.fixture
def settings() -> dict[str, Any]:
    """With the pages that only a provider has."""
    return PROVIDER


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
        assert state.oidc is not None
        words = {"client_id": "wiki", "client_name": "Wiki", "redirect_uris": [f"{WIKI}/signed-in"]}
        state.oidc.clients.add(words, actor="cli")
        state.oidc.clients.new_secret("wiki", actor="cli")
        state.oidc.requests.consent(key_of(app, ADMIN), "wiki", "openid email", origin=NOWHERE)
        with state.store.database.read() as tx:
            factor = state.store.factors.confirmed(tx, key_of(app, ADMIN))[0]
    return {
        "factor_id": factor.id,
        "key": "2",
        "name": "office",
        "version": 1,
        "request_id": request.id,
        "client_id": "wiki",
    }


def check(screen: Screen, path: str, faults: list[str]) -> None:
    wide(screen, 1280)
    screen.open(path)
    check_answer(screen, path, faults)


def check_answer(screen: Screen, name: str, faults: list[str]) -> None:
    """The page that is open, in both schemes without another request, since it may be the answer to a form."""
    for scheme, options in SCHEMES:
        # Without motion, or the colours are those on the way from one scheme to the other.
        features = [("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]
        named = [{"name": name, "value": value} for name, value in features]
        screen.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": named})
        faults += [f"{name} {scheme} {fault}" for fault in violations(screen, options)]
    check_shape(screen, name, faults)


def violations(screen: Screen, options: dict[str, Any]) -> list[str]:
    if not screen.chrome.execute_script("return 'axe' in window"):
        screen.chrome.execute_script(AXE)
    return list(screen.chrome.execute_async_script(RUN, options))


def check_shape(screen: Screen, name: str, faults: list[str]) -> None:
    """At twice the size and on the narrowest screen; where the focus is; what the browser's log says."""
    for width in (640, 320):
        wide(screen, width)
        root = screen.chrome.find_element(By.TAG_NAME, "html")
        if int(root.get_property("scrollWidth")) > int(root.get_property("clientWidth")):
            faults.append(f"{name} scrolls sideways at {width}")
    wide(screen, 1280)
    screen.chrome.switch_to.active_element.send_keys(Keys.TAB)
    faults += [f"{name} shows no focus at {control}" for control in screen.chrome.execute_script(FOCUS)]
    log = (entry["message"] for entry in screen.complaints())
    faults += [f"{name} {message}" for message in log if not ANSWERS.search(message)]


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
        f"/admin/mfa/users/{key_of(app, ADMIN)}", "/admin/mfa/clients/board", "/admin/mfa/audit?event=policy_changed",
    ):  # fmt: skip
        check(screen, path, faults)
    assert not faults, "\n".join(faults)


DRAFT = {"name": "x", "state": "on", "include": "all", "resources": "app", "action": "require"}
POLICY = """[[policies]]
name = "Night"
state = "report-only"
[policies.conditions]
network = ["10.0.0.0/8"]
[policies.effect]
action = "deny"
"""
# What is sent to each address that takes forms, and answers with a page: right, wrong, and late.
SENT: dict[str, tuple[dict[str, str], ...]] = {
    "test_mail": ({},), "users_sync": ({},), "audit_verify": ({},), "policies_preview": ({},),
    "user_actions": ({"action": "require", "key": "3"}, {"action": "x"}, {"action": "require"}),
    "user_request_confirm": ({"days": "366"}, {}), "user_request_cancel": ({},),
    "user_access_pass": ({"key": "2"},), "user_access_pass_revoke": ({"key": "nobody"},),
    "networks_add": ({"name": "a/b", "entries": "x"},), "network_save": ({"name": "office", "entries": "x", "version": "1"},),
    "network_delete": ({"version": "0"},),
    "policies_add": (
        {**DRAFT, "act": "save", "name": "", "action": "x"}, {**DRAFT, "act": "preview"}, {**DRAFT, "act": "document"},
        {**DRAFT, "act": "add-condition:c", "c.join": "all", "c.add": "schedule"}, {**DRAFT, "action": "deny", "act": "save"},
    ),
    "policy_save": ({**DRAFT, "act": "save", "version": "0"},),
    "policy_state": ({"state": "off", "version": "0"},), "policy_delete": ({"version": "0"},), "policy_restore": ({},),
    "policy_rename": ({"new_name": "new"},), "policy_duplicate": ({"new_name": "office"},),
    "policy_rollback": ({"version": "99"},), "policy_rollback_all": ({"version": "0"},), "policy_undo": ({"version": "0"},),
    "policies_import": ({"document": "x"}, {"document": POLICY, "dry_run": "1"}),
    "simulator_draft": ({"user": "2", "draft": "x"}, {"user": "2", "draft": POLICY}),
    "clients_add": (
        {"client_id": "a b", "redirect_uris": "http://x"}, {"client_id": "shop", "redirect_uris": f"{WIKI}/in", "scope": "email"},
    ),
    "client_save": ({"redirect_uris": "x", "version": ""}, {"redirect_uris": f"{WIKI}/in", "version": "0"}),
    "client_state": ({"state": "x"},), "client_secret_add": ({"overlap": "9y"}, {"overlap": "7d", "secrets": "x"}),
    "client_secret_revoke": ({"secret": "x"},), "client_revoke": ({},), "client_remove": ({"reason": "x" * 10_001},),
    "user_apps_revoke": ({"key": "nobody"},), "user_tokens_revoke": ({"key": "nobody"},),
    "setting_events_test": ({"destination": "nobody"},), "setting_events_retry": ({"destination": "nobody"},),
}  # fmt: skip


def send(screen: Screen, path: str, fields: dict[str, str]) -> None:
    """A form of the page that is open, and its answer."""
    body = screen.chrome.find_element(By.TAG_NAME, "body")
    token = screen.chrome.find_element(By.NAME, "csrf_token").get_property("value")
    screen.chrome.execute_script(SEND, path, list(fields.items()), token)
    WebDriverWait(screen.chrome, 10).until(staleness_of(body))


def console_addresses(app: Flask, values: dict[str, Any]) -> dict[str, str]:
    """Of everything in the console that takes forms, by name."""
    with app.test_request_context():
        found = {}
        for rule in app.url_map.iter_rules():
            if rule.endpoint.startswith(f"{CONSOLE}.") and "POST" in (rule.methods or ()):
                built = rule.build({name: values[name] for name in rule.arguments})
                assert built is not None
                found[rule.endpoint.removeprefix(f"{CONSOLE}.")] = built[1]
        return found


@pytest.mark.parametrize("scripts", [True], indirect=True)
def test_no_answer_to_a_form_of_the_console_breaks_a_rule(screen: Screen, server: tuple[str, Any]) -> None:
    _, app = server
    values, faults = furnish(app), list[str]()
    addresses = console_addresses(app, values)
    assert addresses.keys() == SENT.keys(), "say what is sent"
    screen.sign_in(ADMIN)
    screen.type("code", oathtool(DAVES_KEY))
    screen.press("Verify")
    screen.expect("Hello Ada Admin")
    screen.open("/admin/mfa/users")
    for name, path in addresses.items():
        for fields in SENT[name]:
            send(screen, path, fields)
            told = f"{name} {fields}"
            check_answer(screen, told, faults)
    issue_pass_and_come_late(screen, app, faults)
    assert not faults, "\n".join(faults)


def issue_pass_and_come_late(screen: Screen, app: Flask, faults: list[str]) -> None:
    """The page that shows a pass, and the one that asks for a proof before it acts."""
    screen.open("/admin/mfa/users/3")
    screen.chrome.execute_script("""document.querySelector("form[action$='access-pass']").submit()""")
    screen.expect("it is shown only once")
    check_answer(screen, "pass", faults)
    app.config["MFA_GATE_CLOCK"].ahead += timedelta(minutes=16)
    send(screen, "/admin/mfa/users/sync", {"back": "/admin/mfa/users"})
    screen.expect("Your form was not submitted")
    check_answer(screen, "late", faults)


@pytest.mark.parametrize("scripts", [True], indirect=True)
def test_no_answer_to_a_form_of_the_account_breaks_a_rule(screen: Screen, server: tuple[str, Any]) -> None:
    _, app = server
    faults = list[str]()

    def look(name: str, words: str) -> None:
        screen.expect(words)
        check_answer(screen, name, faults)

    screen.sign_in("bob")
    screen.open("/mfa/enroll/totp")
    key = "".join(screen.texts(".mfa-key code"))
    screen.type("code", "000000")
    screen.press("Confirm")
    look("wrong code", "That code didn't work")
    screen.type("code", oathtool(key))
    screen.press("Confirm")
    look("recovery codes", "recovery codes")
    app.config["MFA_GATE_CLOCK"].ahead += timedelta(minutes=16)
    screen.open("/mfa/")
    with app.app_context(), state_of(app).store.database.read() as tx:
        (factor,) = state_of(app).store.factors.confirmed(tx, key_of(app, "bob"))
    for path, fields in (
        (f"/mfa/factors/{factor.id}/rename", {"name": ""}), (f"/mfa/factors/{factor.id}/remove", {}),
        ("/mfa/recovery-codes", {}), ("/mfa/sessions", {}), ("/mfa/sessions/none/end", {}), ("/mfa/enroll/later", {}),
    ):  # fmt: skip
        send(screen, path, fields)
        check_answer(screen, path, faults)
        screen.open("/mfa/")
    screen.chrome.delete_all_cookies()
    screen.sign_in("bob")
    screen.type("code", "000000")
    screen.press("Verify")
    look("wrong code of a sign-in", "That code didn't work")
    assert not faults, "\n".join(faults)
