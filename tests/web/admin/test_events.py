"""Webhooks and syslog servers in the console."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from flask_mfa_gate.domain.people.roles import Actor
from tests.conftest import JSON, Phone, StillClock, key_of, state_of
from tests.events.kit import HERE, SECRET, hook, rows
from tests.outbound import kit
from tests.outbound.kit import HttpReceiver
from tests.web.admin.kit import ADMIN, AUDITOR, HELPDESK, at_console, send
from tests.web.inspection.kit import found

pytestmark = pytest.mark.pages
TEST, RETRY = "/settings/events/test", "/settings/events/retry"


@pytest.fixture
def portal(make_app: Any, receiver: HttpReceiver) -> Flask:
    app: Flask = make_app(
        MFA_GATE_WEBHOOKS=[hook(receiver.url, events=["mfa_reset"])],
        MFA_GATE_SYSLOG=[{"url": "udp://127.0.0.1:9", "name": "siem", "format": "ocsf", "events": ["mfa_reset"]}],
        MFA_GATE_OUTBOUND_NETWORKS=HERE,
    )
    return app


def reset(app: Flask, name: str) -> None:
    with app.app_context():
        state_of(app).people.enrollments.reset(key_of(app, name), actor=Actor.CLI)


def test_the_settings_page_shows_them_and_no_secret(portal: Flask, receiver: HttpReceiver, phone: Phone) -> None:
    text = at_console(portal, ADMIN, phone).get("/admin/mfa/settings").text
    page = BeautifulSoup(text, "html.parser")
    table = page.find("section", {"aria-label": "Event delivery"}).table.get_text(" ", strip=True)
    for word in ("hook", receiver.url, "1 secret", "1 event type", "OCSF 1.5.0", "udp://127.0.0.1:9", "Never"):
        assert word in table
    assert "/hook" not in text.replace("/hooks", "")
    assert SECRET[6:] not in text


def test_without_any_there_is_nothing_to_show(app: Flask, phone: Phone) -> None:
    browser = at_console(app, ADMIN, phone)
    assert "Event delivery" not in browser.get("/admin/mfa/settings").text
    assert "No destinations" in browser.get("/admin/mfa/settings/events").text


def test_an_admin_sends_a_test_and_sees_it_arrive(portal: Flask, receiver: HttpReceiver, phone: Phone) -> None:
    browser = at_console(portal, ADMIN, phone)
    answer = send(browser, TEST, destination="hook")
    assert answer.status_code == 200
    assert "on its way to hook" in answer.text
    # A server closes the response when it is sent; only then a thread begins.
    answer.close()
    assert receiver.waited_for(1)[0].headers["webhook-id"] == rows(portal)[0].id


@pytest.mark.parametrize("path", [TEST, RETRY])
@pytest.mark.parametrize("name", ["nowhere", "", "a\0b", "\ud800", "x" * 5000])
def test_a_destination_that_is_not_there_is_said_so(portal: Flask, phone: Phone, path: str, name: str) -> None:
    browser = at_console(portal, ADMIN, phone)
    headers = {**JSON, "X-CSRFToken": browser.status()["csrf_token"]}
    answer = browser.client.post(f"/admin/mfa{path}", json={"destination": name}, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("who", [HELPDESK, AUDITOR])
def test_nobody_else_does(portal: Flask, phone: Phone, who: str) -> None:
    browser = at_console(portal, who, phone)
    for path in (TEST, RETRY):
        assert send(browser, path, destination="hook").status_code == 403
    page = browser.get("/admin/mfa/settings/events")
    assert page.status_code == 200
    assert ">Test<" not in page.text
    assert rows(portal) == []


def test_what_failed_is_listed_and_can_be_retried(
    portal: Flask,
    receiver: HttpReceiver,
    phone: Phone,
    clock: StillClock,
) -> None:
    receiver.behave = kit.status(500)
    reset(portal, "dave")
    with portal.app_context():
        state_of(portal).operations.event_delivery.run()
    browser = at_console(portal, ADMIN, phone)
    page = browser.get("/admin/mfa/settings/events")
    for word in ("HTTP 500", "1 attempt", "Multi-factor authentication reset", ">Retry<"):
        assert word in page.text
    listed = browser.get("/admin/mfa/settings/events", headers=JSON).json
    assert [one["problem"] for one in listed["failed"]] == ["HTTP 500"]
    assert {one["name"]: one["waiting"] for one in listed["destinations"]} == {"hook": 1, "siem": 0}
    receiver.behave = kit.status(204)
    answer = send(browser, RETRY, destination="hook")
    assert (answer.status_code, answer.location) == (303, "/admin/mfa/settings/events")
    with portal.app_context():
        state_of(portal).operations.event_delivery.run()
    assert "Nothing failed" in browser.get("/admin/mfa/settings/events").text


def test_what_was_not_tried_yet_has_not_arrived(portal: Flask, phone: Phone) -> None:
    browser = at_console(portal, ADMIN, phone)
    assert "Every event that was sent has arrived." in browser.get("/admin/mfa/settings/events").text
    reset(portal, "dave")
    page = browser.get("/admin/mfa/settings/events").text
    assert ("2 events are waiting to be sent." in page, "has arrived" in page) == (True, False)


def test_the_doctor_knows_of_what_waits_and_what_was_given_up(
    portal: Flask,
    receiver: HttpReceiver,
    clock: StillClock,
) -> None:
    receiver.behave = kit.status(500)
    reset(portal, "dave")
    assert "events-late" not in found(portal)
    clock.forward(hours=3)
    assert found(portal)["events-late"] == "warning"
    clock.forward(days=7)
    with portal.app_context():
        state_of(portal).operations.event_delivery.run()
    told = found(portal)
    assert "events-late" not in told
    assert told["events-given-up"] == "warning"


def test_the_doctor_names_a_webhook_at_a_private_address(make_app: Any, receiver: HttpReceiver) -> None:
    assert "webhook-address" in found(make_app(MFA_GATE_WEBHOOKS=[hook(receiver.url)]))
    allowed = make_app(MFA_GATE_WEBHOOKS=[hook(receiver.url)], MFA_GATE_OUTBOUND_NETWORKS=HERE)
    assert "webhook-address" not in found(allowed)


def test_what_waits_for_a_destination_that_is_gone_is_still_known(
    portal: Flask, make_app: Any, clock: StillClock
) -> None:
    reset(portal, "dave")
    clock.forward(hours=3)
    bare = make_app()
    assert found(bare)["events-late"] == "warning"
    with bare.app_context():
        assert [(one.name, one.destination) for one in state_of(bare).operations.event_delivery.states()] == [
            ("hook", None),
            ("siem", None),
        ]
