"""A document says exactly one thing, in two forms, and each fault of it says where it is."""

from __future__ import annotations

import json
import tomllib
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.domain.policy.condition_tree import And, Condition, Not, Or
from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN
from flask_mfa_gate.domain.policy.document import codec
from flask_mfa_gate.domain.policy.document.codec import read_document, read_policy, write_document
from flask_mfa_gate.domain.policy.document.effect import Action, Effect
from flask_mfa_gate.domain.policy.document.policy import Policy, PolicySet, PolicyState
from flask_mfa_gate.domain.policy.document.toml_text import write_toml
from flask_mfa_gate.domain.policy.document.users import Users
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from flask_mfa_gate.errors import PolicyError
from tests.conftest import ends_at_all

HUGE = "x" * 100_000
SAMPLE = """\
version = 1

[[networks]]
name = "office"
entries = ["10.20.0.0/16", "198.51.100.5", "2001:db8::10-2001:db8::20"]

[[policies]]
name = "Finance outside the office"
description = "Payroll wants a fresh proof unless on the office network"
state = "on"
users = { include = ["group:finance"], exclude = ["user:7"] }
resources = ["payroll"]
conditions = { all = [{ not = { network = ["office"] } }, { schedule = { days = ["mon-fri"], hours = "07:00-20:00", zone = "Europe/Berlin" } }] }
effect = { action = "require", factors = ["totp", "webauthn"], max_age = 900, grace_days = 0 }
message = "Ask the service desk"
help_link = "https://help.example.org/mfa"
"""
FORMS = ("toml", "json")


def read(text: str) -> PolicySet:
    return read_document(text, registry=BUILT_IN)


def refused(text: str) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        read(text)
    return caught.value


def policy_refused(**fields: Any) -> PolicyError:
    """The fault of one policy that is well but for the given fields; None takes a field out."""
    table = {"name": "x", "effect": {"action": "deny"}} | fields
    table = {key: value for key, value in table.items() if value is not None}
    return refused(json.dumps({"version": 1, "policies": [table]}))


def test_the_sample_of_the_contract_is_read() -> None:
    policy_set = read(SAMPLE)
    assert policy_set.networks == (Network("office", ("10.20.0.0/16", "198.51.100.5", "2001:db8::10-2001:db8::20")),)
    schedule = MappingProxyType({"days": ("mon-fri",), "hours": "07:00-20:00", "zone": "Europe/Berlin"})
    assert policy_set.policies == (
        Policy(
            name="Finance outside the office",
            description="Payroll wants a fresh proof unless on the office network",
            state=PolicyState.ON,
            users=Users(("group:finance",), ("user:7",)),
            resources=("payroll",),
            conditions=And((Not(Condition("network", ("office",))), Condition("schedule", schedule))),
            effect=Effect(
                Action.REQUIRE,
                factors=frozenset(FactorKind),
                max_age=timedelta(minutes=15),
            ),
            message="Ask the service desk",
            help_link="https://help.example.org/mfa",
        ),
    )


def test_the_sample_is_written_as_it_stands() -> None:
    assert write_document(read(SAMPLE)) == SAMPLE
    assert json.loads(write_document(read(SAMPLE), "json")) == tomllib.loads(SAMPLE)


def test_a_policy_says_of_itself_what_the_document_says() -> None:
    table = tomllib.loads(SAMPLE)["policies"][0]
    policy = Policy.from_document(table)
    assert policy == read(SAMPLE).policies[0]
    assert policy.to_document() == table


def test_a_short_policy_is_off_for_everybody_and_the_whole_app() -> None:
    policy = Policy.from_document({"name": "Short", "effect": {"action": "deny"}})
    assert policy == Policy("Short", Effect(Action.DENY))
    assert policy.state is PolicyState.OFF
    assert policy.to_document() == {
        "name": "Short",
        "state": "off",
        "users": {"include": ["all"]},
        "effect": {"action": "deny"},
    }


def test_nobody_is_not_everybody() -> None:
    policy = Policy.from_document({"name": "x", "effect": {"action": "deny"}, "users": {"include": []}})
    assert policy.users == Users(include=())
    assert Policy.from_document(policy.to_document()) == policy


