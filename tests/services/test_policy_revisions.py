"""Policies renamed, copied, deleted, brought back, undone; and what an author had before them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate import Actor
from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.domain.policy.document.policy import Policy, PolicyState
from flask_mfa_gate.domain.policy.facts import Environment
from flask_mfa_gate.errors import BadRequest, Conflict, MFAGateError, NotAllowed, PolicyError
from flask_mfa_gate.services.policies.policies import PolicyService
from flask_mfa_gate.services.policies.writing import EditContext
from tests.conftest import key_of, state_of
from tests.policy_kit import graces, policy


@pytest.fixture
def service(app: Flask) -> Iterator[PolicyService]:
    with app.app_context():
        yield state_of(app).access.policies


def names(service: PolicyService) -> list[str]:
    return [one.name for one in service.list()]


def refused(code: str, act: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(Conflict) as caught:
        act(*arguments, **options)
    assert caught.value.reason == code
    return str(caught.value)


def test_a_policy_is_renamed_copied_deleted_and_brought_back(app: Flask, service: PolicyService) -> None:
    service.save(policy("a", on=["payroll"], grace_days=3))
    service.save(policy("b", on=["wiki"]))
    frank = key_of(app, "frank")
    state_of(app).people.enrollments.require(frank, days=7, notify=False)
    service.note_graces(frank, ["a"])
    since = graces(app, "frank")["a"]
    service.rename("a", "c")
    assert names(service) == ["b", "c"]
    assert graces(app, "frank") == {"c": since}, "grace runs on"
    service.duplicate("c", "d")
    assert (service.get("d").state, service.get("d").resources) == (PolicyState.OFF, ("payroll",))
    refused("exists", service.rename, "c", "b")
    refused("exists", service.duplicate, "c", "b")
    refused("exists", service.add, policy("b"))
    refused("exists", service.restore, "b")
    service.delete("c")
    service.delete("d")
    assert [one.name for one in service.deleted()] == ["d", "c"]
    service.restore("c")
    assert service.get("c") == policy("c", on=["payroll"], grace_days=3)
    assert [one.name for one in service.deleted()] == ["d"]
    acts = [one.event.details["act"] for one in _records(app)]
    assert acts == ["save", "save", "rename-policy", "save", "delete", "delete", "restore"]
    for act in (service.delete, service.restore):
        with pytest.raises(BadRequest):
            act("nothing")


def _records(app: Flask) -> list[Any]:
    store = state_of(app).store
    with store.database.read() as tx:
        return [one for one in store.audit.records(tx, subject="") if one.event.name == "policy_changed"]


@pytest.mark.parametrize("name", ["new", "import", "export", "preview", "a/b", ".", ".."])
def test_a_name_without_a_page_is_refused(service: PolicyService, name: str) -> None:
    service.save(policy("a"))
    for act in (lambda: service.save(policy(name)), lambda: service.rename("a", name)):
        with pytest.raises(PolicyError, match="name must not"):
            act()
    assert names(service) == ["a"]


def test_one_change_is_undone_and_later_ones_stay(service: PolicyService) -> None:
    service.save(policy("a", on=["payroll"]))
    service.save(policy("a", on=["wiki"]))
    service.save(policy("b"))
    service.save_network(Network("office", ("198.51.100.0/24",)))
    service.undo(2)
    assert service.get("a") == policy("a", on=["payroll"])
    assert names(service) == ["a", "b"]
    service.undo(3)
    assert names(service) == ["a"]
    assert "'a' was changed again later" in refused("changed-since", service.undo, 2)
    service.rollback(2, name="a")
    assert service.get("a").resources == ("wiki",)
    assert [one.name for one in service.current().networks] == ["office"]
    service.undo(4)
    assert service.current().networks == ()
    for version in (0, 99):
        with pytest.raises(BadRequest, match="no version"):
            service.undo(version)
    with pytest.raises(BadRequest, match="no policy"):
        service.rollback(1, name="b")


def test_who_read_an_older_version_is_told(service: PolicyService) -> None:
    service.save(policy("a"))
    read = EditContext(service.version())
    service.save(policy("b"))
    service.save(policy("a", on=["wiki"]), context=read)
    before = service.current()
    for act in (
        lambda: service.save(policy("a"), context=read), lambda: service.set_state("a", "off", context=read),
        lambda: service.delete("a", context=read), lambda: service.rename("a", "c", context=read),
        lambda: service.rollback(1, context=read), lambda: service.undo(1, context=read),
        lambda: service.import_("version = 1", dry_run=False, context=read),
    ):  # fmt: skip
        assert "Somebody else changed this" in refused("stale", act)
    assert service.current() == before


def test_only_admins_change_anything(app: Flask, service: PolicyService) -> None:
    service.save(policy("a"))
    service.save_network(Network("office", ("198.51.100.0/24",)))
    before = service.current()
    for username in ("grace", "hugo", "frank"):
        actor = Actor.user(key_of(app, username))
        for act in (
            lambda by: service.add(policy("b"), actor=by), lambda by: service.rename("a", "b", actor=by),
            lambda by: service.duplicate("a", "b", actor=by), lambda by: service.delete("a", actor=by),
            lambda by: service.undo(1, actor=by), lambda by: service.rollback(1, actor=by),
            lambda by: service.rename_network("office", "home", actor=by),
            lambda by: service.delete_network("office", actor=by),
        ):  # fmt: skip
            with pytest.raises(NotAllowed):
                act(actor)
    assert service.current() == before


def test_networks_are_renamed_where_they_are_used_and_kept_while_they_are(service: PolicyService) -> None:
    service.save_network(Network("office", ("198.51.100.0/24",)))
    service.save(policy("a", when={"any": [{"not": {"network": ["office", "10.0.0.1"]}}, {"platform": ["ios"]}]}))
    assert "used by a" in refused("in-use", service.delete_network, "office")
    service.save_network(Network("home", ("192.0.2.1",)))
    refused("exists", service.rename_network, "office", "home")
    service.rename_network("office", "headquarters")
    assert service.get("a").to_document()["conditions"] == {
        "any": [{"not": {"network": ["headquarters", "10.0.0.1"]}}, {"platform": ["ios"]}]
    }
    service.delete_network("home")
    assert [one.name for one in service.current().networks] == ["headquarters"]
    with pytest.raises(MFAGateError):
        service.delete_network("home")


def test_nobody_locks_themselves_out_from_where_they_are(app: Flask, service: PolicyService) -> None:
    ada = Actor.user(key_of(app, "ada"))
    service.save_network(Network("office", ("198.51.100.0/24",)))
    outside: Policy = policy("outside", "deny", when={"not": {"network": ["office"]}})
    away = EditContext(here=Environment(address="203.0.113.9"))
    inside = EditContext(here=Environment(address="198.51.100.7"))
    assert "from the address you are at now" in refused("lint", service.save, outside, actor=ada, context=away)
    service.save(outside, actor=ada, context=inside)
    moved = Network("office", ("192.0.2.0/24",))
    refused("lint", service.save_network, moved, actor=ada, context=inside)
    service.set_state("outside", "off", actor=ada)
    refused("lint", service.rollback, 2, actor=ada, context=away)
    refused("lint", service.undo, 3, actor=ada, context=away)
    text = service.export().replace('state = "off"', 'state = "on"')
    refused("lint", service.import_, text, actor=ada, dry_run=False, context=away)
    service.set_state("outside", "on", actor=ada, context=inside)
    service.delete("outside", actor=ada)
    refused("lint", service.restore, "outside", actor=ada, context=away)
    service.restore("outside", actor=ada, context=inside)


def test_how_many_a_policy_is_about(app: Flask, service: PolicyService) -> None:
    state = state_of(app)
    state.people.users.sync()
    for name, users in {
        "everybody": {}, "finance": {"include": ["group:finance"]}, "none": {"include": []},
        "but": {"include": ["all"], "exclude": ["group:finance", f"user:{key_of(app, 'ada')}", "user:gone"]},
        "two": {"include": ["group:finance", f"user:{key_of(app, 'ada')}"]}, "zero": {"exclude": ["all"]},
    }.items():  # fmt: skip
        service.save(policy(name, users=users, state="off"))
    found = state.access.overview.reach(service.list())
    assert found == {"everybody": 8, "finance": 1, "none": 0, "but": 6, "two": 2, "zero": 0}
    last = state.access.overview.last_changes(["everybody", "but", "other"])
    assert {name: one.version for name, one in last.items()} == {"everybody": 1, "but": 4}
