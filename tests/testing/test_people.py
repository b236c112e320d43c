"""The testing kit in a throwaway app: what its page says is run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.testing import MovableClock, Tester
from tests.conftest import StillClock, key_of, state_of

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
HOST = """
from datetime import timedelta
from flask import Flask, redirect, request
from flask_login import LoginManager, UserMixin, login_required, login_user
from flask_sqlalchemy import SQLAlchemy
from flask_mfa_gate import MFAGate

gate, db = MFAGate(), SQLAlchemy()


class User(UserMixin, db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(50))


def create_app(config):
    app = Flask(__name__)
    app.config.update(SECRET_KEY="of the tests", **config)
    db.init_app(app)
    manager = LoginManager(app)
    manager.login_view = "login"
    manager.user_loader(lambda key: db.session.get(User, int(key)))

    @app.route("/login", methods=["GET", "POST"])
    def login():
        if request.method == "POST":
            login_user(db.session.scalars(db.select(User).filter_by(name=request.form["name"])).one())
            return redirect("/payroll")
        return "name and password, please"

    @app.get("/payroll")
    @login_required
    @gate.resource("payroll")
    def payroll():
        return "paid"

    @app.get("/transfer")
    @login_required
    @gate.require_mfa(max_age=timedelta(minutes=5))
    def transfer():
        return "how much?"

    gate.init_app(app, db=db, user_model=User)
    with app.app_context():
        db.create_all()
        db.session.add(User(id=1, name="alice"))
        db.session.commit()
    return app
"""
ALICE = """

@pytest.fixture
def alice(app):
    from myapp import User, db

    with app.app_context():
        return db.session.get(User, 1)
"""


def test_the_page_is_true(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(myapp=HOST)
    pytester.syspathinsert()
    blocks = dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
    assert len(blocks) == 4
    blocks["conftest.py"] += ALICE
    for name, code in blocks.items():
        (pytester.path / name).write_text(code, encoding="utf-8")
    done = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-q")
    done.assert_outcomes(passed=5)


@pytest.fixture
def mfa(app: Flask) -> Tester:
    return Tester(app)


def user_called(app: Flask, name: str) -> Any:
    from example_app.models import User, db

    with app.app_context():
        return db.session.get(User, int(key_of(app, name)))


def test_an_app_that_serves_people_is_refused(app: Flask) -> None:
    app.testing = False
    with pytest.raises(RuntimeError, match="set TESTING = True"):
        Tester(app)


@pytest.mark.parametrize("name", ["frank", "bob", "dave"])
def test_whoever_it_is_gets_past_the_gate(app: Flask, mfa: Tester, name: str) -> None:
    client = mfa.client(user_called(app, name))
    assert client.get("/").status_code == 200
    assert client.get("/mfa/status").json["status"] == "ENROLLED"  # type: ignore[index]


def test_a_client_that_nobody_signed_in_proves_nothing(app: Flask, mfa: Tester) -> None:
    with pytest.raises(AssertionError, match="not signed in"):
        mfa.prove(app.test_client(), mfa.enroll(key_of(app, "dave")))


def test_a_key_of_somebody_else_opens_nothing(app: Flask, mfa: Tester) -> None:
    from tests.conftest import Browser

    browser = Browser(app)
    browser.sign_in("dave")
    with pytest.raises(AssertionError, match="That code didn't work"):
        mfa.prove(browser.client, mfa.enroll(key_of(app, "frank")))


def test_a_user_that_a_policy_denies_is_told_of(app: Flask, mfa: Tester) -> None:
    from tests.policy_kit import policy, put

    put(app, policy("closed", "deny"))
    with pytest.raises(AssertionError, match="The gate still asks for deny: "):
        mfa.client(user_called(app, "frank"))


def test_codes_follow_each_other_without_end_on_a_clock_that_moves(make_app: Any) -> None:
    clock = MovableClock()
    app = make_app(MFA_GATE_CLOCK=clock)
    mfa = Tester(app)
    authenticator = mfa.enroll(key_of(app, "frank"))
    assert len({authenticator.code() for _ in range(20)}) == 20
    for _ in range(3):
        assert mfa.client(user_called(app, "frank")).get("/").status_code == 200


def test_they_end_on_another_clock(app: Flask, mfa: Tester, clock: StillClock) -> None:
    authenticator = mfa.enroll(key_of(app, "frank"))
    authenticator.code()
    authenticator.code()
    with pytest.raises(RuntimeError, match="Use the fixture mfa_clock"):
        authenticator.code()
    clock.forward(seconds=30)
    assert authenticator.code()


@pytest.mark.parametrize(
    "config", [{"MFA_GATE_TOTP_WINDOW": 0}, {"MFA_GATE_TOTP_DIGITS": 8, "MFA_GATE_TOTP_PERIOD": 60}]
)
def test_keys_of_every_shape(make_app: Any, config: Any) -> None:
    app = make_app(MFA_GATE_CLOCK=MovableClock(), **config)
    assert Tester(app).client(user_called(app, "frank")).get("/").status_code == 200


def test_recovery_codes_work(app: Flask, mfa: Tester) -> None:
    from tests.conftest import Browser

    authenticator = mfa.enroll(key_of(app, "frank"))
    browser = Browser(app)
    browser.sign_in("frank")
    used = browser.send("/mfa/challenge", factor="recovery_code", code=authenticator.recovery_codes[9])
    assert used.location == "/"


def test_enrolling_again_voids_the_key_before(app: Flask, mfa: Tester) -> None:
    first, second = (mfa.enroll(key_of(app, "frank")) for _ in range(2))
    assert first.secret != second.secret
    with state_of(app).store.database.read() as tx:
        assert len(state_of(app).store.factors.confirmed(tx, first.user_key)) == 1
