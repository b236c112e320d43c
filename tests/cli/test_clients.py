"""``flask mfa clients`` and ``flask mfa signing-keys``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.conftest import StillClock
from tests.oidc_kit import PROVIDER, WIKI, endpoint, is_taken

ADD = ("clients", "add", "wiki", "--name", "Wiki", "--redirect-uri", f"{WIKI}/signed-in")


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**PROVIDER)


@pytest.fixture
def run(app: Flask) -> Any:
    runner = app.test_cli_runner()
    return lambda *words: runner.invoke(args=["mfa", *words])


def answer(result: Any) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_client_is_registered_and_its_secret_shown_once(run: Any, app: Flask) -> None:
    said = run(*ADD, "--reason", "asked for").output
    secret = said.split("Client secret: ")[1].split()[0]
    assert is_taken(app, "wiki", secret)
    assert "Save it now" in said
    shown = answer(run("clients", "show", "wiki", "--json"))
    assert (shown["client_name"], shown["redirect_uris"], shown["users"]) == ("Wiki", [f"{WIKI}/signed-in"], 0)
    assert [list(one) for one in shown["secrets"]] == [["id", "created_at", "ends_at"]]
    for words in (("show", "wiki"), ("list",), ("list", "--json")):
        listed = run("clients", *words).output
        assert "wiki" in listed
        assert secret not in listed
    assert secret not in run("audit", "export").output
    assert "2 clients." in run("clients", "list").output
    assert run(*ADD).output == "Error: There already is a client 'wiki'.\n"
    records = [json.loads(line) for line in run("audit", "export").output.splitlines()]
    (added,) = [one for one in records if one["event"] == "client_changed"]
    assert (added["actor"], added["reason"]) == ("cli", "asked for")
    assert (added["details"]["client"], added["details"]["act"]) == ("wiki", "added")


def test_metadata_comes_from_options_and_from_a_document(run: Any, tmp_path: Path) -> None:
    document = tmp_path / "client.json"
    document.write_text(json.dumps({"client_name": "Wiki", "redirect_uris": [f"{WIKI}/a"], "scope": "openid"}))
    made = answer(run("clients", "add", "wiki", "--from", str(document), "--name", "The wiki", "--public", "--json"))
    assert "client_secret" not in made
    assert (made["client_name"], made["scope"], made["token_endpoint_auth_method"]) == ("The wiki", "openid", "none")
    changed = answer(run("clients", "change", "wiki", "--redirect-uri", f"{WIKI}/b", "--skip-consent", "--json"))
    assert (changed["client_name"], changed["redirect_uris"], changed["skip_consent"]) == (
        "The wiki",
        [f"{WIKI}/b"],
        True,
    )
    assert "Pass what to change" in run("clients", "change", "wiki").output
    document.write_text("{")
    assert "is not valid JSON" in run("clients", "add", "other", "--from", str(document)).output
    refused = run("clients", "add", "other", "--redirect-uri", "http://wiki.example.org/")
    assert (refused.exit_code, "redirect_uris" in refused.output) == (1, True)


def test_two_secrets_overlap_and_each_can_be_stopped(run: Any, app: Flask, clock: StillClock) -> None:
    first = answer(run(*ADD, "--json"))["client_secret"]
    second = answer(run("clients", "rotate-secret", "wiki", "--overlap", "2d", "--json"))["client_secret"]
    assert is_taken(app, "wiki", first)
    assert is_taken(app, "wiki", second)
    clock.forward(days=2, seconds=1)
    assert (is_taken(app, "wiki", first), is_taken(app, "wiki", second)) == (False, True)
    third = answer(run("clients", "rotate-secret", "wiki", "--overlap", "0m", "--json"))
    assert (is_taken(app, "wiki", second), is_taken(app, "wiki", third["client_secret"])) == (False, True)
    assert run("clients", "revoke-secret", "wiki", third["secrets"][-1]["id"]).exit_code == 0
    assert not is_taken(app, "wiki", third["client_secret"])
    assert run("clients", "revoke-secret", "wiki", "x").exit_code == 1


def test_a_client_is_stopped_started_and_removed(run: Any, app: Flask) -> None:
    secret = answer(run(*ADD, "--json"))["client_secret"]
    assert run("clients", "disable", "wiki").output == "The client 'wiki' is disabled.\n"
    assert not is_taken(app, "wiki", secret)
    assert run("clients", "enable", "wiki").exit_code == 0
    assert is_taken(app, "wiki", secret)
    assert "Pass --yes" in run("clients", "remove", "wiki").output
    assert run("clients", "remove", "wiki", "--yes").output == "The client 'wiki' is removed.\n"
    assert run("clients", "show", "wiki").output == "Error: There is no client 'wiki'.\n"
    assert not is_taken(app, "wiki", secret)


@pytest.mark.parametrize("words", [["disable"], ["rotate-secret"], ["remove", "--yes"], ["change", "--name", "x"]])
def test_the_configuration_is_not_changed_from_here(run: Any, words: list[str]) -> None:
    assert "MFA_GATE_OIDC_CLIENTS" in run("clients", words[0], "board", *words[1:]).output
    assert "MFA_GATE_OIDC = True" not in run("clients", "list").output


def test_signing_keys_are_published_before_they_sign(run: Any, app: Flask, clock: StillClock) -> None:
    first = answer(run("signing-keys", "rotate", "--json"))
    second = answer(run("signing-keys", "rotate", "--json"))
    assert (first["state"], second["state"]) == ("signing", "published")
    clock.forward(hours=1, seconds=1)
    states = {one["kid"]: one["state"] for one in answer(run("signing-keys", "list", "--json"))}
    assert states == {first["kid"]: "retired", second["kid"]: "signing"}
    assert "2 keys." in run("signing-keys", "list").output
    assert "Pass --yes" in run("signing-keys", "retire", second["kid"]).output
    assert run("signing-keys", "retire", second["kid"], "--yes").exit_code == 0
    assert run("signing-keys", "retire", "nothing", "--yes").exit_code == 1
    published = app.test_client().get(endpoint(app, "jwks_uri")).json
    assert published is not None
    assert all(set(key) == {"kty", "n", "e", "kid", "use", "alg"} for key in published["keys"])


def test_without_a_provider_the_sentence_says_so(make_app: Callable[..., Flask]) -> None:
    runner = make_app().test_cli_runner()
    for words in (["clients", "list"], ["signing-keys", "list"]):
        result = runner.invoke(args=["mfa", *words])
        assert (result.exit_code, "MFA_GATE_OIDC = True" in result.output) == (1, True)


def test_the_doctor_names_clients_that_cannot_prove_themselves(run: Any, app: Flask) -> None:
    def found() -> list[str]:
        return [line for line in run("doctor").output.splitlines() if "'wiki'" in line]

    made = answer(run(*ADD, "--json"))
    assert found() == []
    run("clients", "revoke-secret", "wiki", made["secrets"][0]["id"])
    assert "has no secret that works" in "".join(found())
    run("clients", "disable", "wiki")
    assert found() == []
