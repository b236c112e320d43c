"""What the doctor tries for itself: secrets, tables, the log, the mail server, people, settings, policies."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from flask import Flask
from flask_mail import Mail
from sqlalchemy import text

from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.web.inspection import doctor
from tests.conftest import StillClock, state_of
from tests.policy_kit import policy
from tests.web.inspection.kit import Make, finding, found, sentence
from tests.web.inspection.test_doctor import ByNumberForGood

OLD, NEW = "ZGVtbyBrZXkgb2YgdGhlIGV4YW1wbGUgcG9ydGFsISE=", "b3RoZXIga2V5IG9mIHRoZSBleGFtcGxlIHBvcnRhbCE="


# Secrets


def test_factors_that_no_key_opens_are_an_error(make_app: Any) -> None:
    before = make_app(MFA_GATE_KEYS=[OLD])
    where = {
        name: before.config[name]
        for name in ("MFA_GATE_DATABASE_URI", "SQLALCHEMY_DATABASE_URI")
        if name in before.config
    }
    assert found(before) == {}
    assert found(make_app(**where, MFA_GATE_KEYS=[NEW, OLD])) == {}
    after = make_app(**where, MFA_GATE_KEYS=[NEW])
    assert found(after)["unreadable-secrets"] == "error"
    assert "1 stored secret can't be opened" in sentence(after, "unreadable-secrets")
    assert "flask mfa reset" in finding(after, "unreadable-secrets").fix


# Tables


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("DROP TABLE mfa_gate_audit", "The table mfa_gate_audit is missing."),
        ("DROP TABLE mfa_gate_person_group", "The table mfa_gate_person_group is missing."),
        ("ALTER TABLE mfa_gate_mark DROP COLUMN value", "The table mfa_gate_mark lacks value."),
    ],
)
def test_a_table_that_is_gone_or_lacks_a_column_is_an_error(app: Flask, broken: str, said: str) -> None:
    with state_of(app).store.database.write() as tx:
        tx.execute(text(broken))
    assert found(app) == {"damaged-tables": "error"}, "and the checks that need tables don't each fail on it"
    assert sentence(app, "damaged-tables") == said


# The log


@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM mfa_gate_audit",
        "DELETE FROM mfa_gate_audit WHERE number = 1",
        "UPDATE mfa_gate_audit SET reason = 'x' WHERE number = 2",
        "DELETE FROM mfa_gate_mark WHERE name = 'audit-head'",
        "UPDATE mfa_gate_audit SET number = NULL",
    ],
)
def test_a_log_that_does_not_lead_up_to_its_head_is_an_error(app: Flask, loss: str) -> None:
    with app.app_context():
        for key in ("1", "6"):
            state_of(app).people.enrollments.require(key, days=7)
        state_of(app).gate.run_due()
    assert found(app) == {}
    with state_of(app).store.database.write() as tx:
        tx.execute(text(loss))
    assert found(app) == {"audit-chain": "error"}


# Mail


@pytest.fixture
def mail_server() -> Any:
    controller = Controller(Sink(), hostname="127.0.0.1", port=0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        controller.port = free.getsockname()[1]
    controller.start()
    yield controller.port
    controller.stop()


def mailing(make: Make, **config: Any) -> Flask:
    app = make(MAIL_SERVER="127.0.0.1", **{"MAIL_DEFAULT_SENDER": "gate@example.org", **config})
    Mail(app)
    return app


def test_a_mail_server_that_answers_is_well(make: Make, mail_server: int) -> None:
    assert found(mailing(make, MAIL_PORT=mail_server)) == {"key-file": "warning"}


def test_a_mail_server_that_is_not_there_is_an_error(make: Make) -> None:
    app = mailing(make, MAIL_PORT=1)
    assert found(app)["mail-server"] == "error"
    assert "MAIL_SERVER" in finding(app, "mail-server").fix
    with app.test_request_context():
        asked = [one.code for one in doctor.findings(app, state_of(app))]
    assert "mail-server" not in asked, "a request never waits for it"


def test_a_mail_server_that_does_not_know_the_app_is_an_error(make: Make, mail_server: int) -> None:
    app = mailing(make, MAIL_PORT=mail_server, MAIL_USERNAME="gate", MAIL_PASSWORD="hunter2")
    assert found(app)["mail-server"] == "error"
    assert "hunter2" not in sentence(app, "mail-server")


def test_mail_that_is_suppressed_needs_no_server(make: Make) -> None:
    assert "mail-server" not in found(mailing(make, MAIL_PORT=1, MAIL_SUPPRESS_SEND=True))


def test_mail_without_a_sender_is_an_error(make: Make) -> None:
    app = mailing(make, MAIL_SUPPRESS_SEND=True, MAIL_DEFAULT_SENDER=None)
    assert found(app)["no-sender"] == "error"
    assert "no-sender" not in found(
        mailing(make, MAIL_SUPPRESS_SEND=True, MAIL_DEFAULT_SENDER=None, MFA_GATE_MAIL_SENDER="gate@example.org")
    )


# People


def test_a_break_glass_account_that_nobody_has_is_told_from_one_without_a_factor(make_app: Any) -> None:
    app = make_app(MFA_GATE_BREAK_GLASS=["4", "6", "nobody"])
    assert {code: level for code, level in found(app).items() if code.startswith("break-glass")} == {
        "break-glass": "error", "break-glass-unknown": "error",
    }  # fmt: skip
    assert "'nobody'" in sentence(app, "break-glass-unknown")
    assert "'6'" in sentence(app, "break-glass")


def test_a_model_without_its_database_is_a_warning(make: Make) -> None:
    assert found(make({"user_model": ByNumberForGood}))["model-without-db"] == "warning"


def test_keys_that_are_required_and_never_signed_in_are_named(make: Make, clock: StillClock) -> None:
    app, state = (made := make()), state_of(made)
    with app.app_context():
        state.people.enrollments.require("alice", days=7)
        with state.store.database.write() as tx:
            state.store.people.note_sign_in(tx, Person("bob"), now=clock())
        state.people.enrollments.require("bob", days=7)
    assert found(app) == {"key-file": "warning", "required-never-met": "warning"}
    assert "MFA is required of 'alice', and" in sentence(app, "required-never-met")
    with app.app_context():
        for number in range(6):
            state.people.enrollments.require(f"b{number}", days=7)
    assert "'b3' and others, and" in sentence(app, "required-never-met")


def test_addresses_for_keys_are_a_warning(make: Make, clock: StillClock) -> None:
    app = make()
    with state_of(app).store.database.write() as tx:
        state_of(app).store.people.write(tx, [Person("n@example.org", email="n@example.org"), Person("")], now=clock())
    assert found(app)["email-as-key"] == "warning"
    assert "email-as-key" not in found(make({"user_key": lambda user: user.email}))


# Settings


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"MFA_GATE_FACTORS": ["totp", "webauthn"]}, "'webauthn'"),
        ({"MFA_GATE_FACTORS": ["webauthn"], "MFA_GATE_PERIOD_SATISFIED_BY": ["webauthn"]}, "'webauthn'"),
    ],
)
def test_a_factor_that_nobody_can_set_up_is_an_error(make: Make, config: Any, said: str) -> None:
    app = make(**config)
    assert found(app) == {"key-file": "warning", "factor-without-page": "error"}
    assert said in sentence(app, "factor-without-page")
    pages = {f"/second/enroll/{kind}" for kind in ("totp",)}
    app = make(MFA_GATE_URL_PREFIX="/second")
    assert pages <= {rule.rule for rule in app.url_map.iter_rules()}
    assert "factor-without-page" not in found(app)


def test_a_default_for_a_resource_that_no_view_opens_is_an_error_with_the_nearest(make: Make) -> None:
    def app_with(*names: str) -> Flask:
        app = make(MFA_GATE_DEFAULT_ACCESS={"app": "require", "client:wiki": "require", **dict.fromkeys(names, "deny")})
        app.add_url_rule("/payroll", "payroll", state_of(app).gate.resource("payroll")(lambda: "pay"))
        return app

    assert "unknown-resource" not in found(app_with("payroll"))
    app = app_with("payrol")
    assert found(app)["unknown-resource"] == "error"
    assert (sentence(app, "unknown-resource"), finding(app, "unknown-resource").fix) == (
        "MFA_GATE_DEFAULT_ACCESS names the resource 'payrol', which no view is marked with.",
        "Write 'payroll' there.",
    )
    assert finding(app_with("zoo"), "unknown-resource").fix == "Mark a view with @gate.resource('zoo')."


def test_a_name_that_means_nothing_to_users_is_a_warning(make: Make) -> None:
    app = make()
    app.name = "shop.wsgi"
    assert found(app)["no-issuer"] == "warning"
    app = make(MFA_GATE_ISSUER="Shop")
    app.name = "shop.wsgi"
    assert "no-issuer" not in found(app)


def test_a_database_inside_the_virtual_environment_is_an_error(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = make()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    assert found(app)["file-in-environment"] == "error"
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    assert "file-in-environment" not in found(app)


# Policies


def test_what_lint_says_of_policies_in_force_is_found(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        state = state_of(app)
        monkeypatch.setattr(state.access.linter, "require_no_new_errors", lambda *_: None)
        state.access.policies._check = lambda *_: None  # the same, where it was handed over
        state.access.policies.save(policy("far", "deny", when={"country": ["AQ"]}))
    (error,) = [one for one in app_findings(app) if one.level == "error"]
    assert (error.code, error.fix) == ("policy", "flask mfa policies check")
    assert "'far'" in error.sentence
    assert "(fact-missing)" in error.sentence


def app_findings(app: Flask) -> Any:
    with app.app_context():
        return doctor.findings(app, state_of(app))
