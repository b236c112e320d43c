"""Every condition at a live request: facts come from the server, and what can't be told is unknown."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_login import login_user
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from flask_mfa_gate.errors import ConfigError
from flask_mfa_gate.services.client.geoip import Places
from flask_mfa_gate.services.policies.versions import PolicyVersions
from tests.conftest import Browser, Phone, StillClock, ends_at_all, key_of, state_of
from tests.hosts_small.kit import Host, User
from tests.policy_kit import CHROME, FIREFOX, drop, policy, prove, put, rows, signed_in, with_traits

pytestmark = pytest.mark.pages

Make = Callable[..., Flask]
BERLIN, SYDNEY, LISBON = "198.51.100.7", "203.0.113.9", "192.0.2.33"
ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
IPHONE_CHROME = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0 Mobile/15E148 Safari/604.1"
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15"
)
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0"
SAMSUNG = "Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36"
CHROMEBOOK = (
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
OPERA = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 OPR/111.0.0.0"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture(scope="module")
def geoip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three networks in three countries."""
    path = tmp_path_factory.mktemp("geoip") / "small.mmdb"
    writer = MMDBWriter(6, "GeoLite2-City", ipv4_compatible=True, languages=["en"], description="small")
    for network, code, where in (
        ("198.51.100.0/24", "DE", (52.5, 13.4)), ("203.0.113.0/24", "AU", (-33.9, 151.2)),
        ("2001:db8::/32", "FR", (48.9, 2.4)),
    ):  # fmt: skip
        place = {"latitude": where[0], "longitude": where[1]}
        writer.insert_network(IPSet([network]), {"country": {"iso_code": code}, "location": place})
    writer.insert_network(IPSet(["192.0.2.0/24"]), {"country": {"iso_code": "PT"}})
    writer.to_db_file(str(path))
    return str(path)


def is_refused(app: Flask, username: str = "frank", *, headers: dict[str, str] | None = None, **environ: Any) -> bool:
    browser = Browser(app)
    browser.client.environ_base.update(environ)
    answer = browser.client.post(
        "/login", data={"username": username, "password": "correct horse battery staple"}, headers=headers
    )
    return bool(answer.location == "/mfa/blocked")


# network


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("203.0.113.9", True), ("203.0.114.1", False), ("::ffff:203.0.113.9", True), ("2001:db8::5", True),
        ("2001:db9::5", False), ("2001:db8:0:0:0:0:0:5", True), ("", True), ("not an address", True), (None, True),
    ],
)  # fmt: skip
def test_network(app: Flask, address: str | None, refused: bool) -> None:
    put(app, policy(action="deny", when={"network": ["203.0.113.0/24", "2001:db8::/32"]}))
    assert is_refused(app, REMOTE_ADDR=address) is refused


@pytest.mark.parametrize("zone", ["eth0", "<b>call 555", "a" * 5000])
def test_the_zone_of_an_address_is_kept_nowhere(app: Flask, zone: str) -> None:
    browser = signed_in(app, "frank", REMOTE_ADDR=f"fe80::1%{zone}")
    assert browser.is_in()
    assert {row["address"] for row in rows(app, "session")} == {"fe80::1"}
    assert {row["address"] for row in rows(app, "sign_in")} == {"fe80::1"}
    put(app, policy(action="deny", when={"network": ["fe80::/10"]}))
    assert browser.get("/").status_code == 403


def test_no_header_changes_the_address(app: Flask) -> None:
    put(app, policy(action="deny", when={"not": {"network": ["198.51.100.7"]}}))
    lies = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "Remote-Addr")
    headers = {name: "for=198.51.100.7" if name == "Forwarded" else "198.51.100.7" for name in lies}
    assert is_refused(app, REMOTE_ADDR="203.0.113.1", headers=headers)


# country and travel


