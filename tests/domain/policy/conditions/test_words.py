"""Each condition word: what it accepts, and when it holds, fails or cannot be known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from flask_mfa_gate.domain.enrollment.enrollment import Status
from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.domain.policy.conditions.backing import Backing
from flask_mfa_gate.domain.policy.conditions.condition_type import Source
from flask_mfa_gate.domain.policy.conditions.listed import ListedWord
from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN
from flask_mfa_gate.domain.policy.conditions.words.country import COUNTRIES
from flask_mfa_gate.domain.policy.facts import Environment, MatchResult, Subject
from flask_mfa_gate.errors import ConfigError, PolicyError

HIT, MISS, UNKNOWN = MatchResult.HIT, MatchResult.MISS, MatchResult.UNKNOWN
WHERE = "policies[0].conditions"
OFFICE = {"office": Network("office", ("10.20.0.0/16", "198.51.100.5", "2001:db8::10-2001:db8::20"))}
BERLIN = {"zone": "Europe/Berlin"}
ANYONE, NOTHING = Subject("1"), Environment()


def judge(word: str, wanted: Any, environment: Environment = NOTHING, subject: Subject = ANYONE) -> MatchResult:
    found = BUILT_IN.words[word]
    return found.compile(found.read(wanted, WHERE), OFFICE, WHERE)(subject, environment)


def complaint(word: str, wanted: Any) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        judge(word, wanted)
    assert (caught.value.code, caught.value.status) == ("bad_policy", 400)
    return caught.value


@pytest.mark.parametrize(
    ("wanted", "address", "mark"),
    [
        (["office"], "10.20.255.255", HIT),
        (["office"], "10.21.0.0", MISS),
        (["office"], "10.19.255.255", MISS),
        (["office"], "198.51.100.5", HIT),
        (["office"], "198.51.100.6", MISS),
        (["office"], "2001:db8::10", HIT),
        (["office"], "2001:db8::20", HIT),
        (["office"], "2001:db8::f", MISS),
        (["office"], "2001:db8::21", MISS),
        (["192.0.2.0/24", "office"], "192.0.2.77", HIT),
        (["192.0.2.4-192.0.2.9"], "192.0.2.9", HIT),
        (["192.0.2.4-192.0.2.9"], "192.0.2.10", MISS),
        (["192.0.2.4"], "192.0.2.4", HIT),
        (["10.0.0.0/8", "10.9.0.0/16"], "10.200.0.1", HIT),
        (["office"], None, UNKNOWN),
        (["office"], "", UNKNOWN),
        (["office"], "garbage", UNKNOWN),
        (["office"], "10.20.0.1 ", UNKNOWN),
        (["office"], "010.020.0.1", UNKNOWN),
        (["office"], "10.20.0.1:443", UNKNOWN),
        # Its last address looks like a mapped one of IPv4.
        (["::/80"], "::1:2:3", HIT),
        (["::/80"], "::1:0:0:0", MISS),
    ],
)
def test_network(wanted: list[str], address: str | None, mark: MatchResult) -> None:
    assert judge("network", wanted, Environment(address=address)) is mark


@pytest.mark.parametrize("entry", ["10.20.0.0/16", "::ffff:10.20.0.0/112", "::ffff:10.20.0.1", "10.20.0.0-10.20.0.9"])
@pytest.mark.parametrize("address", ["10.20.0.1", "::ffff:10.20.0.1", "::ffff:a14:1"])
def test_a_mapped_address_is_the_v4_address_that_it_stands_for(entry: str, address: str) -> None:
    assert judge("network", [entry], Environment(address=address)) is HIT


def test_all_of_v6_holds_nothing_of_v4_and_the_other_way_round() -> None:
    assert judge("network", ["::/0"], Environment(address="10.0.0.1")) is MISS
    assert judge("network", ["::/0"], Environment(address="::ffff:10.0.0.1")) is MISS
    assert judge("network", ["::/0"], Environment(address="ffff::1")) is HIT
    assert judge("network", ["0.0.0.0/0"], Environment(address="::1")) is MISS
    assert judge("network", ["0.0.0.0/0", "::/0"], Environment(address="::1")) is HIT


@pytest.mark.parametrize(
    ("wanted", "path", "nearest"),
    [
        (["10.20.3.4/16"], "[0]", "10.20.0.0/16"),
        (["office", "2001:db8::1/32"], "[1]", "2001:db8::/32"),
        (["ofice"], "[0]", "office"),
        (["10.0.0.0/33"], "[0]", None),
        (["10.0.0.300"], "[0]", None),
        (["10.0.0.9-10.0.0.1"], "[0]", None),
        (["10.0.0.1-2001:db8::1"], "[0]", None),
        (["10.0.0.1-"], "[0]", None),
        (["office", ""], "[1]", None),
        (["office", 7], "[1]", None),
        ([], "", None),
        ("office", "", None),
        (None, "", None),
    ],
)
def test_a_bad_network_is_told_where_and_what_was_meant(wanted: Any, path: str, nearest: str | None) -> None:
    error = complaint("network", wanted)
    assert error.nearest == nearest
    assert error.path.endswith(path)
    assert nearest is None or f"Did you mean {nearest}?" in str(error)


@pytest.mark.parametrize(
    ("word", "wanted", "field", "hits", "misses"),
    [
        ("country", ["de", "FR"], "country", "DE", "US"),
        ("platform", ["Windows"], "platform", "WINDOWS", "linux"),
        ("browser", ["firefox"], "browser", "Firefox", "chrome"),
        ("device", ["Managed", "trusted"], "device", frozenset({"managed"}), frozenset({"certificate"})),
        ("device", ["managed"], "device", frozenset({"managed", "trusted"}), frozenset()),
        ("sign_in", ["password", "federated"], "sign_in", "federated", "remember-me"),
        (
            "risk",
            ["new-device", "new-address"],
            "risk",
            {"new-address": True},
            dict.fromkeys(("new-device", "new-address"), False),
        ),
        ("request", {"methods": ["post"]}, "method", "POST", "GET"),
        ("request", {"endpoints": ["wiki.page"]}, "endpoint", "wiki.page", "wiki.pages"),
        ("request", {"endpoints": ["wiki.*"]}, "endpoint", "wiki.admin.edit", "wikis.page"),
        (
            "schedule",
            BERLIN | {"hours": "08:00-09:00"},
            "at",
            datetime(2026, 1, 5, 7, tzinfo=UTC),
            datetime(2026, 1, 5, 8, tzinfo=UTC),
        ),
    ],
)
def test_a_fact_hits_misses_or_is_unknown(word: str, wanted: Any, field: str, hits: Any, misses: Any) -> None:
    facts: list[dict[str, Any]] = [{field: hits}, {field: misses}, {}]
    assert [judge(word, wanted, Environment(**fact)) for fact in facts] == [HIT, MISS, UNKNOWN]


def test_enrollment_looks_at_the_subject() -> None:
    subject = Subject("1", status=Status.IN_ENROLLMENT)
    assert judge("enrollment", ["in_enrollment"], subject=subject) is HIT
    assert judge("enrollment", ["ENROLLED", "NOT_ENROLLED"], subject=subject) is MISS
    assert judge("enrollment", ["ENROLLED"], subject=Subject("1")) is UNKNOWN


@pytest.mark.parametrize(
    ("wanted", "sign_in", "provider", "mark"),
    [
        ("federated:https://idp.example", "federated", "https://idp.example", HIT),
        ("federated:https://idp.example", "federated", "https://IDP.example", MISS),
        ("federated:https://idp.example", "federated", None, UNKNOWN),
        ("federated:https://idp.example", "password", None, MISS),
        ("federated", "federated", None, HIT),
        ("remember-me", "session", None, UNKNOWN),
        ("remember-me", "token", None, UNKNOWN),
    ],
)
def test_sign_in(wanted: str, sign_in: str, provider: str | None, mark: MatchResult) -> None:
    assert judge("sign_in", [wanted], Environment(sign_in=sign_in, provider=provider)) is mark


@pytest.mark.parametrize(
    ("risk", "mark"),
    [
        ({"new-device": True}, HIT),
        ({"new-device": False}, UNKNOWN),
        ({"new-device": False, "impossible-travel": False}, MISS),
        ({"failed-attempts": True}, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
def test_a_signal_that_nobody_tells_of_leaves_risk_open(risk: dict[str, bool], mark: MatchResult) -> None:
    assert judge("risk", ["new-device", "impossible-travel"], Environment(risk=risk)) is mark


@pytest.mark.parametrize(
    ("wanted", "mark"), [("managed", UNKNOWN), ("certificate", HIT), ("trusted", MISS)]
)  # fmt: skip
def test_what_is_known_of_a_device_tells_nothing_of_what_the_host_could_not_tell(
    wanted: str, mark: MatchResult
) -> None:
    half = Environment(device=frozenset({"certificate"}), device_unknown=frozenset({"managed"}))
    assert judge("device", [wanted], half) is mark


def test_method_and_endpoint_must_both_hold() -> None:
    wanted = {"methods": ["POST"], "endpoints": ["wiki.*", "index"]}
    here = Environment(method="POST", endpoint="index")
    assert judge("request", wanted, here) is HIT
    assert judge("request", wanted, replace(here, method="GET")) is MISS
    assert judge("request", wanted, replace(here, endpoint="login")) is MISS
    assert judge("request", wanted, replace(here, endpoint=None)) is UNKNOWN
    assert judge("request", wanted, replace(here, method="GET", endpoint=None)) is MISS


def test_head_is_a_get() -> None:
    assert judge("request", {"methods": ["GET"]}, Environment(method="HEAD")) is HIT
    assert judge("request", {"methods": ["HEAD"]}, Environment(method="GET")) is MISS
    assert judge("request", {"methods": ["POST"]}, Environment(method="HEAD")) is MISS


@pytest.mark.parametrize(
    ("word", "wanted", "path", "nearest"),
    [
        ("country", ["DE", "DEU"], "[1]", "DE"),
        ("country", "DE", "", None),
        ("platform", ["windos"], "[0]", "windows"),
        ("browser", ["fire fox"], "[0]", "firefox"),
        ("device", ["manged"], "[0]", "managed"),
        ("sign_in", ["pasword"], "[0]", "password"),
        ("sign_in", ["federated:"], "[0]", "federated"),
        ("enrollment", ["ENROLED"], "[0]", "ENROLLED"),
        ("risk", ["new-devices"], "[0]", "new-device"),
        ("request", {"methods": ["GET", "PSOT"]}, ".methods[1]", "POST"),
        ("request", {"method": ["GET"]}, ".method", "methods"),
        ("request", {"endpoints": ["*"]}, ".endpoints[0]", None),
        ("request", {"endpoints": ["wiki*"]}, ".endpoints[0]", None),
        ("request", {"endpoints": ["/wiki/edit"]}, ".endpoints[0]", None),
        ("request", {}, "", None),
        ("request", ["GET"], "", None),
        ("schedule", {"hours": "07:00-20:00"}, "", None),
        ("schedule", {"zone": "Europe/Berln"}, ".zone", "Europe/Berlin"),
        ("schedule", {"zone": "../../etc/passwd"}, ".zone", None),
        ("schedule", {"zone": "Europe"}, ".zone", None),
        ("schedule", {"zone": 1}, ".zone", None),
        ("schedule", BERLIN | {"hour": "07:00-20:00"}, ".hour", "hours"),
        ("schedule", BERLIN | {"hours": "7-20"}, ".hours", None),
        ("schedule", BERLIN | {"hours": "07:60-20:00"}, ".hours", None),
        ("schedule", BERLIN | {"hours": "24:00-08:00"}, ".hours", None),
        ("schedule", BERLIN | {"hours": "08:00-24:01"}, ".hours", None),
        ("schedule", BERLIN | {"hours": "08:00-08:00"}, ".hours", None),
        ("schedule", BERLIN | {"days": ["mon-fry"]}, ".days[0]", "fri"),
        ("schedule", BERLIN | {"days": ["sat", "mon-"]}, ".days[1]", None),
        ("schedule", BERLIN | {"holidays": ["2026-12-25", "2026-02-29"]}, ".holidays[1]", None),
        ("schedule", BERLIN | {"holidays": ["20261225"]}, ".holidays[0]", None),
    ],
)
def test_a_bad_value_is_told_where_and_what_was_meant(word: str, wanted: Any, path: str, nearest: str | None) -> None:
    error = complaint(word, wanted)
    assert error.path == WHERE + path
    assert error.path in str(error)
    assert nearest is None or error.nearest == nearest


def test_values_come_out_as_documents_write_them() -> None:
    def read(word: str, wanted: Any) -> Any:
        return BUILT_IN.read(word, wanted, WHERE).wanted

    assert read("country", ["de", "DE", "fr"]) == ("DE", "FR")
    assert read("network", ["::FFFF:10.0.0.1", "2001:DB8::/32", "office"]) == ("10.0.0.1", "2001:db8::/32", "office")
    assert read("request", {"methods": ["get"], "endpoints": ["wiki.*"]}) == {
        "methods": ("GET",),
        "endpoints": ("wiki.*",),
    }
    week = BERLIN | {"days": ["Mon-Fri"], "hours": "22:00-06:00", "holidays": ["2026-12-25"]}
    assert read("schedule", week) == BERLIN | {
        "days": ("mon-fri",),
        "hours": "22:00-06:00",
        "holidays": ("2026-12-25",),
    }


@pytest.mark.parametrize("fact", [5, True, ["5"], 0])
def test_a_fact_that_is_no_text_is_no_certain_answer(fact: Any) -> None:
    word = ListedWord("floor", lambda subject, environment: fact)
    match = word.compile(word.read(["5", "True"], WHERE), {}, WHERE)
    with pytest.raises(TypeError):
        match(ANYONE, NOTHING)


@pytest.mark.parametrize("name", ["all", "any", "not", "network", "", " ", 5, None])
def test_a_word_of_the_host_has_a_name_of_its_own(name: Any) -> None:
    with pytest.raises(ConfigError):
        BUILT_IN.with_word(ListedWord(name, lambda subject, environment: None))


@pytest.mark.parametrize("signals", [[5], [""], [None]])
def test_a_signal_of_the_host_has_a_name(signals: Any) -> None:
    with pytest.raises(ConfigError):
        BUILT_IN.with_risk(signals)


def test_signals_that_come_later_keep_those_before() -> None:
    twice = BUILT_IN.with_risk(["tor"]).with_risk(["vpn"])
    assert twice.read("risk", ["tor", "vpn", "new-device"], WHERE).wanted == ("tor", "vpn", "new-device")


def test_one_signal_may_stand_alone() -> None:
    assert BUILT_IN.with_risk("Tor").read("risk", ["tor"], WHERE).wanted == ("tor",)


EVIDENCE, CHOSEN, NEUTRAL, ANYBODY = Backing.EVIDENCE, Backing.CHOSEN, Backing.NEUTRAL, Backing.ANYBODY
OFFICES = {"office": Network("office", ("10.0.0.0/8",)), "world": Network("world", ("0.0.0.0/0", "::/0"))}
EVERY_COUNTRY = sorted(COUNTRIES)


@pytest.mark.parametrize(
    ("named", "mark"),
    [({"mfa"}, HIT), ({"pwd", "hwk"}, HIT), ({"pwd"}, MISS), ({"MFA"}, MISS), (set(), MISS), (None, UNKNOWN)],
)
def test_methods_that_a_provider_named(named: set[str] | None, mark: MatchResult) -> None:
    known = None if named is None else frozenset(named)
    assert judge("upstream_amr", ["mfa", "hwk"], Environment(upstream_amr=known)) is mark


@pytest.mark.parametrize(
    ("word", "wanted", "holding", "missing", "needs"),
    [
        ("network", ["office"], EVIDENCE, ANYBODY, set()),
        ("network", ["world"], ANYBODY, ANYBODY, set()),
        ("network", ["0.0.0.0/2", "192.0.0.0/2"], ANYBODY, ANYBODY, set()),
        ("network", ["3000::/4"], ANYBODY, ANYBODY, set()),
        ("network", ["2001:db8::/32", "198.51.100.0/24"], EVIDENCE, ANYBODY, set()),
        ("country", ["DE"], EVIDENCE, ANYBODY, {Source.GEOIP}),
        ("country", EVERY_COUNTRY[1:], ANYBODY, EVIDENCE, {Source.GEOIP}),
        ("platform", ["windows"], CHOSEN, CHOSEN, {Source.CLIENT}),
        ("browser", ["chrome"], CHOSEN, CHOSEN, {Source.CLIENT}),
        ("device", ["trusted"], EVIDENCE, CHOSEN, set()),
        ("device", ["managed", "certificate"], EVIDENCE, CHOSEN, {Source.MANAGED, Source.CERTIFICATE}),
        ("schedule", BERLIN, CHOSEN, CHOSEN, set()),
        ("sign_in", ["password"], CHOSEN, CHOSEN, set()),
        ("sign_in", ["federated:https://a.example"], EVIDENCE, CHOSEN, set()),
        ("sign_in", ["federated", "remember-me"], CHOSEN, CHOSEN, set()),
        ("sign_in", ["password", "remember-me"], CHOSEN, EVIDENCE, set()),
        ("upstream_amr", ["mfa"], EVIDENCE, CHOSEN, {Source.UPSTREAM}),
        ("enrollment", ["ENROLLED"], NEUTRAL, NEUTRAL, set()),
        ("risk", ["new-device"], CHOSEN, CHOSEN, set()),
        ("risk", ["failed-attempts"], CHOSEN, CHOSEN, set()),
        ("risk", ["new-address"], CHOSEN, EVIDENCE, set()),
        ("risk", ["new-address", "new-device"], CHOSEN, EVIDENCE, set()),
        ("risk", ["impossible-travel"], CHOSEN, CHOSEN, {Source.GEOIP}),
        ("request", {"methods": ["GET"]}, CHOSEN, CHOSEN, set()),
        ("request", {"endpoints": ["index"]}, NEUTRAL, NEUTRAL, set()),
        ("request", {"methods": ["GET"], "endpoints": ["index"]}, CHOSEN, CHOSEN, set()),
    ],
)
def test_lint_learns_what_a_word_rests_on(
    word: str, wanted: Any, holding: Backing, missing: Backing, needs: set[Source]
) -> None:
    found = BUILT_IN.words[word]
    read = found.read(wanted, WHERE)
    assert found.backing(read, OFFICES, negated=False) is holding
    assert found.backing(read, OFFICES, negated=True) is missing
    assert found.needs(read) == frozenset(needs)