def test_both_forms_are_sorted_by_name() -> None:
    policies = tuple(Policy(name, Effect(Action.DENY)) for name in ("b", "B", "a"))
    networks = tuple(Network(name, ("10.0.0.1",)) for name in ("zoo", "ant"))
    for form in FORMS:
        again = read(write_document(PolicySet(policies, networks), form))
        assert [policy.name for policy in again.policies] == ["B", "a", "b"]
        assert [network.name for network in again.networks] == ["ant", "zoo"]


def test_json_has_a_line_for_each_network_and_policy() -> None:
    policies = (Policy("a", Effect(Action.DENY)), Policy("b", Effect(Action.ALLOW)))
    text = write_document(PolicySet(policies, (Network("n", ("::1",)),)), "json")
    assert text.splitlines() == [
        "{",
        '"version": 1,',
        '"networks": [',
        '  {"name": "n", "entries": ["::1"]}',
        "],",
        '"policies": [',
        '  {"name": "a", "state": "off", "users": {"include": ["all"]}, "effect": {"action": "deny"}},',
        '  {"name": "b", "state": "off", "users": {"include": ["all"]}, "effect": {"action": "allow"}}',
        "]",
        "}",
    ]


def test_an_empty_set_is_a_document() -> None:
    assert write_document(PolicySet()) == "version = 1\n"
    for form in FORMS:
        assert read(write_document(PolicySet(), form)) == PolicySet()


def test_json_is_told_by_its_brace_also_behind_a_mark_and_blanks() -> None:
    assert read('\ufeff \n{"version": 1}') == PolicySet()
    assert read("\ufeffversion = 1") == PolicySet()


def test_keys_in_one_table_must_all_hold() -> None:
    policy = Policy.from_document(
        {
            "name": "x",
            "effect": {"action": "deny"},
            "conditions": {"country": ["DE", "AT"], "platform": ["linux"], "not": {"device": ["trusted"]}},
        }
    )
    assert policy.conditions == And(
        (
            Condition("country", ("DE", "AT")),
            Condition("platform", ("linux",)),
            Not(Condition("device", ("trusted",))),
        )
    )


def test_words_side_by_side_stay_so_unless_one_comes_twice() -> None:
    linux, german, swiss = (
        Condition("platform", ("linux",)),
        Condition("country", ("DE",)),
        Condition("country", ("CH",)),
    )
    table = Policy("x", Effect(Action.DENY), conditions=And((linux, german))).to_document()
    assert table["conditions"] == {"platform": ["linux"], "country": ["DE"]}
    table = Policy("x", Effect(Action.DENY), conditions=And((german, swiss))).to_document()
    assert table["conditions"] == {"all": [{"country": ["DE"]}, {"country": ["CH"]}]}


def test_what_a_policy_in_python_has_wrong_shows_when_it_is_read_again() -> None:
    for effect, path in (
        (Effect(Action.REQUIRE, max_age=timedelta(milliseconds=500)), "effect.max_age"),
        (Effect(Action.ALLOW, grace_days=3), "effect.grace_days"),
        (Effect(Action.DENY, factors=frozenset({FactorKind("totp")})), "effect.factors"),
    ):
        with pytest.raises(PolicyError) as caught:
            Policy.from_document(Policy("x", effect, resources=("payroll",)).to_document())
        assert caught.value.path == path


