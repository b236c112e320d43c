"""The description names every address that speaks JSON and no other, and what each answers is what it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema
import pytest
from flask import Flask

from flask_mfa_gate.web.endpoints import is_own
from flask_mfa_gate.web.openapi.document import FOR_PEOPLE, all_operations, described_routes, openapi
from tests.conftest import JSON, Browser, Phone, key_of, state_of
from tests.oidc_kit import PROVIDER, tokens_of
from tests.web.admin.kit import ADMIN, at_console

pytestmark = pytest.mark.pages
POLICY = {"name": "fresh", "state": "off", "resources": ["payroll"], "effect": {"action": "require", "max_age": 900}}
CLIENT = {"client_id": "notes", "client_name": "Notes", "redirect_uris": ["https://notes.example.org/"]}
NETWORK = {"name": "office", "entries": ["10.20.0.0/16"]}
# Nobody listens there, and nothing is sent to it but the test.
SIEM = {"url": "udp://127.0.0.1:9", "name": "siem", "events": ["mfa_reset"]}
# What has to be sent so that something is done; everything else takes an empty object.
BODIES: dict[str, dict[str, Any]] = {
    "user_actions": {"action": "extend", "keys": ["2"], "days": 3},
    "user_access_pass": {"key": "2", "reason": "lost", "lifetime": "1h"},
    "user_access_pass_revoke": {"key": "2"},
    "user_apps_revoke": {"key": "2"},
    "user_tokens_revoke": {"key": "2"},
    "clients_add": {**CLIENT, "client_id": "other"},
    "client_save": {"client_name": "Notes and more"},
    "client_state": {"state": "disabled"},
    "policies_add": {**POLICY, "name": "another"},
    "policies_preview": POLICY,
    "policies_import": {"version": 1, "policies": [POLICY], "networks": [NETWORK], "merge": True},
    "policy_save": {**POLICY, "description": "changed"},
    "policy_state": {"state": "on"},
    "policy_rename": {"new_name": "renamed"},
    "policy_duplicate": {"new_name": "copy"},
    "policy_rollback": {"version": 2},
    "networks_add": {**NETWORK, "name": "home"},
    "network_save": {"entries": ["10.30.0.0/16"]},
    "simulator_draft": {"user": "2", "resource": "payroll"},
    "factor_rename": {"name": "Phone"},
    "setting_events_test": {"destination": "siem"},
    "setting_events_retry": {"destination": "siem"},
}
# One at a time: what they are about is made before each.
REFUSED = {
    "challenge", "enroll_totp", "factor_remove", "factor_delete", "session_end", "app_disconnect",     "user_request_cancel", "api_token_revoke", "client_secret_revoke", "policy_restore", "network_delete", "userinfo", "token", "introspect", "revoke",
}  # fmt: skip
ENDS_THE_SESSION = ("sign_out", "cancel")


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**PROVIDER, MFA_GATE_SYSLOG=[SIEM])


@pytest.fixture
def described(app: Flask) -> dict[str, Any]:
    with app.test_request_context():
        return openapi(app, state_of(app))


def test_every_route_that_speaks_json_is_described_and_nothing_else(app: Flask) -> None:
    there = {f"{method} {rule.endpoint}" for rule, method in described_routes(app)}
    assert there == set(all_operations())
    own = {rule.endpoint for rule in app.url_map.iter_rules() if is_own(rule.endpoint)}
    assert own >= FOR_PEOPLE
    assert own - FOR_PEOPLE == {key.partition(" ")[2] for key in there}


def test_what_is_for_people_gives_programs_no_json(app: Flask, phone: Phone) -> None:
    browser = at_console(app, ADMIN, phone)
    for name in FOR_PEOPLE:
        rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == name)
        if rule.endpoint.startswith("mfa_gate_admin.") and not rule.arguments:
            assert browser.get(rule.rule, headers=JSON).mimetype == "text/html", name


def test_each_operation_says_what_it_does(described: dict[str, Any]) -> None:
    for path, method, operation in operations(described):
        assert operation["summary"].endswith((".", "?")), (path, method)
        names = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert names == {part.strip("{}") for part in path.split("/") if part.startswith("{")}


def operations(described: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def name_of(operation: Mapping[str, Any]) -> str:
    return str(operation["operationId"].split(".")[1])


def made(app: Flask, browser: Browser) -> dict[str, str]:
    """Something of everything that an address can name."""
    state = state_of(app)
    with app.app_context():
        policies, clients = state.access.policies, state.oidc.clients  # type: ignore[union-attr]
        policies.import_(
            json.dumps({"version": 1, "policies": [POLICY], "networks": [NETWORK]}), actor="cli", dry_run=False
        )
        if all(one.client_id != "notes" for one in clients.list()):
            clients.add(CLIENT, actor="cli")
    asked = browser.client.post(
        "/admin/mfa/users/actions", data={"csrf_token": browser.token(), "action": "remind", "keys": "2"}
    )
    factor = browser.get("/mfa/", headers=JSON).json["factors"][0]["id"]  # type: ignore[index]
    return {
        "key": "2", "name": "fresh", "client_id": "notes", "version": str(policies.version()), "factor_id": factor,
        "token_id": "none", "request_id": asked.headers["Location"].rsplit("/")[-1].partition("?")[0], "lineage": "none",
    }  # fmt: skip


def test_what_is_answered_is_what_is_described(app: Flask, phone: Phone, described: dict[str, Any]) -> None:
    browser, done = at_console(app, ADMIN, phone), set()
    token = browser.token()
    ordered = sorted(operations(described), key=lambda one: name_of(one[2]).endswith(ENDS_THE_SESSION))
    for path, method, operation in ordered:
        name, there = name_of(operation), made(app, browser) if "{" in path else {"name": "fresh"}
        there = {**there, "name": "office"} if "/networks" in path else there
        # The factor by which everything else is asked stays.
        there = {**there, "factor_id": "none"} if method != "get" and name != "factor_rename" else there
        body = BODIES.get(name, {}) if method != "get" else None
        answer = browser.client.open(
            path.format(**there), method=method.upper(), json=body, query_string={"key": "2"} if name == "user_by_key" else None,
            headers={"X-CSRFToken": token, **JSON},
        )  # fmt: skip
        assert answer.status_code < 300 or name in REFUSED or name in ENDS_THE_SESSION, (
            name,
            answer.status_code,
            answer.text,
        )
        assert not 300 <= answer.status_code < 400, (name, answer.headers["Location"])
        validate(described, operation, answer)
        done |= {name} if answer.status_code < 300 else set()
    assert len(done) > 60


def test_what_tokens_get_is_what_is_described(app: Flask, described: dict[str, Any]) -> None:
    browser = Browser(app)
    browser.sign_in("frank")
    tokens = tokens_of(app, browser)
    schema = described["paths"]["/mfa/oidc/token"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(tokens, schema)
    client = app.test_client()
    answer = client.get("/mfa/oidc/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert answer.status_code == 200
    validate(described, described["paths"]["/mfa/oidc/userinfo"]["get"], answer)
    assert key_of(app, "frank") == (answer.json or {})["sub"]
    apps = browser.get("/mfa/apps", headers=JSON)
    assert len((apps.json or {})["apps"]) == 1
    validate(described, described["paths"]["/mfa/apps"]["get"], apps)


def validate(described: Mapping[str, Any], operation: Mapping[str, Any], answer: Any) -> None:
    status = str(answer.status_code)
    told = operation["responses"].get(status) or operation["responses"][f"{status[0]}XX"]
    schema = told["content"][answer.mimetype]["schema"]
    whole = {**schema, "components": described["components"]}
    jsonschema.Draft202012Validator(whole).validate(answer.json)


def test_only_the_console_shows_it(app: Flask, phone: Phone) -> None:
    assert app.test_client().get("/admin/mfa/openapi.json", headers=JSON).status_code == 401
    browser = Browser(app)
    browser.sign_in("frank")
    assert browser.get("/admin/mfa/openapi.json", headers=JSON).status_code == 403
    told = at_console(app, "hugo", phone).get("/admin/mfa/openapi.json")
    assert (told.status_code, told.mimetype, (told.json or {})["openapi"]) == (200, "application/json", "3.1.0")


def test_the_command_prints_the_same(app: Flask, described: dict[str, Any]) -> None:
    answer = app.test_cli_runner().invoke(args=["mfa", "openapi"])
    assert (answer.exit_code, json.loads(answer.output)) == (0, described)