def test_country(make_app: Make, geoip: str) -> None:
    app = make_app(MFA_GATE_GEOIP_DATABASE=geoip)
    put(app, policy(action="deny", when={"not": {"country": ["DE"]}}))
    assert not is_refused(app, REMOTE_ADDR=BERLIN)
    assert not is_refused(app, REMOTE_ADDR=f"::ffff:{BERLIN}")
    assert is_refused(app, REMOTE_ADDR=SYDNEY)
    assert is_refused(app, REMOTE_ADDR="10.0.0.1"), "an address that the file does not know is unknown"
    put(app, policy(action="allow", when={"country": ["FR"]}))
    assert signed_in(app, "dave", REMOTE_ADDR="2001:db8::1").is_in()
    assert not signed_in(app, "dave", REMOTE_ADDR="10.0.0.1").is_in(), "unknown lets nobody off"


def test_a_broken_geoip_file_is_an_error_at_the_start(make_app: Make, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mmdb"
    broken.write_bytes(b"no database" * 100)
    with pytest.raises(ConfigError, match="GEOIP"):
        make_app(MFA_GATE_GEOIP_DATABASE=str(broken))
    with pytest.raises(ConfigError, match="GEOIP"):
        make_app(MFA_GATE_GEOIP_DATABASE=str(tmp_path / "none.mmdb"))


@pytest.mark.parametrize("change", ["renamed", "overwritten", "removed", "emptied", "cut off", "empty at first"])
def test_a_geoip_file_that_changes_under_a_running_worker(tmp_path: Path, geoip: str, change: str) -> None:
    path, other = tmp_path / "places.mmdb", tmp_path / "other.mmdb"
    path.write_bytes(Path(geoip).read_bytes())
    writer = MMDBWriter(6, "GeoLite2-City", ipv4_compatible=True, languages=["en"], description="other")
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"country": {"iso_code": "NZ"}})
    writer.to_db_file(str(other))
    places, fresh = Places(str(path)), other.read_bytes()
    assert places.of(BERLIN).country == "DE"
    mapped = Path("/proc/self/maps")
    assert not mapped.exists() or path.name not in mapped.read_text(), "looking into a mapped file that shrinks kills"
    if change == "renamed":
        other.rename(path)
    elif change == "removed":
        path.unlink()
    elif change == "empty at first":
        path.write_bytes(b"")
        assert places.of(BERLIN).country is None
    if change != "renamed" and change != "removed":
        path.write_bytes({"emptied": b"", "cut off": fresh[:200]}.get(change, fresh))
    is_whole = change in {"renamed", "overwritten", "empty at first"}
    assert [places.of(BERLIN).country for _ in range(2)] == ["NZ" if is_whole else None] * 2
    assert places.of(SYDNEY).country is None


def test_impossible_travel(make_app: Make, geoip: str, phone: Phone, clock: StillClock) -> None:
    app = make_app(MFA_GATE_GEOIP_DATABASE=geoip)
    put(app, policy(action="deny", when={"risk": ["impossible-travel"]}))
    browser = prove(app, phone, REMOTE_ADDR=BERLIN)
    assert browser.is_in()
    clock.forward(minutes=30)
    assert browser.get("/", environ_base={"REMOTE_ADDR": SYDNEY}).status_code == 403, "in a running session too"
    assert is_refused(app, "dave", REMOTE_ADDR=SYDNEY)
    clock.forward(hours=30)
    assert not is_refused(app, "dave", REMOTE_ADDR=SYDNEY)
    assert is_refused(app, "dave", REMOTE_ADDR="10.0.0.1"), "from nowhere known it can't be told"


def test_without_coordinates_only_another_country_within_minutes_is_impossible(
    make_app: Make, geoip: str, phone: Phone, clock: StillClock
) -> None:
    app = make_app(MFA_GATE_GEOIP_DATABASE=geoip)
    put(app, policy(action="deny", when={"risk": ["impossible-travel"]}))
    prove(app, phone, REMOTE_ADDR=LISBON)
    clock.forward(minutes=29)
    assert is_refused(app, "dave", REMOTE_ADDR=BERLIN)
    clock.forward(minutes=2)
    assert not is_refused(app, "dave", REMOTE_ADDR=BERLIN)


# platform and browser


