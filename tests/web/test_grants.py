"""A proof for one act: bound to the endpoint and the arguments of its path, looked at freely, used once."""

from __future__ import annotations

from datetime import timedelta
from secrets import token_hex
from typing import Any

import pytest
from flask import Blueprint, g, redirect, request
from flask.testing import FlaskClient
from flask_login import login_required, login_user
from werkzeug.routing import BaseConverter

from tests.hosts_small.kit import Host, User
from tests.web.kit import give_security_key

BOTH = pytest.mark.parametrize("decide", ["first", "last"])
METHODS = ["GET", "POST", "PUT"]


def make_host(**config: Any) -> Host:
    host = Host(**config)
    host.with_login_manager()
    add = host.app.add_url_rule

    @login_required
    @host.gate.require_mfa(max_age=timedelta(0))
    def pay(number: int, name: str = "") -> str:
        return f"{request.method} {number}{name}"

    @host.app.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        return (
            (login_user(User("1")), redirect(request.args.get("next", "/")))[1] if request.method == "POST" else "login"
        )

    host.app.add_url_rule("/", "home", lambda: "home")
    add("/pay/<int:number>", "pay", pay, methods=[*METHODS, "OPTIONS"])
    add("/pay/<int:number>/<name>", "pay", pay, methods=METHODS)
    add("/give/<int:number>", "give", pay, methods=METHODS)
    host.gate.init_app(host.app)
    return host


def proved(host: Host) -> FlaskClient:
    client = host.client()
    client.get("/")
    host.enroll()
    client.post("/login")
    assert host.pass_challenge(client).status_code == 303
    return client


def is_asked(answer: Any) -> bool:
    """Whether a proof is wanted, at a page or at what it sends."""
    return answer.status_code == 403 or answer.location == "/mfa/challenge"


@BOTH
def test_one_view_shows_the_form_and_takes_it(decide: str) -> None:
    host = make_host(MFA_GATE_DECIDE=decide)
    client = proved(host)
    assert is_asked(client.get("/pay/1"))
    assert host.pass_challenge(client).location == "/pay/1"
    for _ in range(2):
        assert client.get("/pay/1").text == "GET 1", "looking uses nothing up"
        assert client.head("/pay/1").status_code == 200
        assert client.options("/pay/1").status_code == 200
    assert client.post("/pay/1").text == "POST 1"
    assert is_asked(client.post("/pay/1"))
    assert is_asked(client.get("/pay/1"))


@BOTH
def test_a_proof_for_one_page_pays_no_other(decide: str) -> None:
    host = make_host(MFA_GATE_DECIDE=decide)
    client = proved(host)
    assert is_asked(client.post("/pay/1"))
    host.pass_challenge(client)
    for path in ("/pay/2", "/pay/1/x", "/give/1"):
        assert is_asked(client.post(path)), path
        assert is_asked(client.get(path)), path
    assert client.put("/pay/1").text == "PUT 1", "and is still there"


def test_a_grant_is_not_enough_where_another_list_is_not_met() -> None:
    """Nor is it looked for again and again."""
    host = make_host(MFA_GATE_FACTORS=["totp", "webauthn"])

    @host.app.route("/sell/<int:number>", methods=METHODS)
    @login_required
    @host.gate.require_mfa(factors=["webauthn"], max_age=timedelta(0))
    @host.gate.require_mfa(max_age=timedelta(0))
    def sell(number: int) -> str:
        return f"sold {number}"

    client = proved(host)
    give_security_key(host.app, "1")
    for method in ("GET", "POST"):
        assert is_asked(client.open("/sell/1", method=method))
        host.pass_challenge(client)
        assert is_asked(client.open("/sell/1", method=method))


def test_two_acts_in_two_tabs() -> None:
    host = make_host()
    client = proved(host)
    assert is_asked(client.post("/pay/1"))
    assert is_asked(client.post("/pay/2"))
    host.pass_challenge(client)
    assert is_asked(client.post("/pay/1")), "a proof is for what was asked last"
    host.pass_challenge(client)
    assert [client.post(path).text for path in ("/pay/2", "/pay/1")] == ["POST 2", "POST 1"]
    assert [is_asked(client.post(path)) for path in ("/pay/2", "/pay/1")] == [True, True]


def test_a_grant_lives_five_minutes() -> None:
    host = make_host()
    client = proved(host)
    assert is_asked(client.post("/pay/1"))
    host.pass_challenge(client)
    host.clock.forward(minutes=5)
    assert is_asked(client.get("/pay/1"))
    assert is_asked(client.post("/pay/1"))


@pytest.mark.parametrize("by_parameter", [True, False])
def test_a_sign_in_leaves_one_for_the_page_first_asked_for(by_parameter: bool) -> None:
    host = make_host()
    client = host.client()
    client.get("/")
    host.enroll()
    client.post("/login?next=/pay/7" if by_parameter else "/login")
    if not by_parameter:
        host.pass_challenge(client)
        host.clock.forward(hours=2)
        assert is_asked(client.get("/pay/7"))
    assert host.pass_challenge(client).location == "/pay/7"
    assert client.get("/pay/7").text == "GET 7"
    assert is_asked(client.get("/pay/8"))
    assert client.post("/pay/7").text == "POST 7"
    assert is_asked(client.post("/pay/7"))


