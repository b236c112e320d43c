"""Policies of the demo, and what they did in its past: sign-ins that were denied, and reports of a draft."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from flask_mfa_gate.domain.authorization.decision import Ask, reason_of_policy
from flask_mfa_gate.domain.authorization.report_only import ReportOnlyResult
from flask_mfa_gate.domain.people.roles import Actor
from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.domain.records.event_name import EventName
from flask_mfa_gate.domain.records.refusal import BITS, reference_of
from flask_mfa_gate.signals import Event
from flask_mfa_gate.web.state import GateState

KNOWN, OLD_PHONES = "Support from known networks", "No old phones"
NETWORK = Network("known", ("10.20.0.0/16", "198.51.100.0/24"))
# About the crowd only: the eight people of the tour meet none of them.
POLICIES: tuple[dict[str, Any], ...] = (
    {
        "name": KNOWN, "description": "Customer data stays in the office and at home.", "state": "on",
        "users": {"include": ["group:support"]}, "conditions": {"not": {"network": [NETWORK.name]}},
        "effect": {"action": "deny"}, "message": "Support works from known networks only. Ask your team lead.",
    },
    {
        "name": "Payroll for sales", "description": "Commissions need a fresh code.", "state": "on",
        "users": {"include": ["group:sales"]}, "resources": ["payroll"],
        "effect": {"action": "require", "max_age": 900},
    },
    {
        "name": OLD_PHONES, "description": "Tried before it is turned on.", "state": "report-only",
        "users": {"include": ["group:engineering", "group:sales", "group:support"]},
        "conditions": {"platform": ["android"]}, "effect": {"action": "deny"},
    },
    {
        "name": "Engineers at the weekend", "state": "off", "users": {"include": ["group:engineering"]},
        "conditions": {"schedule": {"days": ["sat", "sun"], "zone": "Europe/Berlin"}},
        "effect": {"action": "require", "factors": ["totp"]},
    },
)  # fmt: skip


def seed_policies(state: GateState) -> None:
    """As an admin would have written them, one by one."""
    state.access.policies.save_network(NETWORK, actor=Actor.SYSTEM)
    for table in POLICIES:
        state.access.policies.save(state.access.policies.read_policy(table), actor=Actor.SYSTEM)


def judged(record: Mapping[str, Any], group: str, chance: Random) -> Mapping[str, Any]:
    """The sign-in as the policies would have had it: a few from unknown networks are denied."""
    is_android = record["facts"]["platform"] == "android"
    report = {OLD_PHONES: (ReportOnlyResult.REFUSE if is_android else ReportOnlyResult.NOT_APPLY).value}
    if group != "support" or chance.random() > 0.15:
        return {**record, "report": report, "policies": [], "reference": None}
    return {
        **record, "report": report, "address": f"203.0.113.{chance.randrange(1, 200)}", "verdict": Ask.DENY.value,
        "reason_id": reason_of_policy(KNOWN), "policies": [KNOWN], "policy_version": 2, "proved_at": None,
        "reference": reference_of(chance.getrandbits(BITS)),
    }  # fmt: skip


def refusals(records: list[Mapping[str, Any]], *, now: datetime) -> list[Event]:
    """What the log says of those of the last month."""
    return [
        Event(
            EventName.ACCESS_DENIED, one["at"], f"user:{one['user_key']}", one["user_key"], one["address"],
            details={
                "verdict": one["verdict"], "reason_id": one["reason_id"], "endpoint": "portal.login",
                "policies": one["policies"], "reference": one["reference"],
            },
        )
        for one in records
        if one["reference"] is not None and now - one["at"] < timedelta(days=30)
    ]  # fmt: skip
