"""A request that was open while its session was ended does nothing more in its user's name."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate import Conflict
from flask_mfa_gate.domain.authorization.decision import PASSED
from flask_mfa_gate.domain.people.person import NOWHERE, Person
from flask_mfa_gate.domain.sign_in.assurance import SignIn
from flask_mfa_gate.services.sign_in.arrival import Seen, SigningInUser
from tests.conftest import Browser, Phone, state_of
from tests.web.kit import signed_in

_SEEN = Seen(PASSED, {}, None, None, {}, policy_version=0, default_access="user-setting")

ACTS: dict[str, Any] = {
    "end others": lambda state, session, other: state.factors.self_service.end_other_sessions(session),
    "end one": lambda state, session, other: state.factors.self_service.end_session(session, other.lineage),
    "make codes": lambda state, session, other: state.factors.recovery_codes.make(session, origin=NOWHERE),
    "remove a factor": lambda state, session, other: state.factors.self_service.remove_factor(
        session, state.factors.self_service.overview(session).factors[0].id, origin=NOWHERE
    ),
}


def two(app: Flask, phone: Phone, clock: Any) -> Any:
    browsers = [signed_in(app, "dave", phone)]
    clock.forward(seconds=30)
    browsers.append(signed_in(app, "dave", phone))
    return browsers, [state_of(app).sign_in.sessions.look_up(one.cookie() or "").session for one in browsers]


@pytest.mark.parametrize("name", ACTS)
def test_it_ends_nobody_and_makes_nothing(app: Flask, phone: Phone, clock: Any, name: str) -> None:
    state = state_of(app)
    (_, owner), (thief, own) = two(app, phone, clock)
    state.factors.self_service.end_other_sessions(own)
    with pytest.raises(Conflict, match="signed out"):
        ACTS[name](state, thief, own)
    assert owner.is_in()
    assert state.sign_in.revocations.state(own.user_key).revocations == 1


def test_what_is_remembered_of_it_is_not_told_of_the_revocation(app: Flask, phone: Phone, clock: Any) -> None:
    state = state_of(app)
    _, (thief, own) = two(app, phone, clock)
    state.factors.self_service.end_other_sessions(own)
    assert state.sign_in.revocations.standing_beside(thief) is None
    assert state.sign_in.revocations.standing_beside(own).revocations == 1  # type: ignore[union-attr]


def test_a_password_that_an_ended_session_says_it_changed(app: Flask, phone: Phone, clock: Any) -> None:
    state = state_of(app)
    _, (thief, own) = two(app, phone, clock)
    state.factors.self_service.end_other_sessions(own)
    state.people.users.password_changed(own.user_key, by=thief)
    assert state.sign_in.sessions.living(own.user_key) == []


@pytest.mark.parametrize("is_known", [False, True])
def test_a_session_from_before_the_first_password_ends_with_it(app: Flask, is_known: bool) -> None:
    """As that of somebody who came from an upstream, and has set a password since."""
    from tests.web.test_session_stamp import change_password

    state, browser = state_of(app), Browser(app)
    browser.sign_in("frank")
    with state.store.database.write() as tx:
        tx.execute(state.store.tables.session.update().values(stamp=None))
        if not is_known:
            tx.execute(state.store.tables.enrollment.update().values(stamp=None))
    if not is_known:
        assert browser.is_in()
    change_password(app, "frank")
    assert not browser.is_in()


@pytest.mark.parametrize("known", [0, 1])
def test_a_session_of_the_hosts_that_is_revoked_before_it_is_written_down(app: Flask, known: int) -> None:
    """``frank`` comes with a session whose sign-in nobody saw, and it was found good."""
    state = state_of(app)
    state.people.users.password_changed("6")
    who, seen = SigningInUser(Person("6"), (), None), _SEEN

    def begin() -> Any:
        return state.sign_in.sessions.begin(
            who, seen, sign_in=SignIn.SESSION, origin=NOWHERE, parking=None, replaces=None, revocations=known
        )

    if known == 1:
        assert begin().session.user_key == "6"
        return
    with pytest.raises(Conflict, match="signed out"):
        begin()
    assert state.sign_in.sessions.living("6") == []