# Faults


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "version is missing."),
        ("[1]\nx=", "The document is not valid TOML"),
        ("{", "The document is not valid JSON"),
        ('{"version": 1} x', "The document is not valid JSON"),
        ('{"version": NaN}', "The document is not valid JSON: NaN is no number of JSON."),
        ('{"version": 1, "version": 1}', "The document is not valid JSON: a key stands twice in one object."),
        ("version = 2", "version must be 1, the only version there is."),
        ("version = true", "version must be 1, the only version there is."),
        ("version = 1.0", "version must be 1, the only version there is."),
        ("version = '1'", "version must be 1, the only version there is."),
        ("version = 1\npolicy = []", "policy is not known here. Did you mean policies?"),
        ("version = 1\n'po licies' = []", "'po licies' is not known here. Did you mean policies?"),
        ("version = 1\npolicies = 3", "policies must be a list."),
        ("version = 1\npolicies = [3]", "policies[0] must be a table."),
        ("version = 1\nnetworks = {}", "networks must be a list."),
        ("version = 1\nnetworks = [{name='x'}]", "networks[0].entries is missing."),
        ("version = 1\nnetworks = [{entries=[]}]", "networks[0].name is missing."),
        ("version = 1\nnetworks = [{name='x', entries=['10.0.0.1', 7]}]", "networks[0].entries[1] must be a string."),
        ("version = 1\nnetworks = [{name='10.0.0.1', entries=[]}]", "networks[0].name must not look like an address."),
        (
            "version = 1\nnetworks = [{name='x', entries=[]}, {name='y', entries=[]}, {name='x', entries=[]}]",
            "networks[2].name is the name of networks[0] already.",
        ),
        (
            "version = 1\npolicies = [{name='x', effect={action='deny'}}, {name='x', effect={action='deny'}}]",
            "policies[1].name is the name of policies[0] already.",
        ),
    ],
)
def test_faults_of_the_document(text: str, sentence: str) -> None:
    assert str(refused(text)).startswith(sentence)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": None}, "policies[0].name is missing."),
        ({"name": ""}, "policies[0].name must not be empty."),
        ({"name": 7}, "policies[0].name must be a string."),
        ({"name": " x"}, "policies[0].name must not begin or end with a blank."),
        ({"name": "x" * 101}, "policies[0].name must not be longer than 100 characters."),
        ({"name": "a\nb"}, "policies[0].name must not contain control characters."),
        ({"name": "a\u202eb"}, "policies[0].name must not contain control characters."),
        ({"name": "a\ud800"}, "policies[0].name must not contain control characters."),
        ({"name": "a\u2028b"}, "policies[0].name must not contain control characters."),
        ({"nam": "x"}, "policies[0].nam is not known here. Did you mean name?"),
        ({"description": []}, "policies[0].description must be a string."),
        ({"description": "x" * 1001}, "policies[0].description must not be longer than 1000 characters."),
        ({"message": "a\x00b"}, "policies[0].message must not contain control characters."),
        ({"state": "On"}, "policies[0].state must be one of on, off, report-only. Did you mean on?"),
        ({"state": True}, "policies[0].state must be one of on, off, report-only."),
        ({"users": ["all"]}, "policies[0].users must be a table."),
        ({"users": {"exclud": []}}, "policies[0].users.exclud is not known here. Did you mean exclude?"),
        ({"users": {"include": "all"}}, "policies[0].users.include must be a list."),
        ({"users": {"include": ["all", "bob"]}}, "policies[0].users.include[1] must be all, group:NAME or user:KEY."),
        ({"users": {"exclude": ["group:"]}}, "policies[0].users.exclude[0] must not be empty."),
        ({"users": {"exclude": ["user:a\nb"]}}, "policies[0].users.exclude[0] must not contain control characters."),
        ({"resources": "app"}, "policies[0].resources must be a list."),
        ({"resources": ["app", ""]}, "policies[0].resources[1] must not be empty."),
        ({"effect": None}, "policies[0].effect is missing."),
        ({"effect": {}}, "policies[0].effect.action is missing."),
        ({"effect": "deny"}, "policies[0].effect must be a table."),
        ({"effect": {"action": "denny"}}, "policies[0].effect.action must be one of allow, require, deny. Did you mean deny?"),
        ({"effect": {"action": "deny", "max_age": 5}}, "policies[0].effect.max_age goes with require only."),
        ({"effect": {"action": "allow", "grace_days": 0}}, "policies[0].effect.grace_days goes with require only."),
        ({"effect": {"action": "allow", "factors": []}}, "policies[0].effect.factors goes with require only."),
        ({"effect": {"action": "require", "factors": ["topt"]}}, "policies[0].effect.factors[0] must be one of totp, webauthn. Did you mean totp?"),
        ({"effect": {"action": "require", "max_age": True}}, "policies[0].effect.max_age must be a whole number."),
        ({"effect": {"action": "require", "max_age": 1.5}}, "policies[0].effect.max_age must be a whole number."),
        ({"effect": {"action": "require", "max_age": -1}}, "policies[0].effect.max_age must be from 0 to 31536000."),
        ({"effect": {"action": "require", "max_age": 31536001}}, "policies[0].effect.max_age must be from 0 to 31536000."),
        ({"effect": {"action": "require", "max_age": 0}}, "policies[0].effect.max_age cannot be 0 for the whole app, only for other resources."),
        ({"effect": {"action": "require", "max_age": 0}, "resources": ["payroll", "app"]}, "policies[0].effect.max_age cannot be 0 for the whole app, only for other resources."),
        ({"effect": {"action": "require", "grace_days": 366}}, "policies[0].effect.grace_days must be from 0 to 365."),
        ({"effect": {"action": "require", "grace_days": False}}, "policies[0].effect.grace_days must be a whole number."),
        ({"help_link": "javascript:alert(1)"}, "policies[0].help_link must be an address that begins with https:// or http://."),
        ({"help_link": "https://"}, "policies[0].help_link must be an address that begins with https:// or http://."),
        ({"help_link": "https:///path"}, "policies[0].help_link must be an address that begins with https:// or http://."),
        ({"help_link": "https://["}, "policies[0].help_link must be an address that begins with https:// or http://."),
        ({"help_link": 'https://a"onclick="x'}, "policies[0].help_link must be an address that begins with https:// or http://."),
        ({"help_link": "x https://a"}, "policies[0].help_link must be an address that begins with https:// or http://."),
        ({"conditions": []}, "policies[0].conditions must be a table."),
        ({"conditions": {"netwrk": ["x"]}}, "policies[0].conditions.netwrk is no condition. Did you mean network?"),
        ({"conditions": {"nott": {}}}, "policies[0].conditions.nott is no condition. Did you mean not?"),
        ({"conditions": {"all": []}}, "policies[0].conditions.all must not be empty."),
        ({"conditions": {"any": {}}}, "policies[0].conditions.any must be a list."),
        ({"conditions": {"not": {}}}, "policies[0].conditions.not must not be empty."),
        ({"conditions": {"any": [{}]}}, "policies[0].conditions.any[0] must not be empty."),
        ({"conditions": {"not": []}}, "policies[0].conditions.not must be a table."),
    ],
)  # fmt: skip
def test_faults_of_a_policy(fields: dict[str, Any], sentence: str) -> None:
    assert str(policy_refused(**fields)) == sentence


