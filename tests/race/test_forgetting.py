"""A user is forgotten while something of theirs is just being written."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.domain.sign_in.assurance import Method
from flask_mfa_gate.store.enrollment.access_passes import AccessPasses
from tests.conftest import NoPolicies, StillClock, state_of
from tests.services.kit import rows
from tests.web.kit import signed_in


def test_forgetting_somebody_waits_for_a_session_that_is_just_rising(app: Flask, clock: StillClock) -> None:
    """On a server the new id would otherwise be written after the rows were deleted, with all its proofs."""
    browser, state = signed_in(app, "dave"), state_of(app)
    found = state.sign_in.sessions.find(browser.cookie() or "")
    assert found is not None
    order: list[str] = []
    with app.app_context():

        def elevate(work: Any) -> None:
            entry = state.sign_in.sessions.elevate(
                work, found[0], found[0].assurance.with_proof(Method("totp"), at=clock()), authorizer=NoPolicies(state)
            )
            order.append(entry.token)
            forgetting.start()
            forgetting.join(0.5)
            order.append("risen")

        def forget() -> None:
            state.people.users.forget("4")
            order.append("forgotten")

        forgetting = threading.Thread(target=forget)
        state.worker.run(elevate)
        forgetting.join()
    assert order[1:] == ["risen", "forgotten"]
    assert state.sign_in.sessions.find(order[0]) is None


def test_forgetting_somebody_waits_for_a_pass_that_is_just_issued(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passes are deleted before the row that whoever issues one holds, so the new one would stay."""
    state, add, order = state_of(app), AccessPasses.add, []

    def add_and_forget(*args: Any, **options: Any) -> None:
        add(*args, **options)
        monkeypatch.setattr(AccessPasses, "add", add)
        forgetting.start()
        forgetting.join(0.5)
        order.append("issued")

    def forget() -> None:
        with app.app_context():
            state.people.users.forget("4")
        order.append("forgotten")

    monkeypatch.setattr(AccessPasses, "add", add_and_forget)
    forgetting = threading.Thread(target=forget)
    with app.app_context():
        state.people.access_passes.issue("4")
    forgetting.join()
    assert order == ["issued", "forgotten"]
    assert rows(state.store, "access_pass") == []
