"""What the text around each piece of code in ``docs`` promises of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask_login import login_user

from example_app.people import DAVES_KEY
from flask_mfa_gate import Person, UserFilter
from flask_mfa_gate.domain.access import Access
from flask_mfa_gate.domain.people.roles import Role
from flask_mfa_gate.errors import ConfigError
from flask_mfa_gate.services.people.directory import Directory
from flask_mfa_gate.settings import Settings
from tests.conftest import JSON, state_of

Space = dict[str, Any]
Promise = Callable[[Space], None]
PROMISES: dict[str, Promise] = {}


def promise_of(words: str) -> Callable[[Promise], Promise]:
    """The check of the one piece in which these words stand, called after it ran."""

    def note(check: Promise) -> Promise:
        PROMISES[words] = check
        return check

    return note


def settings_of(space: Space) -> Settings:
    """As an app reads them that has what the piece sets, in its config or as names."""
    return Settings.from_mapping({**space["app"].config, **{name: space[name] for name in space if name.isupper()}})


def status_of(app: Flask, path: str, method: str = "GET") -> int:
    return int(app.test_client().open(path, method=method, headers=JSON).status_code)


@promise_of("admin_role=lambda user: user.role or None")
def _the_app_says_who_is_an_admin(space: Space) -> None:
    read = state_of(space["app"]).host.reader.role_of
    assert [read(SimpleNamespace(role=word)) for word in ("admin", "")] == [Role.ADMIN, None]
    assert status_of(space["app"], "/admin/mfa/") == 401, "the console is there, and nobody is signed in"


@promise_of('SECRET_KEY=os.environ["SECRET_KEY"]')
def _the_app_reads_the_values_of_the_file(space: Space) -> None:
    settings = settings_of(space)
    assert (settings.issuer, settings.base_url, len(settings.keys)) == ("My App", "https://app.example.org", 1)


@promise_of("MFA_GATE_FLOOD_STORAGE")
def _once_for_all_workers(space: Space) -> None:
    assert settings_of(space).flood_storage == "redis://localhost:6379/0"


@promise_of('app.config["MFA_GATE_DATABASE_URI"]')
def _the_tables_are_on_the_volume(space: Space) -> None:
    assert settings_of(space).database_uri == "sqlite:////data/mfa_gate.sqlite3"


@promise_of("def transfer(): ...")
def _marked_views_answer_nobody_and_exempt_ones_anybody(space: Space) -> None:
    app = space["app"]
    assert [status_of(app, "/payroll"), status_of(app, "/transfer", "POST")] == [401, 401]
    with pytest.raises(TypeError, match="'healthz' did not return a valid response"):
        status_of(app, "/healthz")


@promise_of('admin = gate.resource("back-office")')
def _classes_and_blueprints_are_marked(space: Space) -> None:
    assert_marked(space, "Ledger", "admin")


@promise_of('vault = gate.resource("vault")')
def _so_are_functions(space: Space) -> None:
    space["app"].add_url_rule("/pay", view_func=space["payroll"])
    assert_marked(space, "Ledger", "vault")
    assert status_of(space["app"], "/pay") == 401


def assert_marked(space: Space, view_class: str, blueprint: str) -> None:
    space["app"].add_url_rule("/ledger", view_func=space[view_class].as_view("ledger"))
    space[blueprint].add_url_rule("/inside", "inside", lambda: "in")
    space["app"].register_blueprint(space[blueprint])
    assert [status_of(space["app"], path) for path in ("/ledger", "/inside")] == [401, 401]


@promise_of('gate.current_verdict("payroll")')
def _the_gate_answers(space: Space) -> None:
    gate = space["gate"]
    assert [gate.enrollments.status(key).days_left for key in ("1", "2")] == [7, 7]
    assert gate.assurance() is None, "nobody is signed in here"


@promise_of("class InSession:")
def _it_gives_the_user_or_none(space: Space) -> None:
    app, user = space["app"], SimpleNamespace(id=5, is_active=True)
    space["User"].get = staticmethod(lambda key: user if key == 5 else None)
    app.add_url_rule("/in", "in", lambda: space["session"].update(uid=5) or "in")
    client = app.test_client()
    assert client.get("/mfa/status", headers=JSON).status_code == 401
    client.get("/in")
    assert client.get("/mfa/status", headers=JSON).status_code == 200
    with state_of(app).store.database.read() as tx:
        assert len(state_of(app).store.sessions.of_user(tx, "5")) == 1


@promise_of("def payments():")
def _programs_are_asked_for_a_token(space: Space) -> None:
    answer = space["app"].test_client().get("/api/payments")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


@promise_of("def token_required(view):")
def _ensure_stops_before_the_body(space: Space) -> None:
    app, gate = space["app"], space["gate"]
    space["user_of_token"] = lambda sent: space["db"].session.get(space["User"], 2) if sent == "Bearer 2" else None

    def report(token: str) -> Any:
        return app.test_client().get("/api/report", headers={"Authorization": token, **JSON})

    assert report("Bearer 9").get_json() == {"error": "token"}
    assert report("Bearer 2").get_json() == {"rows": 3}
    gate.enrollments.require("2", days=0)
    assert (report("Bearer 2").status_code, "rows" in report("Bearer 2").text) == (403, False)


@promise_of("Mail(app)")
def _mails_have_a_way_out(space: Space) -> None:
    assert "no-mail" not in {one.code for one in space["gate"].doctor()}


@promise_of("MFA_GATE_MAIL_DISABLED")
def _four_mails_are_always_sent(space: Space) -> None:
    assert settings_of(space).mail_disabled == ("start", "digest")
    for kind in ("reset", "factor-removed", "access-pass", "break-glass"):
        with pytest.raises(ConfigError):
            Settings.from_mapping({"MFA_GATE_MAIL_DISABLED": [kind]})


@promise_of('"admin", "helpdesk", "auditor" or None')
def _people_have_groups_and_roles(space: Space) -> None:
    read = state_of(space["app"]).host.reader.read
    user = space["User"](id=7)
    assert (read(user, "7").groups, read(user, "7").role) == (frozenset({"finance"}), None)
    user.is_admin = True
    assert read(user, "7").role is Role.ADMIN


@promise_of("class Staff:")
def _people_of_another_kind(space: Space) -> None:
    row = SimpleNamespace(uid="u1", cn="Una", mail="una@example.org", groups=["staff"])
    space["ldap"] = SimpleNamespace(
        find=lambda key: row if key == "u1" else None, page=lambda after, _limit: [] if after else [row]
    )
    staff, una = space["Staff"](), Person("u1", "Una", "una@example.org", groups=frozenset({"staff"}))
    assert isinstance(staff, Directory)
    assert [staff.get("u1"), staff.get("u2")] == [una, None]
    assert [staff.page(None, 10), staff.page("u1", 10)] == [[una], []]


@promise_of('UserFilter(group="finance"), days=7')
def _many_at_once(space: Space) -> None:
    gate, result = space["gate"], space["result"]
    assert {"2", "3", "4", "5"} <= dict(result.done).keys()
    assert ("1", "yourself") in result.failed
    assert gate.enrollments.status("3").days_left == 7, "the dry run changed nothing"
    assert gate.enrollments.remind(UserFilter(ends_within=timedelta(days=8)), dry_run=True).done


@promise_of('ListedWord("building", building)))')
def _a_policy_says_the_word(space: Space) -> None:
    space["badge_reader"] = SimpleNamespace(building_of=lambda key: {"1": "north", "2": "south"}.get(key))
    north = {"name": "North", "state": "on", "conditions": {"building": ["north"]}, "effect": {"action": "deny"}}
    draft = json.dumps({"version": 1, "policies": [north]})
    marks = [str(space["gate"].simulate(key, draft=draft).policies[0].mark) for key in ("1", "2", "3")]
    assert marks == ["hit", "miss", "unknown"], "None: not known"


@promise_of('MFA_GATE_DEFAULT_ACCESS = {"app"')
def _what_is_asked_where_no_policy_speaks(space: Space) -> None:
    access = {"app": Access.USER_SETTING, "payroll": Access.REQUIRE, "archive": Access.DENY}
    assert dict(settings_of(space).default_access).items() >= access.items()


@promise_of('gate.simulate("7", resource="payroll"')
def _what_would_happen(space: Space) -> None:
    assert [one.name for one in space["found"].policies] == ["Off"], "also those that are off"
    assert space["found"].verdict == "challenge"


@promise_of("gate.policies.save_network")
def _policies_in_python(space: Space) -> None:
    policies = space["gate"].policies
    assert [(one.name, str(one.state)) for one in policies.list()] == [("Off", "off"), ("Office", "on")]
    assert [network.name for network in policies.current().networks] == ["office"]
    diff = space["diff"]
    assert not [*diff.added, *diff.removed, *diff.changed], "merged with nothing"


@promise_of("def create_app():")
def _the_factory(space: Space) -> None:
    app = space["create_app"]()
    assert status_of(app, "/mfa/") == 401, "the page is there, and nobody is signed in"
    assert state_of(app).issuer == "My App"
    state_of(app).store.database.dispose()


@promise_of('os.environ["MFA_GATE_KEYS"].split()  # one key')
def _one_key(space: Space) -> None:
    assert len(settings_of(space).keys) == 1


@promise_of("Migrate(app, db, include_name=include_name)")
def _the_gates_tables_are_left_alone(space: Space) -> None:
    names = {name: space["migrate"](name, "table", {}) for name in ("user", "mfa_gate_person")}
    assert names == {"user": True, "mfa_gate_person": False}


@promise_of("MFA_GATE_OIDC = True")
def _the_address_is_the_issuer(space: Space) -> None:
    settings = settings_of(space)
    assert (settings.oidc, settings.base_url) == (True, "https://portal.example.org")
    for address in ("http://portal.example.org", None):
        with pytest.raises(ConfigError):
            Settings.from_mapping({"MFA_GATE_OIDC": True, "MFA_GATE_BASE_URL": address})


@promise_of("MFA_GATE_OIDC_CLIENTS = [")
def _clients_in_the_words_of_rfc_7591(space: Space) -> None:
    assert len(settings_of(space).oidc_clients) == 2


@promise_of("new = gate.oidc.clients.add(")
def _a_client_in_the_database(space: Space) -> None:
    clients = space["gate"].oidc.clients
    assert len(space["new"].secret) >= 32
    assert [one.client_id for one in clients.list()] == ["wiki"]


@promise_of("def act_as(user_id)")
def _an_admin_acts_as_another_user(space: Space) -> None:
    app, db, user_model = space["app"], space["db"], space["User"]
    user_model.is_admin = True
    app.add_url_rule("/login", "login", lambda: str(login_user(db.session.get(user_model, 7))), methods=["POST"])
    app.add_url_rule("/me", "me", lambda: space["current_user"].get_id())
    client = app.test_client()
    client.post("/login")
    csrf = client.get("/mfa/status").json["csrf_token"]
    client.post("/mfa/challenge", data={"csrf_token": csrf, "code": pyotp.TOTP(DAVES_KEY).now()})
    assert client.post("/act-as/2", headers=JSON).status_code == 400, "without a reason"
    assert client.post("/act-as/2", data={"reason": "ticket 42"}).location == "/"
    assert client.get("/me").text == "2"
    csrf = client.get("/mfa/status").json["csrf_token"]
    client.post("/mfa/impersonation/leave", data={"csrf_token": csrf})
    assert client.get("/me").text == "7"


def call_with_a_new_token(space: Space, path: str, name: str) -> list[int]:
    """Answers to a request with a registered token, and with the same one once it is revoked."""
    app, user_model = space["app"], space["User"]
    state = state_of(app)
    app.extensions["mfa_gate"] = replace(state, settings=replace(state.settings, tokens="owner-enrolled"))
    space["db"].create_all()
    app.add_url_rule(
        "/login", "login", lambda: str(login_user(space["db"].session.get(user_model, 7))), methods=["POST"]
    )
    app.add_url_rule("/me", "me", space["login_required"](lambda: "inside"))
    client = app.test_client()
    client.post("/login")
    csrf = client.get("/mfa/status").json["csrf_token"]
    assert (
        client.post("/mfa/challenge", data={"csrf_token": csrf, "code": pyotp.TOTP(DAVES_KEY).now()}).status_code == 303
    )
    headers = {"Authorization": f"Bearer {client.post(path).json[name]}"}
    found = [app.test_client().get("/me", headers=headers).status_code]
    assert space["gate"].api_tokens.revoke("7") == 1
    return [*found, app.test_client().get("/me", headers=headers).status_code]


@promise_of("class ApiKey(db.Model)")
def _a_registered_key_is_let_in(space: Space) -> None:
    assert call_with_a_new_token(space, "/api-keys", "api_key") == [200, 401]


@promise_of("create_access_token(")
def _a_registered_jwt_is_let_in(space: Space) -> None:
    assert call_with_a_new_token(space, "/tokens", "access_token") == [200, 401]


def said_after(app: Flask, path: str) -> tuple[str | None, bool]:
    """What is on record of a provider after a sign-in."""
    client = app.test_client()
    client.get(path)
    token = client.get_cookie("mfa_gate")
    assert token is not None
    found = state_of(app).sign_in.sessions.find(token.value)
    assert found is not None
    upstream = found[0].assurance.upstream
    return (None, False) if upstream is None else (upstream.issuer, upstream.is_multi_factor)


@promise_of('"sub": "248289761001"')
def _the_session_says_who_signed_the_user_in(space: Space) -> None:
    assert said_after(space["app"], "/callback") == ("https://id.example.org", True)


@promise_of('app.config["MFA_GATE_UPSTREAMS"]')
def _the_app_sends_users_to_the_provider_and_finds_its_own(space: Space) -> None:
    app, db = space["app"], space["db"]
    upstreams = state_of(app).upstreams
    assert upstreams is not None
    assert upstreams.providers["example"].label == "Example ID"
    rules = {rule.endpoint: rule.rule for rule in app.url_map.iter_rules()}
    assert rules["mfa_gate_sign_in.callback"] == "/mfa/sign-in/<name>/callback"
    db.session.add(space["Account"](issuer="https://id.example.org", subject="7", user_id=2))
    assert space["upstream_user"]("https://id.example.org", "7", {}).id == 2
    assert space["upstream_user"]("https://other.example", "7", {}) is None


@promise_of('app.config["MFA_GATE_TRUST_AMR"]')
def _an_issuer_is_believed(space: Space) -> None:
    assert settings_of(space).trust_amr == {"https://id.example.org": "when-proved"}


@promise_of("MFA_GATE_WEBHOOKS = [")
def _some_events_are_posted_and_all_go_to_the_siem(space: Space) -> None:
    webhook, siem = settings_of(space).destinations
    assert [webhook.wants(name, {}) for name in ("mfa_reset", "signed_in")] == [True, False]
    assert [siem.wants(name, {}) for name in ("mfa_reset", "signed_in")] == [True, True]
    assert (webhook.format, siem.format, siem.target) == ("json", "ocsf", "tls://siem.example.org:6514")