def test_a_fault_deep_inside_says_where_it_is() -> None:
    fault = policy_refused(conditions={"all": [{"not": {"network": ["10.0.0.1", "10.0.0.999"]}}, {"country": ["DE"]}]})
    assert fault.path == "policies[0].conditions.all[0].not.network[1]"
    assert fault.code == "bad_policy"
    assert fault.status == 400


@pytest.mark.parametrize("entry", ["fe80::1%eth0", "fe80::1%eth0-fe80::9%eth0", "fe80::%eth0/10"])
def test_a_network_is_on_no_interface(entry: str) -> None:
    shown = f"is '{entry}', and no network has a zone (%)."
    assert str(policy_refused(conditions={"network": [entry]})) == f"policies[0].conditions.network[0] {shown}"
    fault = refused(f"version = 1\nnetworks = [{{ name = 'x', entries = ['{entry}'] }}]")
    assert str(fault) == f"networks[0].entries[0] {shown}"


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        ({"device": ["phone"]}, "device[0] is 'phone', which is not known: it is one of certificate, managed, trusted."),
        ({"schedule": {"zone": "UTC", "days": ["mon-"]}}, "schedule.days[0] is '', which is not known: it is one of mon, tue, wed, thu, fri, sat, sun."),
        ({"schedule": {"zone": "UTC", "x\n": 1}}, "schedule.'x\\n' is 'x\\n', which is not known: it is one of days, hours, zone, holidays."),
        ({"device": ["manged"]}, "device[0] is 'manged', which is not known. Did you mean managed?"),
    ],
)  # fmt: skip
def test_a_word_that_is_like_none_is_told_which_there_are(conditions: dict[str, Any], sentence: str) -> None:
    assert str(policy_refused(conditions=conditions)) == f"policies[0].conditions.{sentence}"


