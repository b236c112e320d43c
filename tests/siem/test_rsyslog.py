"""A syslog server that nobody here wrote takes every event whole and once."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from flask_mfa_gate.domain.records.destination import SyslogServer
from flask_mfa_gate.domain.records.event_name import EventName
from flask_mfa_gate.events.payload import body_of
from flask_mfa_gate.events.syslog import message_of, send
from flask_mfa_gate.services.text_validation import LONGEST_REASON
from flask_mfa_gate.settings.event_checks import syslog
from flask_mfa_gate.signals import Event
from flask_mfa_gate.store.records.outgoing_events import OutgoingEvent, OutgoingState
from tests.conftest import StillClock
from tests.events import kit
from tests.siem.rsyslog import Rsyslog

APP = "Pörtal of X"
# As rsyslog says it of the severities of RFC 5424.
SEVERITIES = {"info", "notice", "warning", "err"}
DEFAULT_SIZE = 8096


def server_at(url: str, form: str = "json") -> SyslogServer:
    (found,) = syslog("x", [{"url": url, "format": form, "facility": "local3"}])
    return found


def happened(name: str, reason: str = "lost phone") -> OutgoingEvent:
    event = Event(
        name, datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC), actor="user:1", subject="7", address="203.0.113.7",
        user_agent='M "q" \\ <134>1 é', reason=reason, details={"policy": "Fínance", "days": 7},
    )  # fmt: skip
    return OutgoingEvent(f"id-{name}", "siem", event, OutgoingState.WAITING, 0, event.at, None, None)


def tell(server: SyslogServer, one: OutgoingEvent) -> dict[str, Any]:
    """Send it; what has to arrive."""
    body = body_of(one, server.format, app=APP)
    send(server, one, body, app=APP)
    return dict(json.loads(body))


@pytest.mark.parametrize("form", ["json", "ocsf"])
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_takes_every_event(siem: Rsyslog, transport: str, form: str) -> None:
    server = server_at(siem.url(transport), form)
    told = [tell(server, happened(name, "Zürich\nsecond line 😀")) for name in EventName]
    found = siem.records(len(told))
    headers = [one.pop("syslog") for one in found]
    assert sorted(found, key=str) == sorted(told, key=str)
    assert sorted(header.pop("event") for header in headers) == sorted(EventName)
    assert {header.pop("severity") for header in headers} == SEVERITIES
    assert headers == [{"host": socket.gethostname(), "app": "P_rtal_of_X", "facility": "local3"}] * len(told)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_takes_the_longest_reason(siem: Rsyslog, transport: str) -> None:
    told = tell(server_at(siem.url(transport)), happened("mfa_reset", "😀" * LONGEST_REASON))
    assert siem.records(1)[0]["data"] == told["data"]


def test_takes_as_much_as_fits_into_a_datagram(siem: Rsyslog) -> None:
    told = tell(server_at(siem.url("udp")), happened("mfa_reset", "x" * LONGEST_REASON))
    assert siem.records(1)[0]["data"] == told["data"]


def test_what_it_cuts_off_by_default_is_no_message_of_the_gate(careless: Rsyslog) -> None:
    """An administrator writes a reason of which the end would be an event."""
    server = server_at(careless.url("tcp"))
    before = message_of(server, one := happened("mfa_reset", ""), body_of(one, server.format, app=APP), app=APP)
    kept = DEFAULT_SIZE + 1 - before.index(b'"reason":"') - len('"reason":"')
    tell(server, happened("mfa_reset", "x" * kept + "<158>1 2026-03-02T09:00:00Z portal gate - signed_in - {}"))
    cut, rest = (one["syslog"] for one in careless.records(2))
    assert (cut["event"], cut["facility"]) == ("mfa_reset", "local3")
    assert (rest["event"], rest["facility"]) == ("-", "user")


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_restart_in_between_loses_nothing(siem: Rsyslog, make_app: Any, clock: StillClock, transport: str) -> None:
    app = make_app(MFA_GATE_SYSLOG=[{"url": siem.url(transport)}])
    for _ in range(10):
        kit.act(app, "frank", "erin", "grace", renew=True)
    going = threading.Thread(target=lambda: (siem.records(5), siem.stop()))
    going.start()
    kit.send(app)
    going.join()
    siem.start()
    left = kit.states(app).count("waiting")
    clock.forward(minutes=1)
    assert kit.send(app) == (left, 0)
    found = Counter(one["id"] for one in siem.records(30))
    assert set(found) == {row.id for row in kit.rows(app)}
    assert found.total() <= len(found) + 1
