"""Every event in OCSF's words, looked at by models that were made from OCSF's own schema."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ocsf_emitter import _models as models  # the classes of the schema
from ocsf_emitter import validate

from flask_mfa_gate.domain.records.event_name import EventName
from flask_mfa_gate.events.ocsf import OcsfClass, as_ocsf, meaning_of
from flask_mfa_gate.signals import Event
from flask_mfa_gate.store.records.outgoing_events import OutgoingEvent, OutgoingState

AT = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)
CLASSES: dict[int, Any] = {
    OcsfClass.ACCOUNT_CHANGE: models.AccountChange,
    OcsfClass.AUTHENTICATION: models.Authentication,
    OcsfClass.ENTITY_MANAGEMENT: models.EntityManagement,
}
DETAILS = {"policy": "Finance", "reason_id": "policy:Finance", "days": 7, "words": ["a", "b"]}


def said(name: str, **facts: Any) -> dict[str, Any]:
    event = Event(name, AT, **{"actor": "user:1", "subject": "7", "details": DETAILS, **facts})
    one = OutgoingEvent("msg-1", "siem", event, OutgoingState.WAITING, 0, AT, None, None)
    return as_ocsf(one, app="Portal")


def strange(model: Any, path: str = "") -> list[str]:
    """Words that the schema does not have."""
    found = [f"{path}{word}" for word in (model.model_extra or {}) if not path.startswith("unmapped")]
    for name in type(model).model_fields:
        value = getattr(model, name)
        if hasattr(value, "model_extra"):
            found += strange(value, f"{path}{name}.")
    return found


@pytest.mark.parametrize("actor", ["user:1", "cli", "system"])
@pytest.mark.parametrize("seen", [{}, {"address": "203.0.113.7", "user_agent": "Firefox", "reason": "lost phone"}])
@pytest.mark.parametrize("name", [*EventName, "of_a_newer_release"])
def test_is_what_the_schema_says(name: str, seen: dict[str, Any], actor: str) -> None:
    found = said(name, actor=actor, **seen)
    model = CLASSES[found["class_uid"]].model_validate(found)
    validate(model)
    assert strange(model) == []
    assert found["metadata"]["version"] == "1.5.0"
    assert found["time"] == 1772442000250
    if meaning_of(name).kind is OcsfClass.AUTHENTICATION:
        assert "service" in found, "OCSF wants a service or a destination of an authentication"


@pytest.mark.parametrize(
    ("name", "type_uid", "status", "severity"),
    [
        ("signed_in", 300201, 1, 1),
        ("signed_out", 300202, 1, 1),
        ("challenge_failed", 300201, 2, 2),
        ("access_denied", 300201, 2, 2),
        ("break_glass_used", 300201, 1, 4),
        ("factor_added", 300110, 1, 1),
        ("factor_removed", 300111, 1, 2),
        ("mfa_reset", 300111, 1, 3),
        ("account_unlocked", 300112, 1, 2),
        ("user_deleted", 300106, 1, 1),
        ("enrollment_started", 300199, 1, 1),
        ("policy_changed", 300403, 1, 3),
        ("list_exported", 300402, 1, 2),
    ],
)
def test_kinds(name: str, type_uid: int, status: int, severity: int) -> None:
    found = said(name)
    assert (found["type_uid"], found["status_id"], found["severity_id"]) == (type_uid, status, severity)


def test_who_what_and_from_where() -> None:
    found = said("challenge_failed", address="203.0.113.7", user_agent="Firefox")
    assert found["user"] == {"uid": "7"}
    assert found["actor"] == {"app_name": "Portal", "user": {"uid": "1"}}
    assert found["src_endpoint"] == {"ip": "203.0.113.7"}
    assert found["http_request"] == {"user_agent": "Firefox"}
    assert found["is_mfa"] is True
    assert found["unmapped"] == DETAILS
    assert found["metadata"]["uid"] == "msg-1"


def test_what_was_managed_and_why() -> None:
    found = said("policy_changed", reason="new office", subject="")
    assert found["entity"] == {"type": "policy", "name": "Finance"}
    assert found["comment"] == "new office"


def test_other_activities_are_called_like_the_event() -> None:
    assert said("enrollment_started")["activity_name"] == "enrollment_started"
    assert "activity_name" not in said("signed_in")
