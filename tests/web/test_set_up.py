"""Contradictions are found at the start, else at the first request, and by the doctor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint
from flask.views import MethodView

from flask_mfa_gate.errors import ConfigError
from tests.hosts_small.kit import Host


def view() -> str:
    return "view"


def found_by_all(host: Host, code: str, said: str) -> None:
    """By the check, by the first request, and by the doctor."""
    host.with_login_manager()
    with pytest.raises(ConfigError, match=said):
        host.gate.check(host.app)
    found_late(host, code, said)


def found_late(host: Host, code: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        host.client().get("/")
    with host.app.app_context():
        (finding,) = [one for one in host.gate.doctor() if one.code == code]
    assert finding.level == "error"


def make_host(**config: Any) -> Host:
    host = Host(**config)
    host.gate.init_app(host.app)
    return host


def in_a_blueprint(host: Host) -> None:
    pay = host.gate.resource("payroll")(Blueprint("pay", __name__))
    pay.add_url_rule("/export", "export", host.gate.exempt(view_of_its_own()))
    host.app.register_blueprint(pay)


def in_a_nested_blueprint(host: Host) -> None:
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    inner.add_url_rule("/export", "export", host.gate.exempt(view_of_its_own()))
    outer.register_blueprint(inner)
    host.app.register_blueprint(host.gate.require_mfa()(outer))


def marked_after_it_was_registered(host: Host) -> None:
    pay = Blueprint("pay", __name__)
    pay.add_url_rule("/export", "export", host.gate.exempt(view_of_its_own()))
    host.app.register_blueprint(pay)
    host.gate.resource("payroll")(pay)


def by_an_endpoint_in_its_name(host: Host) -> None:
    host.app.register_blueprint(host.gate.resource("payroll")(Blueprint("pay", __name__)))
    host.app.add_url_rule("/export", "pay.export", host.gate.exempt(view_of_its_own()))


def a_method_of_an_exempt_class(host: Host) -> None:
    class Things(MethodView):
        @host.gate.resource("payroll")
        def post(self) -> str:
            return "posted"

    host.app.add_url_rule("/things", view_func=host.gate.exempt(Things).as_view("things"))


def view_of_its_own() -> Callable[[], str]:
    return lambda: "view"


@pytest.mark.parametrize(
    "arrange",
    [
        in_a_blueprint, in_a_nested_blueprint, marked_after_it_was_registered, by_an_endpoint_in_its_name,
        a_method_of_an_exempt_class,
    ],
)  # fmt: skip
def test_no_exempt_view_is_marked_from_outside(arrange: Callable[[Host], None]) -> None:
    host = make_host()
    arrange(host)
    found_by_all(host, "exempt-mark", "@gate.exempt")


@pytest.mark.parametrize("of", ["view", "blueprint"])
def test_no_setting_exempts_what_is_marked(of: str) -> None:
    host = make_host(MFA_GATE_EXEMPT_ENDPOINTS=["pay.export"])
    pay = Blueprint("pay", __name__)
    pay.add_url_rule("/export", "export", host.gate.require_mfa()(view) if of == "view" else view)
    host.app.register_blueprint(host.gate.resource("payroll")(pay) if of == "blueprint" else pay)
    found_by_all(host, "exempt-mark", "MFA_GATE_EXEMPT_ENDPOINTS opens 'pay.export'")


def test_no_sign_out_that_was_named_is_marked() -> None:
    host = make_host(MFA_GATE_SIGN_OUT_ENDPOINTS=["leave"])
    host.app.add_url_rule("/leave", "leave", host.gate.require_mfa()(view))
    found_by_all(host, "sign-out-mark", "MFA_GATE_SIGN_OUT_ENDPOINTS names 'leave'")


def test_a_mark_above_its_route_is_none() -> None:
    host = make_host()

    @host.gate.resource("payroll")
    @host.app.get("/payroll")
    def payroll() -> str:
        return "payroll"

    with host.app.app_context():
        (finding,) = [one for one in host.gate.doctor() if one.code == "mark-above-route"]
    assert "'payroll' stands above its route" in finding.sentence


def test_one_function_may_be_marked_at_one_of_its_routes() -> None:
    host = make_host()
    host.app.add_url_rule("/open", "open", view)
    host.app.add_url_rule("/closed", "closed", host.gate.require_mfa()(host.gate.resource("payroll")(view)))
    with host.app.app_context():
        assert "mark-above-route" not in {one.code for one in host.gate.doctor()}


@pytest.mark.parametrize("how", ["view", "blueprint", "class", "method", "hidden"])
def test_a_typo_in_the_default_access_is_found(how: str) -> None:
    host = make_host(MFA_GATE_DEFAULT_ACCESS={"payrol": "deny", "client:wiki": "require", "mfa-admin": "require"})
    mark = host.gate.resource("payroll")

    class Things(MethodView):
        def post(self) -> str:
            return "posted"

    if how == "method":
        Things.post = mark(Things.post)  # type: ignore[method-assign]
    marked_class = mark(Things) if how == "class" else Things
    marked_view = mark(view) if how == "view" else (lambda: mark(view)()) if how == "hidden" else view
    pay = Blueprint("pay", __name__)
    pay.add_url_rule("/things", view_func=marked_class.as_view("things"))
    pay.add_url_rule("/view", "view", marked_view)
    host.app.register_blueprint(mark(pay) if how == "blueprint" else pay)
    found_by_all(host, "unknown-resource", "'payrol'.*Did you mean payroll")


def test_a_name_that_looks_like_none_is_left_to_the_first_request() -> None:
    host = make_host(MFA_GATE_DEFAULT_ACCESS={"vault": "deny"})
    host.with_login_manager()
    host.gate.check(host.app)
    found_late(host, "unknown-resource", "'vault'")


def test_a_view_that_comes_later_is_known_at_the_first_request() -> None:
    host = make_host(MFA_GATE_DEFAULT_ACCESS={"vault": "deny"})
    host.with_login_manager()
    host.gate.check(host.app)
    host.app.add_url_rule("/vault", "vault", host.gate.resource("vault")(view))
    assert host.client().get("/nothing").status_code == 404


def test_names_that_only_the_host_judges_are_told() -> None:
    host = Host(MFA_GATE_DEFAULT_ACCESS={"reports": "deny"})
    host.with_login_manager()
    host.gate.init_app(host.app, resources=["reports"])
    assert host.client().get("/nothing").status_code == 404
