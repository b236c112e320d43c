"""Apps that route by host name or subdomain: the gate's pages answer under the name that was asked, and stay there."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_login import login_required, login_user

from flask_mfa_gate import ConfigError, MFAGate
from tests.conftest import JSON

from .kit import Host, User


def host_named(where: dict[str, Any], rule: dict[str, str], **config: Any) -> Host:
    """A host whose views are under names of its own."""
    host = Host()
    settings = host.app.config
    host.app = Flask("named", **where)
    host.app.config.update({**settings, **config})
    host.gate = MFAGate()
    host.with_login_manager()
    host.app.add_url_rule("/login", "login", lambda **_: str(login_user(User("1"))), methods=["POST"], **rule)
    host.app.add_url_rule("/", "home", login_required(lambda **_: "home"), **rule)
    host.gate.init_app(host.app)
    host.gate.check(host.app)
    return host


BY_HOST = ({"host_matching": True, "static_host": "a.example"}, {"host": "a.example"}, {}, "http://a.example")
BY_PORT = ({"host_matching": True, "static_host": "a.example"}, {"host": "a.example:81"}, {}, "http://a.example:81")
BY_ANY = ({"host_matching": True, "static_host": "a.example"}, {"host": "<name>"}, {}, "https://b.example")
BY_SUBDOMAIN = (
    {"subdomain_matching": True}, {"subdomain": "<tenant>"}, {"SERVER_NAME": "example.com:5000"},
    "http://t1.example.com:5000",
)  # fmt: skip
AT_TOP = ({"subdomain_matching": True}, {}, {"SERVER_NAME": "example.com"}, "http://example.com")
NAMED = ({}, {}, {"SERVER_NAME": "example.com:81"}, "http://example.com:81")
BELOW = ({}, {}, {"APPLICATION_ROOT": "/app"}, "http://example.com/app")
HOSTS = pytest.mark.parametrize(
    ("where", "rule", "config", "base"),
    [BY_HOST, BY_PORT, BY_ANY, BY_SUBDOMAIN, AT_TOP, NAMED, BELOW],
    ids=["host", "port", "any-host", "subdomain", "top", "server-name", "below"],
)


@HOSTS
def test_the_whole_road_stays_under_one_name(where: Any, rule: Any, config: Any, base: str) -> None:
    host = host_named(where, rule, **config)
    host.enroll()
    root = base.partition("://")[2].partition("/")[2]
    prefix = f"/{root}" if root else ""
    client, at = host.client(), {"base_url": base}
    assert client.post("/login", **at).location == f"{prefix}/mfa/challenge"
    page = client.get("/mfa/challenge", **at)
    assert page.status_code == 200
    assert f'action="{prefix}/mfa/challenge?factor=totp"' in page.text
    with client.get("/mfa/static/pages.css", **at) as style:
        assert style.status_code == 200
    assert f'href="{prefix}/mfa/static/pages.css"' in page.text
    assert client.get("/", headers=JSON, **at).json["continue_url"] == f"{prefix}/mfa/challenge"  # type: ignore[index]
    assert host.pass_challenge(client, **at).location == f"{prefix}/"
    assert client.get("/", **at).text == "home"
    assert client.get("/mfa/", **at).status_code == 200
    factor = client.get("/mfa/", headers=JSON, **at).json["factors"][0]["id"]  # type: ignore[index]
    assert client.get(f"/mfa/factors/{factor}/remove", **at).status_code in {200, 303, 404, 405}
    assert client.get("/mfa/static/missing", **at).status_code == 404


@pytest.mark.parametrize(
    ("where", "rule", "config"),
    [
        ({"host_matching": True, "static_host": "a.example"}, {"host": "a.example"}, {}),
        ({"subdomain_matching": True}, {"subdomain": "www"}, {"SERVER_NAME": "example.com"}),
    ],
)
def test_a_route_of_one_name_that_covers_the_gates_pages_stops_the_start(where: Any, rule: Any, config: Any) -> None:
    """Werkzeug tries rules of that name first, so a catch-all there would answer for the challenge."""
    host = host_named(where, rule, **config)
    host.app.add_url_rule("/<path:rest>", "spa", lambda rest: rest, **rule)
    with pytest.raises(ConfigError, match="MFA_GATE_URL_PREFIX is taken by spa"):
        host.gate.check(host.app)


def add_to_each(_endpoint: str, values: dict[str, Any]) -> None:
    values["spoken"] = "en"


def fail(_endpoint: str, _values: dict[str, Any]) -> None:
    raise RuntimeError("no tenant")


@pytest.mark.parametrize("defaults", [add_to_each, fail])
def test_what_the_host_does_to_its_addresses_is_nothing_to_the_pages_of_the_gate(defaults: Any) -> None:
    host = host_named({}, {})
    host.enroll()
    host.app.url_defaults(defaults)
    client = host.client()
    assert client.post("/login").location == "/mfa/challenge"
    page = client.get("/mfa/challenge")
    assert (page.status_code, "spoken" in page.text) == (200, False)
    assert host.pass_challenge(client).status_code == 303
    assert client.get("/mfa/").status_code == 200
    assert client.get("/mfa/enroll/totp").status_code == 200