@pytest.mark.parametrize(
    "conditions",
    [
        {"schedule": {"zone": HUGE}}, {"schedule": {"zone": "UTC", "hours": HUGE}}, {"schedule": {"zone": "UTC", HUGE: 1}},
        {"schedule": {"zone": "UTC", "days": [HUGE]}}, {"platform": [HUGE]}, {"sign_in": [HUGE]}, {HUGE: 1},
        {"network": [f"10.0.0.0/{HUGE}"]}, {"request": {"methods": [HUGE]}}, {"request": {HUGE: []}},
    ],
)  # fmt: skip
def test_a_fault_does_not_repeat_a_huge_text(conditions: dict[str, Any]) -> None:
    assert len(str(policy_refused(conditions=conditions))) < 400


def test_an_unknown_network_is_refused_with_the_nearest() -> None:
    text = SAMPLE.replace('network = ["office"]', 'network = ["10.0.0.1", "ofice"]')
    fault = refused(text)
    assert fault.path == "policies[0].conditions.all[0].not.network[1]"
    assert fault.nearest == "office"
    assert str(fault).endswith("is neither an address nor the name of a network. Did you mean office?")


def test_a_document_that_is_merged_may_use_networks_that_are_there() -> None:
    text = SAMPLE.replace('["office"]', '["branch"]')
    assert refused(text).nearest is None
    assert read_document(text, registry=BUILT_IN, networks={"branch"}).policies[0].name


def test_a_policy_alone_may_name_any_network() -> None:
    table = {"name": "x", "effect": {"action": "deny"}, "conditions": {"network": ["somewhere"]}}
    assert read_policy(table, registry=BUILT_IN).conditions == Condition("network", ("somewhere",))
    with pytest.raises(PolicyError) as caught:
        read_policy({**table, "name": ""}, registry=BUILT_IN, where="draft")
    assert caught.value.path == "draft.name"


def test_only_texts_are_keys() -> None:
    with pytest.raises(PolicyError, match=r"^The document must have strings as keys\.$"):
        Policy.from_document({3: "x"})  # type: ignore[dict-item]


def nested(levels: int) -> dict[str, Any]:
    table: dict[str, Any] = {"platform": ["linux"]}
    for _ in range(levels):
        table = {"not": table}
    return table


def test_conditions_are_nested_at_most_ten_deep() -> None:
    text = json.dumps(
        {"version": 1, "policies": [{"name": "x", "effect": {"action": "deny"}, "conditions": nested(10)}]}
    )
    assert read(write_document(read(text))) == read(text)
    fault = policy_refused(conditions=nested(11))
    assert str(fault) == f"policies[0].conditions{'.not' * 11} is nested more than 10 deep."


def test_words_side_by_side_are_one_level_so_that_an_export_is_never_too_deep() -> None:
    table = nested(10)
    table["country"] = ["DE"]
    assert "nested more than 10 deep" in str(policy_refused(conditions=table))


def test_nesting_that_no_parser_survives_is_refused() -> None:
    assert str(refused('{"a":' * 200_000)) == "The document is nested too deep."
    assert str(refused("a = " + "[" * 200_000)) == "The document is nested too deep."
    assert str(refused('{"version": ' + "9" * 5000 + "}")).startswith("The document is not valid JSON")


