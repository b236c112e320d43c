"""Policies as they are kept: versions, roles, lint, other workers, and a set that can't be read."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from example_app import create_app
from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.domain.policy.document.codec import write_document
from flask_mfa_gate.domain.policy.document.effect import Action, Effect
from flask_mfa_gate.domain.policy.document.policy import Policy, PolicySet, PolicyState
from flask_mfa_gate.domain.policy.document.users import Users
from flask_mfa_gate.errors import BadRequest, Conflict, MFAGateError, NotAllowed, PolicyError, StoreBusy, UnknownUser
from flask_mfa_gate.services.policies.policies import PolicyService
from flask_mfa_gate.services.policies.versions import PolicyVersions
from tests.conftest import Browser, Phone, StillClock, at_once, close_portal, key_of, portal_config, state_of
from tests.policy_kit import CHROME, OFFICE, graces, policy, prove, put, signed_in

Make = Callable[..., Flask]


@pytest.fixture
def service(app: Flask) -> Iterator[PolicyService]:
    with app.app_context():
        yield state_of(app).access.policies


def records(app: Flask) -> list[dict[str, Any]]:
    return [one for one in state_of(app).operations.audit.export() if one["event"] == "policy_changed"]


# Kept, changed, taken out


def test_the_proxies_of_the_settings_are_looked_for_in_allowed_networks(make_app: Any) -> None:
    app = make_app(MFA_GATE_TRUSTED_PROXIES=["10.20.0.7", "::ffff:192.0.2.9"], MFA_GATE_BREAK_GLASS=["7"])
    draft = PolicySet((policy("office", "allow", when={"network": ["10.20.0.0/16"]}),))
    with app.app_context():
        (remark,) = state_of(app).access.linter.remarks(draft)
    assert (remark.code, remark.level) == ("network-has-proxy", "warning")
    assert "the proxy 10.20.0.7 is" in remark.sentence


def test_save_list_get_delete(service: PolicyService) -> None:
    assert service.list() == []
    diff = service.save(policy("b"))
    assert (diff.added, diff.changed, diff.removed) == (("b",), (), ())
    service.save(policy("a", "deny", on=["payroll"], message="no"))
    assert [one.name for one in service.list()] == ["a", "b"]
    assert service.get("a") == policy("a", "deny", on=["payroll"], message="no")
    assert service.save(policy("a", "allow", on=["payroll"], when={"network": [OFFICE]})).changed == ("a",)
    assert service.delete("b").removed == ("b",)
    for act in (service.get, service.delete):
        with pytest.raises(BadRequest):
            act("b")
    with pytest.raises(BadRequest):
        service.set_state("b", "on")
    with pytest.raises(BadRequest):
        service.set_state("a", "enabled")
    service.set_state("a", "report-only")
    assert service.get("a").state is PolicyState.REPORT_ONLY


def test_a_factor_that_the_app_leaves_out_is_warned_of(app: Flask, service: PolicyService) -> None:
    service.save(policy("keys", on=["payroll"], factors=["webauthn"]))
    remarks = state_of(app).access.linter.remarks(service.current())
    assert ("factor-off", "keys") in [(one.code, one.policy) for one in remarks]


def test_what_changes_nothing_makes_no_version(service: PolicyService) -> None:
    service.save(policy())
    service.save(policy())
    assert len(service.history()) == 1


DENY = Effect(Action.DENY)


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        (Policy("rule", DENY, resources="payroll"), "resources must be a list"),  # type: ignore[arg-type]
        (Policy("rule", DENY, users=Users("all")), "users.include must be a list"),  # type: ignore[arg-type]
        (Policy("rule", DENY, users=Users(exclude="user:1")), "users.exclude must be a list"),  # type: ignore[arg-type]
        (Policy("rule", Effect(Action.REQUIRE, factors="totp")), "effect.factors must be a list"),  # type: ignore[arg-type]
        (Policy("rule", Effect(Action.REQUIRE, factors={"webautn"})), "webauthn"),  # type: ignore[arg-type]
        (Policy("rule", "deny"), "from_document"),  # type: ignore[arg-type]
        (Policy("rule", Effect(Action.REQUIRE, max_age=900)), "from_document"),  # type: ignore[arg-type]
        (Policy("rule", DENY, users=["all"]), "from_document"),  # type: ignore[arg-type]
        (Policy("rule", DENY, state="On"), "^state must be one of on, off"),  # type: ignore[arg-type]
        (Policy(None, DENY), "^name must be a string"),  # type: ignore[arg-type]
        ({"name": "rule", "effect": {"action": "deny"}}, "from_document"),
        (None, "from_document"),
    ],
)  # fmt: skip
def test_a_policy_that_python_made_is_read_like_a_document(service: PolicyService, made: Any, fault: str) -> None:
    with pytest.raises((PolicyError, BadRequest), match=fault):
        service.save(made)
    if isinstance(made, Policy):
        with pytest.raises(PolicyError):
            service.compile(PolicySet((made,)))
    assert service.list() == []


def test_words_stand_for_their_kinds(service: PolicyService) -> None:
    service.save(Policy("rule", Effect("require", factors=["totp"]), state="on", resources=["payroll"]))  # type: ignore[arg-type]
    assert service.get("rule") == policy("rule", factors=["totp"], on=["payroll"])


@pytest.mark.parametrize("text", [None, b"version = 1", {"version": 1}, 5])
def test_what_is_no_text_is_no_document(service: PolicyService, text: Any) -> None:
    with pytest.raises(PolicyError, match="must be a string"):
        service.import_(text)


@pytest.mark.parametrize("version", [0, -1, 7, 2**70, None, "1", True])
def test_a_version_that_is_not_there(service: PolicyService, version: Any) -> None:
    service.save(policy())
    with pytest.raises(BadRequest, match="no version"):
        service.rollback(version)


def test_the_history_of_a_policy_that_never_was(service: PolicyService) -> None:
    assert service.history("rule") == []
    service.save(policy("other"))
    assert service.history("rule") == []
    assert [one.version for one in service.history("other")] == [1]


@pytest.mark.parametrize(
    ("actor", "error"), [(None, BadRequest), (5, BadRequest), ("", NotAllowed), ("user:", NotAllowed)]
)
def test_somebody_has_to_act(service: PolicyService, actor: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="Say who acts"):
        service.save(policy(), actor=actor)


@pytest.mark.parametrize("entries", ["10.0.0.1", None, 5])
def test_entries_of_a_network_are_a_list(service: PolicyService, entries: Any) -> None:
    with pytest.raises(PolicyError, match=r"must be a list|wrong type"):
        service.save_network(Network("office", entries))


def test_networks(service: PolicyService) -> None:
    service.save_network(Network("office", ("10.0.0.0/8",)))
    with pytest.raises(PolicyError):
        service.save(policy(when={"network": ["ofice"]}))
    service.save(policy(when={"network": ["office"]}))
    service.save_network(Network("office", ("10.0.0.0/8", OFFICE)))
    assert service.current().networks == (Network("office", ("10.0.0.0/8", OFFICE)),)


@pytest.mark.parametrize("form", ["toml", "json"])
def test_a_document_goes_out_and_comes_in_again(service: PolicyService, form: str) -> None:
    service.save_network(Network("office", ("10.0.0.0/8",)))
    service.save(policy("a", when={"network": ["office"]}, grace_days=3))
    service.save(policy("b", "deny", on=["payroll"], state="off"))
    whole, document = service.current(), service.export(form)
    service.delete("b")
    found = service.import_(document)
    assert found.added == ("b",)
    assert [one.name for one in service.list()] == ["a"], "a dry run is the default"
    service.import_(document, dry_run=False)
    assert service.current() == whole
    with pytest.raises(BadRequest):
        service.export("yaml")


def test_import_replaces_all_and_merge_keeps_the_rest(service: PolicyService) -> None:
    service.save_network(Network("office", ("10.0.0.0/8",)))
    service.save(policy("a"))
    service.save(policy("b", when={"network": ["office"]}))
    document = json.dumps(
        {"version": 1, "policies": [{"name": "c", "state": "on", "effect": {"action": "require"}, "resources": ["payroll"],
         "conditions": {"network": ["office"]}}]}
    )  # fmt: skip
    with pytest.raises(PolicyError):
        service.import_(document, dry_run=False)
    merged = service.import_(document, merge=True, dry_run=False)
    assert (merged.added, merged.removed) == (("c",), ())
    alone = json.dumps({"version": 1, "policies": [{"name": "d", "effect": {"action": "require"}}]})
    found = service.import_(alone)
    assert (found.added, found.removed) == (("d",), ("a", "b", "c"))
    assert found.loosens
    service.import_(alone, dry_run=False)
    assert [one.name for one in service.list()] == ["d"]
    for faulty in ("", "{", "version = 2", '{"version": 1, "polices": []}', "[" * 5000):
        with pytest.raises(PolicyError):
            service.import_(faulty, dry_run=False)
    assert [one.name for one in service.list()] == ["d"]


def test_history_with_author_and_time_and_rollback(app: Flask, service: PolicyService, clock: StillClock) -> None:
    admin = f"user:{key_of(app, 'ada')}"
    service.save(policy("a", grace_days=1), actor=admin, reason="first")
    clock.forward(hours=1)
    service.save(policy("a", grace_days=2), actor="cli")
    service.save_network(Network("a", ("10.0.0.0/8",)))
    service.save(policy("b", grace_days=1))
    service.delete("a")
    versions = service.history()
    assert [(one.version, one.act, one.subject, one.author) for one in versions] == [
        (5, "delete", "a", "host"), (4, "save", "b", "host"), (3, "network", "a", "host"), (2, "save", "a", "cli"),
        (1, "save", "a", admin),
    ]  # fmt: skip
    assert (versions[3].at - versions[4].at).total_seconds() == 3600
    assert [one.version for one in service.history("a")] == [5, 2, 1], "where it differs from the one before"
    found = service.rollback(1)
    assert (found.added, found.removed) == (("a",), ("b",))
    assert service.get("a") == policy("a", grace_days=1)
    assert service.current().networks == ()
    assert service.history()[0].version == 6, "a rollback is a version of its own"
    assert [one.version for one in service.history("a")] == [6, 5, 2, 1]
    assert [one.version for one in service.history("b")] == [6, 4]
    for version in (0, -1, 7, True, "1", None, 2**31, 2**63, 10**40):
        with pytest.raises(BadRequest):
            service.rollback(version)  # type: ignore[arg-type]
    told = records(app)
    assert (told[0]["actor"], told[0]["reason"], told[0]["details"]["policy"]) == (admin, "first", "a")
    assert told[-1]["details"]["act"] == "rollback"


# Who may


def test_only_an_admin_and_the_words_write_policies(app: Flask, service: PolicyService) -> None:
    service.save(policy("kept", on=["payroll"]))
    document = service.export()
    for name in ("grace", "hugo", "frank", "erin"):
        actor = f"user:{key_of(app, name)}"
        for act in (
            lambda a: service.save(policy(), actor=a), lambda a: service.delete("kept", actor=a),
            lambda a: service.set_state("kept", "off", actor=a), lambda a: service.rollback(1, actor=a),
            lambda a: service.save_network(Network("n", ("10.0.0.1",)), actor=a),
            lambda a: service.import_(document, actor=a, dry_run=False),
            lambda a: service.import_("not even read", actor=a, dry_run=False),
            lambda a: service.restart_grace(key_of(app, "bob"), "kept", actor=a),
        ):  # fmt: skip
            with pytest.raises(NotAllowed):
                act(actor)
    for odd in ("user:99", "nobody", "user:", "admin", "user:cli", "CLI", "cli "):
        with pytest.raises(NotAllowed):
            service.save(policy(), actor=odd)
    for word in ("cli", "host", "system", f"user:{key_of(app, 'ada')}", key_of(app, "ada")):
        service.save(policy(message=word), actor=word)


def test_a_switched_off_admin_writes_nothing(app: Flask, service: PolicyService) -> None:
    from example_app.models import User, db

    db.session.get(User, int(key_of(app, "ada"))).enabled = False  # type: ignore[union-attr]
    db.session.commit()
    with pytest.raises(NotAllowed):
        service.save(policy(), actor=f"user:{key_of(app, 'ada')}")


def test_grace_is_restarted_by_another_admin_and_for_a_policy_that_is_there(app: Flask, service: PolicyService) -> None:
    ada = key_of(app, "ada")
    service.save(policy("soft", grace_days=3))
    with pytest.raises(NotAllowed):
        service.restart_grace(ada, "soft", actor=f"user:{ada}")
    with pytest.raises(BadRequest):
        service.restart_grace(key_of(app, "bob"), "sof", actor="cli")
    service.restart_grace(key_of(app, "bob"), "soft", actor=f"user:{ada}")
    assert set(graces(app, "bob")) == {"soft"}


@pytest.mark.parametrize("key", ["4711", "", "a\0", None, 5])
def test_grace_is_for_somebody(app: Flask, service: PolicyService, key: Any) -> None:
    service.save(policy("soft", grace_days=3))
    with pytest.raises(UnknownUser):
        service.restart_grace(key, "soft", actor="cli")
    with state_of(app).store.database.read() as tx:
        assert not tx.execute(text("SELECT 1 FROM mfa_gate_enrollment WHERE user_key IN ('4711', '', '5')")).all()


# Lint


def test_errors_refuse_what_is_switched_on_and_nothing_else(app: Flask, service: PolicyService) -> None:
    with app.app_context():
        state_of(app).gate.users.sync()
    trap = policy("trap", "deny", state="off")
    service.save(trap)
    ada = f"user:{key_of(app, 'ada')}"
    with pytest.raises(Conflict, match="trap") as caught:
        service.set_state("trap", "on", actor=ada)
    assert caught.value.reason == "lint"
    with pytest.raises(Conflict):
        service.save(policy("trap", "deny"), actor="cli")
    with pytest.raises(Conflict):
        service.import_(service.export().replace('"off"', '"on"'), dry_run=False)
    with pytest.raises(Conflict):
        service.save(policy("place", "deny", when={"country": ["DE"]}), actor="cli")
    with pytest.raises(Conflict):
        service.save(policy("lenient", "allow", when={"platform": ["windows"]}), actor="cli")
    assert [(one.name, one.state) for one in service.list()] == [("trap", PolicyState.OFF)]
    service.set_state("trap", "report-only", actor=ada)


@pytest.mark.parametrize("actor", ["ada", "cli", "host"])
def test_an_admin_whom_the_gate_has_not_met_is_not_shut_out(app: Flask, service: PolicyService, actor: str) -> None:
    by = f"user:{key_of(app, actor)}" if actor == "ada" else actor
    with pytest.raises(Conflict, match="every admin"):
        service.save(policy("trap", "deny"), actor=by)
    with pytest.raises(Conflict, match="every admin"):
        service.import_(write_document(PolicySet((policy("trap", "deny"),))), actor=by, dry_run=False)
    assert service.list() == []
    remarks = state_of(app).access.linter.remarks(PolicySet((policy("trap", "deny"),)))
    assert "denies-every-admin" in [one.code for one in remarks]


def test_an_admin_who_came_after_the_last_sync_is_not_shut_out_by_himself(app: Flask, service: PolicyService) -> None:
    state_of(app).gate.users.sync()
    ada = key_of(app, "ada")
    with state_of(app).store.database.write() as tx:
        state_of(app).store.people.delete(tx, [ada])
    with pytest.raises(Conflict, match="Denies you"):
        service.save(policy("trap", "deny", users={"include": [f"user:{ada}"]}), actor=f"user:{ada}")


def test_an_error_that_was_there_before_blocks_no_other_edit(app: Flask, service: PolicyService) -> None:
    check, service._check = service._check, lambda *_: None
    service.save(policy("old", "allow", when={"platform": ["windows"]}))
    service._check = check
    service.save(policy("newer", grace_days=3))
    service.save(policy("newer", grace_days=2))
    service.set_state("old", "off")
    with pytest.raises(Conflict):
        service.set_state("old", "on")


# Known by content


def test_the_same_number_with_other_content_is_seen(app: Flask, make_app: Make) -> None:
    """A database that was restored under running workers goes on from an older number."""
    other = make_app()
    browser = Browser(app)
    browser.sign_in("frank")
    with app.app_context():
        state = state_of(app)
        state.access.policies.save(policy("deny", "deny", users={"include": ["user:5"]}))
        assert browser.is_in()
        with state.store.database.write() as tx:
            tx.execute(state.store.tables.policy_version.delete())
    with other.app_context():
        state_of(other).access.policies.save(policy("deny", "deny", users={"include": ["user:6"]}))
    assert not browser.is_in()


def test_policies_that_are_gone_are_gone(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in("frank")
    with app.app_context():
        state = state_of(app)
        state.access.policies.save(policy("deny", "deny", users={"include": ["user:6"]}))
        assert not browser.is_in()
        with state.store.database.write() as tx:
            tx.execute(state.store.tables.policy_version.delete())
    again = Browser(app)
    again.sign_in("frank")
    assert again.is_in()


def test_a_version_that_is_gone_is_not_a_set_without_rules(app: Flask) -> None:
    with app.app_context(), pytest.raises(MFAGateError, match="can't be read"):
        state_of(app).access.policies.at("a digest that no version has")


# A time zone that this server does not have

NIGHT = {"schedule": {"zone": "US/Eastern", "hours": "22:00-06:00"}}


def test_only_what_the_zone_decides_is_unknown(make_app: Make, request: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app()
    put(app, policy("night", "deny", on=["payroll"], users={"include": ["user:6"]}, when=NIGHT))
    request.getfixturevalue("no_zones")
    again = make_app()
    browser = Browser(again)
    browser.sign_in("frank")
    assert browser.is_in()
    assert [browser.get("/payroll").status_code for _ in range(3)] == [403] * 3, "unknown counts for a deny"
    assert caplog.text.count("does not have; is tzdata installed?") == 1
    with again.app_context():
        service = state_of(again).access.policies
        text = service.export()
        service.import_(text, dry_run=False)
        (found,) = [one for one in state_of(again).gate.doctor() if one.level == "error"]
        assert "does not have its time zone" in found.sentence
        service.set_state("night", "report-only")
        service.save(policy("other", on=["wiki"]))
        assert "US/Eastern" in service.export()
        with pytest.raises(Conflict, match="time zone"):
            service.save(policy("newer", "deny", on=["payroll"], users={"include": ["user:5"]}, when=NIGHT))


def test_an_allow_in_a_zone_that_is_gone_allows_nothing(make_app: Make, request: Any) -> None:
    app = make_app(MFA_GATE_DEFAULT_ACCESS={"payroll": "deny"})
    put(app, policy("night", "allow", on=["payroll"], when={"schedule": {"zone": "US/Eastern"}}))
    browser = Browser(app)
    browser.sign_in("frank")
    assert browser.get("/payroll").status_code == 200
    request.getfixturevalue("no_zones")
    again = Browser(make_app(MFA_GATE_DEFAULT_ACCESS={"payroll": "deny"}))
    again.sign_in("frank")
    assert again.get("/payroll").status_code == 403


# A set that can't be read


def spoil(app: Flask, document: str, version: int = 1) -> None:
    with state_of(app).store.database.write() as tx:
        tx.execute(
            text("UPDATE mfa_gate_policy_version SET document = :document WHERE version = :version"),
            {"document": document, "version": version},
        )


@pytest.mark.parametrize(
    "document",
    ["", "{", "null", '{"version": 9}', '{"version": 1, "policies": [{"name": "x", "effect": {"action": "deny"}, "conditions": {"badge": ["red"]}}]}'],
)  # fmt: skip
def test_an_unreadable_set_shuts_everybody_out_until_it_is_replaced(
    make_app: Make, phone: Phone, document: str
) -> None:
    app = make_app()
    browser = prove(app, phone)
    with app.app_context():
        state_of(app).access.policies.save(policy(on=["payroll"]))
    spoil(app, document)
    for page in ("/", "/payroll", "/mfa/", "/mfa/challenge"):
        assert browser.get(page).status_code == 503, page
    fresh = Browser(app)
    assert fresh.sign_in("frank").status_code == 503
    assert fresh.get("/").status_code == 302
    with app.app_context():
        service = state_of(app).access.policies
        with pytest.raises(PolicyError):
            service.save(policy())
        good = json.dumps({"version": 1, "policies": []})
        service.import_(good, actor="cli")
        service.import_(good, actor="cli", dry_run=False)
    assert browser.get("/").status_code == 200


def test_threads_that_meet_a_new_version_together_load_it_once(make_app: Make, monkeypatch: Any) -> None:
    app = make_app()
    with app.app_context():
        service = state_of(app).access.policies
        service.save(policy("a", on=["payroll"]))
        fresh, loads = PolicyVersions(service._store, service._registry), []
        load = fresh._load
        monkeypatch.setattr(fresh, "_load", lambda: (loads.append(1), time.sleep(0.2), load())[-1])
        with service._store.database.read() as tx:
            digest = service._store.policies.in_force(tx)
    found = at_once([lambda: fresh.at(digest)] * 4)
    assert loads == [1]
    assert all(one is found[0] for one in found)


def test_rollback_is_a_way_out_too(make_app: Make) -> None:
    app = make_app()
    with app.app_context():
        service = state_of(app).access.policies
        service.save(policy("a", on=["payroll"]))
        service.save(policy("b", on=["payroll"]))
        spoil(app, "{", version=2)
        service.rollback(1)
        assert [one.name for one in service.list()] == ["a"]


# Other workers


@pytest.fixture
def two(portal_uri: str, clock: StillClock) -> Iterator[tuple[Flask, Flask]]:
    pair = create_app(portal_config(portal_uri, clock)), create_app(portal_config(portal_uri, clock))
    yield pair
    for app in pair:
        close_portal(app)


def test_a_change_in_one_worker_bites_at_the_very_next_request_of_another(
    two: tuple[Flask, Flask], phone: Phone
) -> None:
    here, there = two
    browser = prove(there, phone)
    assert browser.get("/wiki").status_code == 200
    put(here, policy(action="deny", on=["wiki"]))
    assert browser.get("/wiki").status_code == 403
    with here.app_context():
        state_of(here).access.policies.set_state("rule", "off")
    assert browser.get("/wiki").status_code == 200
    with there.app_context():
        state_of(there).access.policies.rollback(1)
    assert prove_again(here, phone).get("/wiki").status_code == 403


def prove_again(app: Flask, phone: Phone) -> Browser:
    state_of(app).clock.forward(seconds=30)  # type: ignore[attr-defined]
    return prove(app, phone)


def test_two_admins_at_once_lose_nothing(two: tuple[Flask, Flask]) -> None:
    def save(app: Flask, name: str) -> bool:
        with app.app_context():
            try:
                state_of(app).access.policies.save(policy(name, on=["payroll"]))
            except StoreBusy:
                return False
        return True

    names = [f"p{place}" for place in range(8)]
    tasks = [lambda place=place, name=name: save(two[place % 2], name) for place, name in enumerate(names)]
    kept = [name for name, done in zip(names, at_once(tasks), strict=True) if done]  # type: ignore[arg-type]
    assert kept
    with two[0].app_context():
        service = state_of(two[0]).access.policies
        assert [one.name for one in service.list()] == kept, "whoever was told that it is kept finds it"
        assert [one.version for one in service.history()] == list(range(len(kept), 0, -1))


_SAVER = """
import sys
from example_app import create_app
from tests.conftest import StillClock, portal_config, state_of
from tests.policy_kit import policy
app = create_app(portal_config(sys.argv[1], StillClock()))
print("ready", flush=True)
for line in sys.stdin:
    action = line.strip()
    with app.app_context():
        state_of(app).access.policies.save(policy("rule", action, on=["wiki"]))
    print("done", flush=True)
