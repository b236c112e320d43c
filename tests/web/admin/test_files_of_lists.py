"""Every list of the console can be taken along: as a file that its page offers, and as JSON."""

from __future__ import annotations

import csv
import io
import re

import pytest
from flask import Flask

from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.web.admin import audit, events, sign_ins
from flask_mfa_gate.web.admin.policies import history, listing, networks
from flask_mfa_gate.web.admin.representation import Table
from flask_mfa_gate.web.admin.users import listing as users
from flask_mfa_gate.web.admin.users import progress
from tests.conftest import JSON, Phone, state_of
from tests.policy_kit import policy, put
from tests.web.admin.kit import ADMIN, at_console, send

pytestmark = pytest.mark.pages
LISTS = {
    "/users": users.TABLE, "/requests": progress.TABLE, "/policies": listing.TABLE, "/networks": networks.TABLE,
    "/policy-history": history.TABLE, "/policies/Finance/history": history.TABLE, "/sign-ins": sign_ins.TABLE,
    "/audit": audit.TABLE,
}  # fmt: skip


@pytest.mark.parametrize(("path", "table"), LISTS.items(), ids=LISTS)
def test_a_list_is_a_page_a_file_and_json(app: Flask, phone: Phone, path: str, table: Table[object]) -> None:
    browser = at_console(app, ADMIN, phone)
    with app.app_context():
        state_of(app).people.users.sync()
        state_of(app).access.policies.save_network(Network("office", ("198.51.100.0/24",)))
    put(app, policy("Finance", on=["payroll"], when={"network": ["office"]}))
    asked = send(browser, "/users/actions", action="remind", scope="all").location
    send(browser, asked.removeprefix("/admin/mfa"))
    page = browser.get(f"/admin/mfa{path}").text
    (offered,) = set(re.findall(r'href="([^"]*format=csv[^"]*)"', page))
    file = browser.get(offered.replace("&amp;", "&"))
    assert (file.status_code, file.mimetype) == (200, "text/csv")
    header, first, *_ = csv.reader(io.StringIO(file.text.removeprefix("\ufeff")))
    assert (tuple(header), len(first)) == (table.columns, len(table.columns))
    assert browser.get(f"/admin/mfa{path}", headers=JSON).json["items"]


def test_the_deliveries_that_failed_are_a_file_too(app: Flask, phone: Phone) -> None:
    file = at_console(app, ADMIN, phone).get("/admin/mfa/settings/events?format=csv")
    assert next(csv.reader(io.StringIO(file.text))) == list(events.TABLE.columns)