@pytest.mark.parametrize(
    ("agent", "platform", "name"),
    [
        (CHROME, "windows", "chrome"), (FIREFOX, "linux", "firefox"), (ANDROID, "android", "chrome"),
        (IPHONE, "ios", "safari"), (IPHONE_CHROME, "ios", "chrome"), (MAC, "macos", "safari"),
        (EDGE, "windows", "edge"), (SAMSUNG, "android", "samsung"), (CHROMEBOOK, "chromeos", "chrome"),
        (OPERA, "windows", "opera"), (BOT, None, "other"), ("", None, None), ("junk", None, None),
    ],
)  # fmt: skip
def test_client_words(app: Flask, agent: str, platform: str | None, name: str | None) -> None:
    from flask_mfa_gate.web.authorization.facts import client_words

    with app.test_request_context(headers={"User-Agent": agent}) as made:
        assert client_words(made.request) == (platform, name)


@pytest.mark.parametrize("agent", ["", "junk", "A" * 10_000, "Mozilla/5.0 (" * 700])
def test_an_unreadable_client_is_unknown_and_costs_no_time(app: Flask, agent: str) -> None:
    put(app, policy("a", "deny", when={"platform": ["android"]}), policy("b", "deny", when={"browser": ["opera"]}))
    with ends_at_all():
        assert is_refused(app, HTTP_USER_AGENT=agent)
    drop(app, "a")
    drop(app, "b")
    put(app, policy(action="allow", when={"all": [{"platform": ["windows"]}, {"network": ["127.0.0.0/8"]}]}))
    assert not signed_in(app, "dave", HTTP_USER_AGENT=agent).is_in()
    assert signed_in(app, "dave", HTTP_USER_AGENT=CHROME).is_in()


def test_a_client_hint_says_the_platform_better_than_a_frozen_user_agent(app: Flask) -> None:
    put(app, policy(action="deny", when={"platform": ["chromeos"]}))
    assert is_refused(app, headers={"User-Agent": CHROME, "Sec-CH-UA-Platform": '"Chrome OS"'})
    assert not is_refused(app, headers={"User-Agent": CHROME, "Sec-CH-UA-Platform": '"Unknown"'})
    assert not is_refused(app, headers={"User-Agent": CHROME, "Sec-CH-UA-Platform": "\xff" * 3000})


# device


@pytest.mark.parametrize(("answer", "refused"), [(True, False), (False, True), (None, True), ("raise", True)])
def test_managed(app: Flask, caplog: pytest.LogCaptureFixture, answer: Any, refused: bool) -> None:
    def is_managed(_request: Any) -> bool | None:
        if answer == "raise":
            raise OSError("secret detail")
        return bool(answer) if answer is not None else None

    with_traits(app, is_managed=is_managed)
    put(app, policy(action="deny", when={"not": {"device": ["managed"]}}))
    assert is_refused(app) is refused
    if answer == "raise":
        assert "is_managed" in caplog.text
        assert "secret detail" not in caplog.text


def test_the_host_is_asked_once_a_request_and_only_for_what_a_policy_here_looks_at(app: Flask, phone: Phone) -> None:
    asked: list[str] = []
    with_traits(app, is_managed=lambda request: bool(asked.append(request.path)))
    put(app, policy("pay", on=["payroll"], action="deny", when={"device": ["managed"]}))
    browser = prove(app, phone)
    asked.clear()
    assert browser.is_in()
    assert asked == [], "no policy on the app looks at the device"
    assert browser.get("/payroll").status_code == 200
    assert asked == ["/payroll"]


@pytest.mark.parametrize("answer", ["no", object(), {"managed": False}, 7, float("nan")])
def test_an_answer_that_is_neither_yes_nor_no_manages_no_device(app: Flask, answer: Any) -> None:
    with_traits(app, is_managed=lambda _request: answer)
    put(app, policy(action="deny", when={"not": {"device": ["managed"]}}))
    assert is_refused(app), "unknown counts for a deny"
    put(app, policy(action="deny", when={"device": ["managed"]}))
    assert is_refused(app), "either way"


@pytest.mark.parametrize("answer", [None, "raise"])
@pytest.mark.parametrize("certificate", ["SUCCESS", "NONE"])
def test_one_known_device_word_makes_no_other_one_known(app: Flask, answer: Any, certificate: str) -> None:
    def is_managed(_request: Any) -> None:
        if answer == "raise":
            raise OSError

    with_traits(app, is_managed=is_managed)
    put(app, policy(action="deny", when={"device": ["managed"]}))
    assert is_refused(app, SSL_CLIENT_VERIFY=certificate), "unknown counts for a deny"