def test_setting_up_the_first_factor_is_a_proof_as_well() -> None:
    from tests.conftest import Phone

    host = make_host()
    client = host.client()
    client.post("/login")
    assert client.get("/pay/1").location == "/mfa/enroll"
    shown: Any = client.get("/mfa/enroll/totp", headers={"Accept": "application/json"}).json
    token: Any = client.get("/mfa/status").json
    code = Phone(host.clock, shown["secret"]).code()
    client.post("/mfa/enroll/totp", data={"csrf_token": token["csrf_token"], "code": code})
    assert client.post("/pay/1").text == "POST 1"
    assert is_asked(client.post("/pay/1"))


def test_leave_is_parked_with_the_session() -> None:
    host = make_host()
    client = proved(host)
    assert is_asked(client.post("/pay/1"))
    host.pass_challenge(client)
    with host.app.app_context():
        host.gate.policies.import_(
            'version = 1\n[[policies]]\nname = "No"\nstate = "on"\nusers = { include = ["all"] }\neffect = { action = "deny" }\n'
            'conditions = { platform = ["linux"] }\n', actor="cli", dry_run=False,
        )  # fmt: skip
        assert client.get("/", headers={"User-Agent": "x", "Sec-CH-UA-Platform": "Linux"}).status_code == 403
        host.gate.policies.delete("No", actor="cli")
    client.get("/mfa/challenge")
    assert is_asked(client.post("/pay/1"))


@BOTH
def test_a_hook_that_makes_another_request_of_it_spends_as_well(decide: str) -> None:
    host = make_host(MFA_GATE_DECIDE=decide)

    @host.app.before_request
    def override() -> None:
        if method := request.args.get("_method"):
            request.environ["REQUEST_METHOD"] = request.method = method

    client = proved(host)
    assert is_asked(client.get("/pay/1"))
    host.pass_challenge(client)
    assert client.get("/pay/1?_method=POST").text == "POST 1"
    assert is_asked(client.get("/pay/1?_method=POST"))


@BOTH
def test_arguments_that_a_preprocessor_takes_out_count(decide: str) -> None:
    host = make_host(MFA_GATE_DECIDE=decide)
    tenant = Blueprint("tenant", __name__, url_prefix="/<name>")

    @tenant.url_value_preprocessor
    def pull(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        g.name = (values or {}).pop("name")

    tenant.add_url_rule(
        "/burn", "burn", host.gate.require_mfa(max_age=timedelta(0))(lambda: f"burned {g.name}"), methods=METHODS
    )
    host.app.register_blueprint(tenant)
    client = proved(host)
    assert is_asked(client.post("/acme/burn"))
    host.pass_challenge(client)
    assert is_asked(client.post("/other/burn"))
    assert client.post("/acme/burn").text == "burned acme"
    client.get("/mfa/sign-out")
    token: Any = client.get("/mfa/status").json
    client.post("/mfa/sign-out", data={"csrf_token": token["csrf_token"]})
    client.post("/login?next=/acme/burn")
    host.pass_challenge(client)
    assert client.get("/acme/burn").text == "burned acme"


def test_grants_that_expired_are_swept() -> None:
    host = make_host()
    client = proved(host)
    client.post("/pay/1")
    host.pass_challenge(client)
    store = host.app.extensions["mfa_gate"].store
    for left in (1, 0):
        with host.app.app_context():
            host.gate.run_due()
        with store.database.read() as tx:
            assert len(tx.execute(store.tables.grant.select()).all()) == left
        host.clock.forward(minutes=5)


class Account:
    """Of the host, and with one name for many."""

    def __init__(self, number: str) -> None:
        self.number = number

    def __str__(self) -> str:
        return "savings"


class Nameless:
    """Of the host, and with another text at each request."""

    def __init__(self, number: str) -> None:
        self.number = number

    def __str__(self) -> str:
        return token_hex()


@BOTH
@pytest.mark.parametrize("model", [Account, Nameless])
def test_an_argument_that_is_an_object_of_the_host_counts_as_it_is_written(model: Any, decide: str) -> None:
    host = make_host(MFA_GATE_DECIDE=decide)
    host.app.url_map.converters["account"] = type(
        "Converter", (BaseConverter,), {"to_python": lambda _, text: model(text)}
    )
    burn = host.gate.require_mfa(max_age=timedelta(0))(lambda account: f"burned {account.number}")
    host.app.add_url_rule("/burn/<account:account>", "burn", burn, methods=METHODS)
    client = proved(host)
    assert is_asked(client.get("/burn/1"))
    assert host.pass_challenge(client).location == "/burn/1"
    assert is_asked(client.post("/burn/2"))
    assert client.get("/burn/1").text == client.post("/burn/1").text == "burned 1"
    client.post("/mfa/sign-out", data={"csrf_token": client.get("/mfa/status").json["csrf_token"]})  # type: ignore[index]
    client.post("/login?next=/burn/3")
    host.pass_challenge(client)
    assert client.post("/burn/3").text == "burned 3"


@BOTH
def test_a_proof_at_one_mount_point_pays_at_no_other(decide: str) -> None:
    host = make_host(MFA_GATE_DECIDE=decide)
    client = proved(host)
    one, other = ({"SCRIPT_NAME": root} for root in ("/one", "/other"))
    assert is_asked(client.post("/pay/1", environ_overrides=one))
    host.pass_challenge(client)
    assert client.post("/pay/1", environ_overrides=other).status_code == 403
    assert client.post("/pay/1", environ_overrides=one).text == "POST 1"