@pytest.mark.parametrize(
    "text",
    [
        ".".join("a" * 50_000) + " = 1", "[" + " . ".join("a" * 20_000) + "]", "x = {" + ".".join("a" * 20_000) + " = 1}",
        ".".join(['"\\""', "'b'"] * 10_000) + " = 1",
    ],
)  # fmt: skip
def test_a_key_of_endless_parts_never_reaches_the_parser(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    monkeypatch.setattr(codec.tomllib, "loads", parsed.append)
    assert str(refused(text)) == "The document is nested too deep."
    assert parsed == []


def test_looking_for_endless_keys_takes_no_time_itself() -> None:
    with ends_at_all():
        for part in ("a", "a.", '"', "'", '"a".', "a ", "\\", '"\\"', ".\t"):
            codec._DEEP_KEY.search("# " + part * (1_000_000 // len(part)))


def test_a_sentence_with_many_dots_is_no_deep_key() -> None:
    words = "10.20.30.40, 10.20.30.41 ... i.e. www.a.b.c.example.org; 1.3.6.1.4.1.311.21.8.7.6.5"
    text = f"version = 1\n[[policies]]\nname = 'p'\ndescription = '{words}'\neffect = {{ action = 'deny' }}"
    assert read(text).policies[0].description == words


def test_an_address_of_endless_dots_takes_no_time() -> None:
    with ends_at_all():
        for marks in (".", ":", "1.", "f:"):
            policy_refused(conditions={"network": [marks * 1_000_000 + "g"]})


@pytest.mark.parametrize("factors", [{"push"}, {"push", "totp"}])
def test_a_kind_of_factor_that_nobody_knows_is_written_too_and_so_refused(factors: set[Any]) -> None:
    """Left out, the policy would take any factor."""
    built = Policy("p", Effect(Action.REQUIRE, factors=frozenset(factors)))
    for form in ("toml", "json"):
        assert "policies[0].effect.factors" in str(refused(write_document(PolicySet((built,)), form)))


@pytest.mark.parametrize("text", [None, b"version = 1", {"version": 1}, 7])
def test_a_document_is_a_text(text: Any) -> None:
    assert str(refused(text)) == "The document must be a string."


def test_a_document_is_at_most_5_mb() -> None:
    assert read("version = 1\n#" + "x" * (5_000_000 - 13)) == PolicySet()
    for text in ("version = 1\n#" + "x" * (5_000_000 - 12), "version = 1\n#" + "é" * 2_500_000):
        assert str(refused(text)) == "The document is larger than 5000000 bytes."


def test_there_are_at_most_ten_thousand_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    assert codec.MOST_POLICIES == 10_000
    monkeypatch.setattr(codec, "MOST_POLICIES", 2)
    policies = tuple(Policy(name, Effect(Action.DENY)) for name in "abc")
    assert len(read(write_document(PolicySet(policies[:2]))).policies) == 2
    assert str(refused(write_document(PolicySet(policies)))) == "policies must not be more than 2."


def test_lone_surrogates_are_refused_wherever_they_hide() -> None:
    assert refused("version = 1\n# \ud800\npolicies = '\ud800'").path == "policies"
    fault = policy_refused(conditions={"sign_in": ["federated:\ud800"]})
    assert fault.path.startswith("policies[0].conditions.sign_in")
    fault = policy_refused(conditions={"request": {"endpoints": ["a\ud800"]}})
    assert fault.path == "policies[0].conditions.request.endpoints[0]"


# Any document

PRINTABLE = st.characters(
    exclude_categories=["Cc", "Cs", "Zl", "Zp"],
    exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
)
NAMES = st.text(PRINTABLE, min_size=1, max_size=20).map(str.strip).filter(bool)
TEXTS = st.text(PRINTABLE | st.sampled_from('\n\t"\\'), max_size=30)
USER_WORDS = st.just("all") | NAMES.map("group:{}".format) | NAMES.map("user:{}".format)


def lists(of: st.SearchStrategy[str], least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(of, min_size=least, max_size=3, unique=True).map(tuple)


CRITERIA = st.one_of(
    st.builds(Condition, st.just("network"), lists(st.sampled_from(["office", "10.0.0.0/8", "::1"]), 1)),
    st.builds(Condition, st.just("country"), lists(st.sampled_from(["DE", "AT", "CH"]), 1)),
    st.builds(Condition, st.just("platform"), lists(st.sampled_from(["linux", "windows"]), 1)),
    st.builds(Condition, st.just("sign_in"), lists(NAMES.map("federated:{}".format) | st.just("password"), 1)),
    st.fixed_dictionaries(
        {"zone": st.sampled_from(["UTC", "Europe/Berlin"])},
        optional={"days": lists(st.sampled_from(["mon", "fri-mon"]), 1), "hours": st.just("22:00-06:00")},
    ).map(lambda table: BUILT_IN.read("schedule", table, "")),
    st.fixed_dictionaries({"methods": lists(st.sampled_from(["GET", "POST"]), 1)}).map(
        lambda table: BUILT_IN.read("request", table, "")
    ),
)
TREES = st.recursive(
    CRITERIA,
    lambda inner: st.one_of(
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


def depth(condition: Any) -> int:
    if isinstance(condition, Condition):
        return 0
    parts = (condition.part,) if isinstance(condition, Not) else condition.parts
    return 1 + max((depth(part) for part in parts), default=0)


EFFECTS = st.one_of(
    st.sampled_from([Effect(Action.ALLOW), Effect(Action.DENY)]),
    st.builds(
        Effect,
        st.just(Action.REQUIRE),
        factors=st.frozensets(st.sampled_from([*FactorKind])),
        max_age=st.none() | st.integers(1, 31_536_000).map(lambda seconds: timedelta(seconds=seconds)),
        grace_days=st.integers(0, 365),
    ),
)
POLICIES = st.builds(
    Policy,
    name=NAMES,
    effect=EFFECTS,
    description=TEXTS,
    state=st.sampled_from(PolicyState),
    users=st.builds(Users, lists(USER_WORDS), lists(USER_WORDS)),
    resources=lists(NAMES),
    conditions=st.just(And()) | TREES.filter(lambda tree: depth(tree) <= 10),
    message=TEXTS,
    help_link=st.sampled_from(["", "https://help.example.org/a?b=[c]&d=%20#e", "http://[2001:db8::1]:8080/"]),
)
SETS = st.builds(
    PolicySet,
    st.lists(POLICIES, max_size=4, unique_by=lambda policy: policy.name).map(tuple),
    st.just((Network("office", ("10.20.0.0/16", "2001:db8::10-2001:db8::20")),)),
)


def told_apart(policy_set: PolicySet) -> list[Policy]:
    return sorted(policy_set.policies, key=lambda policy: policy.name)


@given(SETS, st.sampled_from(FORMS))
def test_any_set_survives_export_and_import(policy_set: PolicySet, form: Any) -> None:
    text = write_document(policy_set, form)
    again = read(text)
    assert write_document(again, form) == text
    for before, after in zip(told_apart(policy_set), again.policies, strict=True):
        assert after.to_document() == before.to_document()
        assert (after.users, after.resources, after.effect) == (before.users, before.resources, before.effect)
    assert read(write_document(again, "json")) == read(write_document(again, "toml")) == again


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES, max_size=5))
@example({"": "", "a b": '"\\\x00\x7f\x1f\r\n\u2028', "t": [{"x": {}}, {}], "mixed": [{}, 1]})
def test_the_standard_library_reads_what_is_written_as_toml(table: dict[str, Any]) -> None:
    assert tomllib.loads(write_toml(table)) == table


def test_toml_has_no_form_for_none() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        write_toml({"x": None})


# Any text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["version", "policies", "networks", "name", "effect", "action", "conditions", "all", "not", "network", "users", "include", "schedule", "zone"]) | st.text(max_size=3), inner, max_size=5),
    max_leaves=15,
)  # fmt: skip


def only_policy_errors(text: str) -> None:
    try:
        policy_set = read(text)
    except PolicyError:
        return
    assert write_document(read(write_document(policy_set))) == write_document(policy_set)


@given(st.binary().map(lambda data: data.decode("latin-1")) | st.text(st.characters(exclude_categories=[])))
def test_any_text_is_read_or_refused(text: str) -> None:
    only_policy_errors(text)


@given(st.dictionaries(st.sampled_from(["policies", "networks"]), JSON), JSON)
def test_any_json_is_read_or_refused(table: dict[str, Any], anything: Any) -> None:
    only_policy_errors(json.dumps({"version": 1, **table}))
    only_policy_errors(json.dumps(anything))


@given(st.sampled_from(FORMS), st.integers(0, 900), st.integers(0, 30), st.text(max_size=5))
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_document_is_read_or_refused(form: Any, start: int, length: int, instead: str) -> None:
    text = write_document(read(SAMPLE), form)
    only_policy_errors(text[:start] + instead + text[start + length :])


@given(st.lists(st.sampled_from(["name", "users", "effect", "conditions", "resources", "state", "help_link"])), JSON)
def test_a_policy_with_anything_in_a_field_is_read_or_refused(keys: list[str], anything: Any) -> None:
    table = tomllib.loads(SAMPLE)
    table["policies"][0].update(dict.fromkeys(keys, anything))
    only_policy_errors(json.dumps(table))


@given(st.sampled_from(sorted(BUILT_IN.words)), JSON)
def test_a_condition_with_any_value_is_read_or_refused(word: str, anything: Any) -> None:
    policy = {"name": "x", "effect": {"action": "deny"}, "conditions": {"not": {word: anything}}}
    only_policy_errors(json.dumps({"version": 1, "policies": [policy]}))