def test_a_certificate_counts_from_the_server_and_never_from_a_header(app: Flask) -> None:
    put(app, policy(action="deny", when={"not": {"device": ["certificate"]}}))
    assert not is_refused(app, SSL_CLIENT_VERIFY="SUCCESS")
    for said in ("NONE", "FAILED:expired", "success", "", "GENEROUS"):
        assert is_refused(app, SSL_CLIENT_VERIFY=said), said
    assert is_refused(app), "no word of the server"
    names = ("SSL-Client-Verify", "SSL_CLIENT_VERIFY", "X-SSL-Client-Verify", "X-Client-Verify")
    assert is_refused(app, headers=dict.fromkeys(names, "SUCCESS"))


# schedule, sign-in, enrollment


def test_schedule(app: Flask, clock: StillClock) -> None:
    put(
        app,
        policy(
            action="deny",
            when={"not": {"schedule": {"days": ["mon-fri"], "hours": "07:00-20:00", "zone": "Europe/Berlin"}}},
        ),
    )
    assert not is_refused(app)
    browser = signed_in(app, "frank")
    clock.forward(hours=9, minutes=59)
    browser.get("/")
    clock.forward(minutes=1)
    assert is_refused(app), "19:00 UTC is 20:00 in Berlin"
    clock.forward(hours=-10, days=5)
    assert is_refused(app), "a Saturday"


def test_remember_me(app: Flask, clock: StillClock) -> None:
    put(app, policy(action="deny", when={"sign_in": ["remember-me"]}))
    browser = Browser(app)
    browser.sign_in("frank", remember="1")
    assert browser.is_in()
    other = Browser(app)
    other.client.set_cookie("remember_token", browser.cookie("remember_token") or "")
    assert other.get("/").status_code == 403
    put(app, policy(action="deny", when={"sign_in": ["federated"]}))
    third = Browser(app)
    third.client.set_cookie("remember_token", browser.cookie("remember_token") or "")
    assert third.is_in(), "a remembered sign-in is known to be none of another kind"


def test_enrollment_status(app: Flask, phone: Phone) -> None:
    put(app, policy(action="deny", on=["payroll"], when={"enrollment": ["NOT_ENROLLED"]}))
    assert signed_in(app, "frank").get("/payroll").status_code == 403
    assert prove(app, phone).get("/payroll").status_code == 200


# risk


def test_new_device_and_new_address(app: Flask, phone: Phone, clock: StillClock) -> None:
    put(app, policy(on=["payroll"], max_age=60, when={"risk": ["new-device", "new-address"]}))
    first = prove(app, phone, HTTP_USER_AGENT=CHROME, REMOTE_ADDR=BERLIN)
    clock.forward(minutes=2)
    assert first.get("/payroll").location == "/mfa/challenge", "at a first sign-in both are new"
    again = prove(app, phone, HTTP_USER_AGENT=CHROME, REMOTE_ADDR=BERLIN)
    clock.forward(minutes=2)
    assert again.get("/payroll").status_code == 200
    elsewhere = {"environ_base": {"REMOTE_ADDR": SYDNEY}}
    assert again.get("/payroll", **elsewhere).location == "/mfa/challenge"
    assert again.get("/payroll", headers={"User-Agent": FIREFOX}).location == "/mfa/challenge"
    assert again.get("/payroll").status_code == 200


def test_only_proven_sign_ins_make_an_address_known(app: Flask, phone: Phone, clock: StillClock) -> None:
    thief = signed_in(app, "dave", HTTP_USER_AGENT=CHROME, REMOTE_ADDR=SYDNEY)
    assert not thief.is_in()
    put(app, policy(action="deny", when={"risk": ["new-address"]}))
    assert is_refused(app, "dave", HTTP_USER_AGENT=CHROME, REMOTE_ADDR=SYDNEY)


