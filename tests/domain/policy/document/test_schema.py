"""The published schema accepts what the reader accepts, and refuses what it can express of the rest."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from flask_mfa_gate.domain.policy.conditions.listed import ListedWord
from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN
from flask_mfa_gate.domain.policy.document.codec import read_document
from flask_mfa_gate.domain.policy.document.schema import document_schema
from flask_mfa_gate.errors import PolicyError

SCHEMA = json.loads((files("flask_mfa_gate") / "policy.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)

SAMPLE = tomllib.loads("""
version = 1

[[networks]]
name = "office"
entries = ["10.20.0.0/16", "198.51.100.5", "2001:db8::10-2001:db8::20"]

[[policies]]
name = "Finance outside the office"
description = "Payroll wants a fresh proof\\nunless on the office network"
state = "on"
users = { include = ["group:finance", "all"], exclude = ["user:7"] }
resources = ["payroll"]
conditions = { all = [{ not = { network = ["office"] } }, { schedule = { days = ["mon-fri"], hours = "07:00-20:00", zone = "Europe/Berlin", holidays = ["2026-12-25"] } }] }
effect = { action = "require", factors = ["totp", "webauthn"], max_age = 0, grace_days = 365 }
message = "Ask the service desk"
help_link = "https://help.example.org/mfa?a=[b]#c"
""")


def with_policy(**fields: Any) -> dict[str, Any]:
    table = {"name": "x", "effect": {"action": "deny"}} | fields
    return {"version": 1, "policies": [{key: value for key, value in table.items() if value is not None}]}


def is_read(document: Any) -> bool:
    try:
        read_document(json.dumps(document), registry=BUILT_IN)
    except PolicyError:
        return False
    return True


VALID_CONDITIONS: list[dict[str, Any]] = [
    {},
    {"network": ["10.0.0.0/8", "::1", "10.0.0.1-10.0.0.9"]},
    {"country": ["DE", "at"]},
    {"platform": ["linux", "Windows"], "browser": ["firefox"]},
    {"device": ["trusted", "managed", "certificate"]},
    {"schedule": {"zone": "UTC"}},
    {"schedule": {"zone": "Europe/Berlin", "hours": "22:00-06:00", "days": ["fri-mon"]}},
    {"sign_in": ["password", "remember-me", "federated", "federated:https://idp.example"]},
    {"upstream_amr": ["mfa", "hwk"]},
    {"enrollment": ["ENROLLED"]},
    {"risk": ["new-device", "impossible-travel"]},
    {"request": {"methods": ["GET"], "endpoints": ["api.*"]}},
    {"any": [{"all": [{"country": ["DE"]}]}, {"not": {"country": ["DE"]}}]},
]
VALID: list[dict[str, Any]] = [
    SAMPLE,
    {"version": 1},
    {"version": 1, "networks": [], "policies": []},
    with_policy(),
    with_policy(name="ä" * 100, state="report-only", effect={"action": "allow"}, help_link="", message=""),
    with_policy(effect={"action": "require"}, users={"include": [], "exclude": ["all"]}),
    with_policy(users={"include": ["group:" + "x" * 100, "user:" + "x" * 191]}),
    with_policy(effect={"action": "require", "factors": [], "max_age": 31_536_000, "grace_days": 0}, resources=["app"]),
    *(with_policy(conditions=conditions) for conditions in VALID_CONDITIONS),
]
INVALID_CONDITIONS: list[Any] = [
    [],
    {"all": []},
    {"any": [{}]},
    {"not": {}},
    {"not": [{"country": ["DE"]}]},
    {"network": []},
    {"network": "10.0.0.1"},
    {"network": [" "]},
    {"country": ["Germany"]},
    {"platform": [7]},
    {"schedule": ["mon"]},
    {"schedule": {"days": ["mon"]}},
    {"schedule": {"zone": "UTC", "hours": "7-20"}},
    {"schedule": {"zone": "UTC", "holidays": ["25.12.2026"]}},
    {"schedule": {"zone": "UTC", "day": ["mon"]}},
    {"sign_in": ["federatedx"]},
    {"request": {}},
    {"request": {"method": ["GET"]}},
    {"any": [{"all": [{"device": []}]}]},
]
INVALID: list[Any] = [
    [],
    {},
    {"version": 2},
    {"version": True},
    {"version": "1"},
    {"version": 1, "policy": []},
    {"version": 1, "policies": {}},
    {"version": 1, "networks": [{"name": "x"}]},
    {"version": 1, "networks": [{"entries": []}]},
    {"version": 1, "networks": [{"name": "x", "entries": [], "more": 1}]},
    {"version": 1, "networks": [{"name": "x", "entries": ["office"]}]},
    with_policy(name=None),
    with_policy(name=""),
    with_policy(name=" x"),
    with_policy(name="x "),
    with_policy(name="x" * 101),
    with_policy(name="a\nb"),
    with_policy(name="a\u202eb"),
    with_policy(nam="x"),
    with_policy(description="x" * 1001),
    with_policy(message="a\x00b"),
    with_policy(state="On"),
    with_policy(users=["all"]),
    with_policy(users={"includes": []}),
    with_policy(users={"include": ["bob"]}),
    with_policy(users={"include": ["group:"]}),
    with_policy(users={"include": ["group:" + "x" * 101]}),
    with_policy(users={"include": ["user:" + "x" * 192]}),
    with_policy(resources=[""]),
    with_policy(resources="app"),
    with_policy(effect=None),
    with_policy(effect={}),
    with_policy(effect={"action": "denied"}),
    with_policy(effect={"action": "deny", "max_age": 5}),
    with_policy(effect={"action": "allow", "grace_days": 0}),
    with_policy(effect={"action": "require", "factors": ["sms"]}),
    with_policy(effect={"action": "require", "max_age": -1}),
    with_policy(effect={"action": "require", "max_age": 1.5}),
    with_policy(effect={"action": "require", "max_age": True}),
    with_policy(effect={"action": "require", "max_age": 31_536_001}),
    with_policy(effect={"action": "require", "max_age": 0}),
    with_policy(effect={"action": "require", "max_age": 0}, resources=[]),
    with_policy(effect={"action": "require", "max_age": 0}, resources=["payroll", "app"]),
    with_policy(effect={"action": "require", "grace_days": 366}),
    with_policy(help_link="javascript:alert(1)"),
    with_policy(help_link="https://"),
    *(with_policy(conditions=conditions) for conditions in INVALID_CONDITIONS),
]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("document", VALID)
def test_what_is_valid_is_so_for_both(document: Any) -> None:
    assert is_read(document)
    VALIDATOR.validate(document)


@pytest.mark.parametrize("document", INVALID)
def test_what_is_invalid_is_so_for_both(document: Any) -> None:
    assert not is_read(document)
    assert not VALIDATOR.is_valid(document)


def test_the_schema_that_is_shipped_is_the_one_of_the_code() -> None:
    """When this fails, run ``make docs``."""
    assert json.loads(json.dumps(document_schema(BUILT_IN), default=dict)) == SCHEMA


def test_the_schema_knows_every_condition_word() -> None:
    assert set(SCHEMA["$defs"]["conditions"]["properties"]) == {*BUILT_IN.words, "all", "any", "not"}


def test_a_host_s_own_word_is_in_the_schema_of_its_app() -> None:
    own = BUILT_IN.with_word(ListedWord("badge", lambda subject, environment: None))
    schema = json.loads(json.dumps(document_schema(own), default=dict))
    validator = Draft202012Validator(schema)
    assert validator.is_valid(with_policy(conditions={"badge": ["red"]}))
    assert not validator.is_valid(with_policy(conditions={"badge": []}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["all", "group:a", "app"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["include", "exclude", "action", "max_age", "not", "all", "country"]), inner)
    ),
    max_leaves=8,
)
FIELDS = ["name", "description", "state", "users", "resources", "conditions", "effect", "message", "help_link"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, min_size=1))
def test_whatever_is_read_passes_the_schema(fields: dict[str, Any]) -> None:
    document = {**SAMPLE, "policies": [SAMPLE["policies"][0] | fields]}
    if is_read(document):
        VALIDATOR.validate(document)
