"""Resources on blueprints, view classes and views, and the table that lists them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView, View
from flask_login import login_required

from flask_mfa_gate.errors import ConfigError, MFAGateError
from tests.conftest import Browser, Phone, state_of
from tests.policy_kit import policy, prove, put, signed_in

pytestmark = pytest.mark.pages


@pytest.fixture
def marked(make_app: Any) -> Flask:
    """Blueprints in blueprints, classes, several names on one view, and one view that nobody classified."""
    app: Flask = make_app(MFA_GATE_DEFAULT_ACCESS={"inner": "require"})
    gate = state_of(app).gate
    app._got_first_request = False
    outer, inner = Blueprint("outer", __name__, url_prefix="/outer"), Blueprint("inner", __name__, url_prefix="/inner")

    @outer.get("/page")
    def page() -> str:
        return "outer page"

    @inner.get("/page")
    @gate.resource("leaf")
    @gate.resource("leaf-two")
    def leaf() -> str:
        return "inner page"

    @gate.resource("class-a")
    @gate.resource("class-b")
    class Things(MethodView):
        decorators = [login_required]

        def get(self) -> str:
            return "got"

        @gate.resource("posting")
        def post(self) -> str:
            return "posted"

    @gate.resource("plain-class")
    class Plain(View):
        def dispatch_request(self) -> str:
            return "plain"

    class Child(Things):
        pass

    outer.register_blueprint(gate.resource("inner")(inner))
    app.register_blueprint(gate.resource("outer")(outer))
    app.add_url_rule("/things", view_func=Things.as_view("things"))
    app.add_url_rule("/child", view_func=Child.as_view("child"))
    app.add_url_rule("/plain", view_func=Plain.as_view("plain"))
    app.add_url_rule("/again/<name>", "again", app.view_functions["outer.inner.leaf"], defaults={})
    return app


@pytest.mark.parametrize(
    ("resource", "closed", "open_"),
    [
        ("outer", ["/outer/page", "/outer/inner/page"], ["/things"]),
        ("inner", ["/outer/inner/page"], ["/outer/page"]),
        ("leaf", ["/outer/inner/page"], ["/outer/page"]), ("leaf-two", ["/outer/inner/page"], ["/outer/page"]),
        ("class-a", ["/things", "/child"], ["/plain"]), ("class-b", ["/things", "/child"], ["/plain"]),
        ("plain-class", ["/plain"], ["/things"]), ("posting", [], ["/things", "/child"]),
    ],
)  # fmt: skip
def test_a_deny_reaches_every_view_below_its_mark(
    marked: Flask, phone: Phone, resource: str, closed: list[str], open_: list[str]
) -> None:
    browser = prove(marked, phone)
    put(marked, policy(action="deny", on=[resource]))
    for path in closed:
        assert browser.get(path).status_code == 403, path
        assert browser.client.head(path).status_code == 403, path
    for path in open_:
        assert browser.get(path).status_code == 200, path


def test_a_mark_on_one_method_is_enforced_by_the_method_itself(marked: Flask, phone: Phone) -> None:
    browser = prove(marked, phone)
    assert browser.client.post("/things").text == "posted"
    put(marked, policy(action="deny", on=["posting"]))
    assert browser.client.post("/things").status_code == 403
    assert browser.client.post("/child").status_code == 403
    assert browser.get("/things").text == "got"


def test_default_access_of_an_outer_blueprints_child(marked: Flask, phone: Phone) -> None:
    frank = signed_in(marked, "frank")
    assert frank.get("/outer/page").status_code == 200
    assert frank.get("/outer/inner/page").location == "/mfa/enroll"


@pytest.mark.parametrize("path", ["/outer/page", "/outer/inner/page", "/things", "/plain"])
def test_strangers_see_no_marked_view(marked: Flask, path: str) -> None:
    assert Browser(marked).get(path).status_code in {302, 303}
    assert Browser(marked).get(path, headers={"Accept": "application/json"}).status_code == 401


@pytest.mark.parametrize("name", ["", " payroll", "payroll ", "pay\nroll", "x" * 101, "pay\u202eroll", 7, None])
def test_a_name_that_no_policy_could_say_is_refused(app: Flask, name: Any) -> None:
    with pytest.raises(MFAGateError):
        state_of(app).gate.resource(name)(lambda: "")


@pytest.mark.parametrize("name", ["Payroll", "pay/roll", "*", "all", "user:1", "client:wiki", "päyröll", "' OR 1=1 --"])
def test_odd_names_are_names(make_app: Any, phone: Phone, name: str) -> None:
    app: Flask = make_app()
    gate = state_of(app).gate
    app._got_first_request = False
    app.add_url_rule("/odd", "odd", gate.resource(name)(lambda: "odd"))
    browser = prove(app, phone)
    assert browser.get("/odd").text == "odd"
    put(app, policy(action="deny", on=[name]))
    assert browser.get("/odd").status_code == 403
    assert browser.get("/payroll").status_code == 200


def test_no_view_is_exempt_and_marked(app: Flask) -> None:
    gate = state_of(app).gate
    for mark in (gate.resource("vault"), gate.require_mfa()):
        with pytest.raises(ConfigError, match="exempt"):
            gate.exempt(mark(lambda: "vault"))
        with pytest.raises(ConfigError, match="exempt"):
            mark(gate.exempt(lambda: "vault"))


def test_routes_tell_marks_policies_and_defaults(marked: Flask) -> None:
    put(marked, policy("p-outer", on=["outer"]), policy("p-off", on=["outer"], state="off"), policy("p-app"))
    with marked.app_context():
        found = {row["endpoint"]: row for row in state_of(marked).gate.routes()}
    assert found["outer.inner.leaf"]["resources"] == ["leaf", "leaf-two", "inner", "outer"] or set(
        found["outer.inner.leaf"]["resources"]
    ) == {"leaf", "leaf-two", "inner", "outer"}
    assert found["outer.inner.leaf"]["policies"] == ["p-app", "p-outer"]
    assert "require" in found["outer.inner.leaf"]["default"]
    assert set(found["things"]["resources"]) == {"class-a", "class-b"}
    assert found["plain"]["methods"] == ["GET"]
    assert found["portal.home"]["default"] == "user-setting"
    assert found["portal.healthz"]["default"] == "exempt"
    assert found["static"]["default"] == "static"
    assert found["mfa_gate.challenge"]["default"] == "gate"
    assert found["portal.transfer"]["demands"] == ["mfa(totp+webauthn within 300 s)"]
    assert found["portal.transfer"]["policies"] == [
        "require_mfa(totp+webauthn within 300 s) at portal.transfer",
        "p-app",
    ], "its own demand stands in the list like a policy"


def test_the_console_is_listed_as_requiring(make_app: Any) -> None:
    app: Flask = make_app()
    app._got_first_request = False
    app.add_url_rule("/desk", "desk", state_of(app).gate.resource("mfa-admin")(lambda: ""))
    with app.app_context():
        (row,) = [row for row in state_of(app).gate.routes() if row["endpoint"] == "desk"]
    assert row["default"] == "require"


def test_unclassified_views_fail_on_demand(marked: Flask) -> None:
    run = marked.test_cli_runner().invoke
    assert run(args=["mfa", "routes"]).exit_code == 0
    failed = run(args=["mfa", "routes", "--fail-unclassified"])
    assert failed.exit_code == 1, "the portal's home is not marked"
    (told,) = [line for line in failed.output.splitlines() if " neither marked nor exempt: " in line]
    assert "portal.home" in told
    assert "portal.payroll" not in told
    assert "static" not in told
    json.loads(run(args=["mfa", "routes", "--fail-unclassified", "--json"]).output)
    rows = json.loads(run(args=["mfa", "routes", "--json"]).output)
    assert {"endpoint", "rule", "methods", "resources", "demands", "policies", "default"} == set(rows[0])
    open_rows = [
        row["endpoint"] for row in rows if row["default"] == "user-setting" and not row["resources"] + row["demands"]
    ]
    assert {"portal.home", "portal.login", "portal.logout", "portal.api_me"} <= set(open_rows)
    assert "things" not in open_rows