"""


def test_two_real_processes(app: Flask, portal_uri: str, phone: Phone) -> None:
    browser = prove(app, phone)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", _SAVER, portal_uri]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        for action, status in (("deny", 403), ("require", 200), ("deny", 403)):
            print(action, file=other.stdin, flush=True)
            assert other.stdout.readline() == "done\n"
            assert browser.get("/wiki").status_code == status
        other.stdin.close()


def test_a_store_in_memory_keeps_policies() -> None:
    from tests.hosts_small.kit import Host

    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)
    with host.app.app_context():
        host.gate.policies.save(policy())
        host.gate.policies.set_state("rule", "off")
        assert [one.name for one in host.gate.policies.list()] == ["rule"]


# Keys that look like something else


def test_a_user_called_like_a_policy_sees_and_touches_no_record_of_it(app: Flask, service: PolicyService) -> None:
    service.save(policy("secret plan", on=["payroll"]))
    for key in ("policy:secret plan", "policy:", "secret plan", "all", "app"):
        with state_of(app).store.database.read() as tx:
            assert state_of(app).store.audit.recent(tx, key, limit=9) == []
        with suppress(UnknownUser):
            state_of(app).gate.users.forget(key)
    assert records(app)[0]["details"]["policy"] == "secret plan"


def test_group_and_user_words_are_taken_by_their_prefix_only(app: Flask, service: PolicyService) -> None:
    from example_app.models import User, db

    service.save(
        policy("all", "deny", users={"include": ["user:all", "group:all", "group:user:6", "user:group:finance"]})
    )
    assert Browser(app).sign_in("frank").location == "/"
    assert Browser(app).sign_in("erin").location == "/"
    db.session.get(User, int(key_of(app, "frank"))).group = "all"  # type: ignore[union-attr]
    db.session.commit()
    assert Browser(app).sign_in("frank").location == "/mfa/blocked"
    assert signed_in(app, "erin", HTTP_USER_AGENT=CHROME).is_in()
