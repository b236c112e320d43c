"""Destinations are read once, at the start, and a fault is told with its key and without its secrets."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from flask_mfa_gate.domain.records.destination import EventFormat, Transport
from flask_mfa_gate.errors import ConfigError
from flask_mfa_gate.settings import Settings
from tests.events.kit import SECRET

URL = "https://hooks.example.org/in/very-secret"
HOOK = {"url": URL, "secrets": [SECRET]}
SIEM = {"url": "tls://siem.example.org"}


def read(webhooks: Any = (), syslog: Any = ()) -> Settings:
    return Settings.from_mapping({"MFA_GATE_WEBHOOKS": webhooks, "MFA_GATE_SYSLOG": syslog})


def test_what_is_left_out_has_its_default() -> None:
    (webhook,), (server,) = read([HOOK], [SIEM]).webhooks, read([HOOK], [SIEM]).syslog
    assert (webhook.name, webhook.format, webhook.events) == ("hooks.example.org", EventFormat.JSON, frozenset())
    assert (webhook.target, len(webhook.secrets[0])) == ("https://hooks.example.org", 24)
    assert (server.name, server.transport, server.port, server.facility) == (
        "siem.example.org",
        Transport.TLS,
        6514,
        10,
    )


@pytest.mark.parametrize(
    ("url", "transport", "host", "port"),
    [
        ("udp://10.0.0.5", "udp", "10.0.0.5", 514),
        ("tcp://siem:1514", "tcp", "siem", 1514),
        ("tls://[2001:db8::1]:6515", "tls", "2001:db8::1", 6515),
    ],
)
def test_addresses_of_syslog_servers(url: str, transport: str, host: str, port: int) -> None:
    (found,) = read(syslog=[{"url": url}]).syslog
    assert (found.transport, found.host, found.port) == (transport, host, port)
    assert found.target.startswith(f"{transport}://")


def key_of_fault(**settings: Any) -> str:
    with pytest.raises(ConfigError) as fault:
        read(**settings)
    assert "very-secret" not in str(fault.value)
    assert SECRET[8:] not in str(fault.value)
    return fault.value.key


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"url": "http://hooks.example.org/in/very-secret"}, "['url']"),
        ({"url": "https://user:very-secret@hooks.example.org/"}, "['url']"),
        ({"url": "https://hooks.example.org/very-secret#x"}, "['url']"),
        ({"url": "https:///very-secret"}, "['url']"),
        ({"url": "https://hooks..example.org/very-secret"}, "['url']"),
        ({"url": f"https://{'x' * 64}.example.org/very-secret"}, "['url']"),
        ({"url": "https://hooks.example.org:99999/very-secret"}, "['url']"),
        ({"url": "https://hooks.example.org/very-secret\r\nX-Evil: 1"}, "['url']"),
        ({"url": None}, "['url']"),
        ({"secrets": []}, "['secrets']"),
        ({"secrets": SECRET}, "['secrets']"),
        ({"secrets": [SECRET.removeprefix("whsec_")]}, "['secrets'][0]"),
        ({"secrets": [SECRET, "whsec_" + b64encode(b"short").decode()]}, "['secrets'][1]"),
        ({"secrets": ["whsec_" + b64encode(b"x" * 65).decode()]}, "['secrets'][0]"),
        ({"secrets": ["whsec_not base64 at all"]}, "['secrets'][0]"),
        ({"events": ["signed_on"]}, "['events']"),
        ({"events": "signed_in"}, "['events']"),
        ({"format": "xml"}, "['format']"),
        ({"name": ""}, "['name']"),
        ({"name": "x" * 65}, "['name']"),
        ({"retries": 9}, ""),
    ],
)
def test_a_fault_of_a_webhook_names_its_place(change: dict[str, Any], at: str) -> None:
    assert key_of_fault(webhooks=[{**HOOK, **change}]) == f"MFA_GATE_WEBHOOKS[0]{at}"


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"url": "syslog://siem"}, "['url']"),
        ({"url": "udp://"}, "['url']"),
        ({"url": "tcp://siem/path"}, "['url']"),
        ({"facility": "kernel"}, "['facility']"),
        ({"secrets": [SECRET]}, ""),
    ],
)
def test_a_fault_of_a_syslog_server_names_its_place(change: dict[str, Any], at: str) -> None:
    assert key_of_fault(syslog=[{**SIEM, **change}]) == f"MFA_GATE_SYSLOG[0]{at}"


def test_two_need_names_of_their_own() -> None:
    assert key_of_fault(webhooks=[HOOK, HOOK]) == "MFA_GATE_WEBHOOKS[0]"
    assert key_of_fault(webhooks=[{**HOOK, "name": "one"}], syslog=[{**SIEM, "name": "one"}]) == "MFA_GATE_WEBHOOKS[0]"
    assert len(read([HOOK, {**HOOK, "name": "second"}]).destinations) == 2


@pytest.mark.parametrize("value", ["x", [URL], {"url": URL}, 7])
def test_no_list_of_mappings(value: Any) -> None:
    assert key_of_fault(webhooks=value) == "MFA_GATE_WEBHOOKS"


def test_a_word_that_is_nearly_right_is_told_the_right_one() -> None:
    with pytest.raises(ConfigError, match="Did you mean signed_in"):
        read([{**HOOK, "events": ["sign_in"]}])


def test_no_secret_is_in_a_representation() -> None:
    said = repr(read([HOOK], [SIEM]))
    assert "very-secret" not in said
    assert "secrets" not in said
