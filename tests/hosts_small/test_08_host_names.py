"""Apps that route by host name or subdomain: the gate's pages answer under the name that was asked, and stay there."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_login import login_required, login_user

from flask_mfa_gate import ConfigError, MFAGate
from flask_mfa_gate.web.responses.files import files_version
from tests.conftest import JSON
from tests.hosts_small.kit import Host, User


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
    style = f"/mfa/static/v-{files_version()}/pages.css"
    with client.get(style, **at) as answer:
        assert answer.status_code == 200
    assert f'href="{prefix}{style}"' in page.text
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


def over_subdomains(**config: Any) -> Host:
    """One app under several names, whose session goes over all of them."""
    host = host_named({}, {}, SESSION_COOKIE_DOMAIN="example.com", **config)
    host.enroll()
    return host


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_who_has_proved_at_one_subdomain_is_in_at_the_other(scheme: str) -> None:
    host = over_subdomains()
    client, one, other = (
        host.client(),
        {"base_url": f"{scheme}://a.example.com"},
        {"base_url": f"{scheme}://b.example.com"},
    )
    assert client.post("/login", **one).location == "/mfa/challenge"
    assert client.get("/", **other).location == "/mfa/challenge", "a pending sign-in is pending everywhere"
    assert host.pass_challenge(client, **one).status_code == 303
    assert [client.get("/", **at).text for at in (one, other)] == ["home", "home"]
    assert client.get("/", base_url=f"{scheme}://example.com").text == "home"
    token = client.get("/mfa/status", **other).json["csrf_token"]  # type: ignore[index]
    client.post("/mfa/sign-out", data={"csrf_token": token}, **other)
    assert [client.get("/", **at).status_code for at in (one, other)] == [401, 401]


def test_the_cookie_says_how_far_it_goes() -> None:
    host = over_subdomains(REMEMBER_COOKIE_DOMAIN="example.com")
    host.app.add_url_rule(
        "/remembered", "remembered", lambda: str(login_user(User("2"), remember=True)), methods=["POST"]
    )
    answer = host.client().post("/remembered", base_url="https://a.example.com")
    own = [text for text in answer.headers.getlist("Set-Cookie") if "mfa_gate" in text]
    assert [text.partition("=")[0] for text in own] == ["__Secure-mfa_gate_remember", "__Secure-mfa_gate"]
    for text in own:
        assert {"Domain=example.com", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(text.split("; "))


def test_no_cookie_of_one_name_stands_in_front_of_that_of_the_domain() -> None:
    """The setting came later, and a browser still has an id from before."""
    host = over_subdomains()
    client, at = host.client(), {"base_url": "http://a.example.com"}
    client.set_cookie("mfa_gate", "from-before", domain="a.example.com")
    client.get("/", **at)
    client.post("/login", **at)
    assert host.pass_challenge(client, **at).status_code == 303
    assert client.get("/", **at).text == "home"


@pytest.mark.parametrize("name", ["__Host-mfa_gate", "mfa_gate"])
def test_over_tls_only_the_guarded_name_counts_there_too(name: str) -> None:
    host = over_subdomains()
    client, at = host.client(), {"base_url": "https://a.example.com"}
    client.post("/login", **at)
    host.pass_challenge(client, **at)
    found = client.get_cookie("__Secure-mfa_gate", domain="example.com")
    assert found is not None
    client.delete_cookie("__Secure-mfa_gate", domain="example.com")
    client.set_cookie(name, found.value, domain="a.example.com")
    assert "home" not in client.get("/", **at).text


def test_where_only_the_remember_cookie_goes_over_subdomains_each_asks_for_the_factor() -> None:
    host = host_named({}, {}, REMEMBER_COOKIE_DOMAIN="example.com")
    host.enroll()
    host.app.add_url_rule(
        "/remembered", "remembered", lambda: str(login_user(User("1"), remember=True)), methods=["POST"]
    )
    client, one, other = host.client(), {"base_url": "https://a.example.com"}, {"base_url": "https://b.example.com"}
    client.post("/remembered", **one)
    assert host.pass_challenge(client, **one).status_code == 303
    assert client.get("/", **other).location == "/mfa/challenge"
    assert host.pass_challenge(client, **other).status_code == 303
    assert [client.get("/", **at).text for at in (one, other)] == ["home", "home"]