def test_failed_attempts(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = signed_in(app, "dave")
    for _ in range(3):
        assert browser.send("/mfa/challenge", code=phone.wrong_code()).status_code == 422
    put(app, policy(action="deny", when={"risk": ["failed-attempts"]}))
    assert is_refused(app, "dave")
    assert browser.get("/mfa/challenge").status_code == 403, "the sign-in that waits is judged by it too"
    assert not is_refused(app, "frank")
    clock.forward(hours=1, seconds=1)
    assert not is_refused(app, "dave")


def host_risk_app(make_app: Make, signals: Callable[[Any, Any], Any]) -> Flask:
    from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN

    app = make_app()
    with_traits(app, risk_signals=signals)
    with_registry(app, BUILT_IN.with_risk(["tor"]))
    return app


def with_registry(app: Flask, registry: Any) -> None:
    state = state_of(app)
    state.access.policies._registry = registry
    versions = PolicyVersions(state.store, registry)
    state.access.policies._versions, state.access.policies.at = versions, versions.at
    state.access.linter._registry = registry


def test_risk_signals_of_the_host(make_app: Make, phone: Phone) -> None:
    from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN

    told: dict[str, Any] = {"answer": {"tor": False}}
    app = host_risk_app(make_app, lambda user, request: told["answer"])
    put(app, policy(action="deny", when={"risk": ["tor"]}, registry=BUILT_IN.with_risk(["tor"])))
    browser = prove(app, phone)
    assert browser.is_in(), "the gate's own pages know what the host said"
    assert browser.get("/mfa/").status_code == 200
    told["answer"] = {"tor": True}
    assert browser.get("/").status_code == 403
    assert is_refused(app)


@pytest.mark.parametrize("answer", [None, "", [], 7])
def test_a_signal_of_the_host_that_is_neither_raised_nor_not_is_unknown(make_app: Make, answer: Any) -> None:
    from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN

    registry = BUILT_IN.with_risk(["tor"])
    app = host_risk_app(make_app, lambda user, request: {"tor": answer})
    for when in ({"risk": ["tor"]}, {"not": {"risk": ["tor"]}}):
        put(app, policy(action="deny", when=when, registry=registry))
        assert is_refused(app), "unknown counts for a deny"


def test_a_signal_of_the_host_is_known_in_any_case(make_app: Make, phone: Phone) -> None:
    from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN

    app = host_risk_app(make_app, lambda user, request: {"TOR": False})
    put(app, policy(action="deny", when={"risk": ["tor"]}, registry=BUILT_IN.with_risk(["tor"])))
    assert prove(app, phone).is_in(), "it was told, and is not raised"


@pytest.mark.parametrize("answer", ["raise", None, {}, {"other": True}, ["tor"], 7])
def test_a_risk_callback_that_fails_or_says_nothing_is_unknown(
    make_app: Make, phone: Phone, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN

    def signals(user: Any, request: Any) -> Any:
        if answer == "raise":
            raise OSError("secret detail")
        return answer

    app = host_risk_app(make_app, signals)
    put(app, policy(action="deny", when={"risk": ["tor"]}, registry=BUILT_IN.with_risk(["tor"])))
    assert is_refused(app)
    assert "secret detail" not in caplog.text
    if not isinstance(answer, dict):
        assert "risk_signals" in caplog.text


def test_risk_is_taken_when_a_rule_asks_and_kept(app: Flask, phone: Phone) -> None:
    prove(app, phone)
    assert all(row["risk"] is None or row["risk"] == "null" for row in rows(app, "session"))


def test_a_moved_phone_does_not_lose_its_pending_sign_in(app: Flask, phone: Phone) -> None:
    put(app, policy(action="deny", when={"risk": ["failed-attempts"]}))
    browser = signed_in(app, "dave", REMOTE_ADDR=BERLIN)
    browser.client.environ_base["REMOTE_ADDR"] = LISBON
    assert browser.get("/").location == "/mfa/challenge"
    browser.client.environ_base["REMOTE_ADDR"] = SYDNEY
    assert browser.get("/mfa/challenge").status_code == 200, "signals are taken again where it is now"
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"


def test_a_rule_on_risk_that_comes_while_a_sign_in_waits_knows_its_facts(app: Flask, phone: Phone) -> None:
    browser = signed_in(app, "dave")
    put(app, policy(action="deny", when={"risk": ["failed-attempts"]}))
    assert browser.get("/mfa/challenge").status_code == 200
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"


# request


def test_a_directory_that_does_not_know_the_user_leaves_their_groups_unknown() -> None:
    class Strangers:
        get = staticmethod(lambda key: None)
        page = staticmethod(lambda after_key, limit: [])

    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app, directory=Strangers())
    host.app.add_url_rule("/login", "login", lambda: str(login_user(User("1"))), methods=["POST"])
    host.app.add_url_rule("/", "home", lambda: "home")
    put(host.app, policy("leavers", "deny", users={"include": ["group:leavers"]}))
    client = host.client()
    client.post("/login")
    assert client.get("/").status_code == 403


def test_methods_and_endpoints(app: Flask, phone: Phone) -> None:
    put(app, policy(action="deny", on=["payroll"], when={"request": {"methods": ["GET"]}}))
    browser = prove(app, phone)
    assert browser.get("/payroll").status_code == 403
    assert browser.client.head("/payroll").status_code == 403, "HEAD is answered by the view of GET"
    drop(app, "rule")
    put(app, policy(action="deny", when={"request": {"endpoints": ["portal.wiki"]}}))
    assert browser.get("/wiki").status_code == 403
    for odd in ("//wiki", "/wiki/", "/WIKI", "/./wiki", "/%77iki", "/wiki;x", "/wiki?"):
        assert browser.get(odd).status_code in {403, 404, 308}, odd
    assert browser.is_in()


# words of the host


def test_a_word_of_the_host_in_five_lines(make_app: Make, caplog: pytest.LogCaptureFixture) -> None:
    from flask_mfa_gate.domain.policy.conditions.listed import ListedWord
    from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN

    badges: dict[str, str] = {}

    def badge(subject: Any, environment: Any) -> str | None:
        return badges[subject.key]

    registry = BUILT_IN.with_word(ListedWord("badge", badge))
    app = make_app()
    with_registry(app, registry)
    put(app, policy(action="deny", when={"badge": ["red"]}, registry=registry))
    frank = key_of(app, "frank")
    with caplog.at_level(logging.WARNING):
        assert is_refused(app), "a word that raises is unknown"
    assert "badge" in caplog.text
    assert frank not in " ".join(caplog.messages)
    badges[frank] = "green"
    assert not is_refused(app)
    badges[frank] = "red"
    assert is_refused(app)


@pytest.mark.parametrize("fact", [7, 7.0, True, b"7", ("7",), object()])
def test_a_fact_of_the_host_that_is_no_text_is_unknown(make_app: Make, fact: Any) -> None:
    from flask_mfa_gate.domain.policy.conditions.listed import ListedWord
    from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN

    registry = BUILT_IN.with_word(ListedWord("badge", lambda subject, environment: fact))
    app = make_app()
    with_registry(app, registry)
    for when in ({"badge": ["7"]}, {"not": {"badge": ["7"]}}):
        put(app, policy(action="deny", when=when, registry=registry))
        assert is_refused(app), "unknown counts for a deny"


@pytest.mark.parametrize("conditions", [{}, [], "badge", None])
def test_conditions_are_a_registry(conditions: Any) -> None:
    from tests.hosts_small.kit import Host

    host = Host()
    host.with_login_manager()
    with pytest.raises(ConfigError, match="conditions="):
        host.gate.init_app(host.app, conditions=conditions)


def test_conditions_are_given_to_init_app() -> None:
    from flask_login import UserMixin, login_user

    from flask_mfa_gate.domain.policy.conditions.listed import ListedWord
    from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN
    from tests.hosts_small.kit import Host, User

    host = Host()
    host.with_login_manager()
    assert issubclass(User, UserMixin)
    registry = BUILT_IN.with_word(ListedWord("badge", lambda subject, environment: "red"))
    host.gate.init_app(host.app, conditions=registry)

    @host.app.get("/login")
    def login() -> str:
        login_user(User("1"))
        return "in"

    put(host.app, policy(action="deny", when={"badge": ["red"]}, registry=registry))
    assert host.client().get("/login").location == "/mfa/blocked"
