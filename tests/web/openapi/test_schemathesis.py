"""Whatever the description allows, and whatever it does not, is answered as it says: schemathesis makes the requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from werkzeug.exceptions import HTTPException

from flask_mfa_gate.web.openapi.document import openapi
from tests.conftest import Browser, Phone, state_of
from tests.oidc_kit import PROVIDER
from tests.web.admin.kit import at_console

pytestmark = pytest.mark.pages
BOTH = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
# Who is refused anyway is refused before what they sent is looked at.
WHAT_IS_TAKEN = BOTH[:1]
load_all_checks()
ASKED = CHECKS.get_by_names(
    ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]
)
FEW, MANY = 1, 100
counts = pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.soak)])
# They end the very session by which everything else is asked.
LAST = ("mfa_gate.sign_out", "mfa_gate.cancel", "mfa_gate.sessions")


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**PROVIDER)


def operations(app: Flask) -> Iterator[Any]:
    schema = schemathesis.openapi.from_dict(openapi(app, state_of(app)))
    schema.app = app
    found = [result.ok() for result in schema.get_all_operations()]
    yield from sorted(found, key=lambda one: str(one.definition.raw["operationId"]).startswith(LAST))


def ask(
    app: Flask, sent: Callable[[], dict[str, Any]], examples: int, modes: Sequence[GenerationMode] = BOTH
) -> list[str]:
    """Every operation, with what it takes and with what it does not; what was answered otherwise than described."""
    found: list[str] = []
    for operation in operations(app):
        for mode in modes:
            try:
                _ask(operation, mode, sent, examples)
            except Unsatisfiable:
                # There is nothing that it does not take.
                continue
            except FailureGroup as error:
                found += [f"{operation.label} {mode.name}: {one}" for one in error.exceptions]
    return found


def _ask(operation: Any, mode: GenerationMode, sent: Callable[[], dict[str, Any]], examples: int) -> None:
    @settings(
        max_examples=examples, database=None, derandomize=examples == FEW, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        response = case.call(**sent())
        if not leads_nowhere(operation.schema.app, response):
            case.validate_response(response, checks=ASKED)

    one()


def leads_nowhere(app: Flask, response: Any) -> bool:
    """Whether the address is none of the gate's at all, so that the app says so itself."""
    if response.status_code != 404:
        return False
    try:
        app.url_map.bind("localhost").match(unquote(urlsplit(response.request.url).path), response.request.method)
    except HTTPException:
        return True
    return False


def cookies_of(browser: Browser) -> dict[str, str]:
    names = ("session", "mfa_gate", "mfa_gate_remember", "remember_token")
    found = {name: browser.client.get_cookie(name) for name in names}
    return {name: cookie.value for name, cookie in found.items() if cookie is not None}


def by_session(browser: Browser) -> Callable[[], dict[str, Any]]:
    cookies, token = cookies_of(browser), browser.token()
    return lambda: {"cookies": cookies, "headers": {"X-CSRFToken": token, "Accept": "application/json"}}


@counts
def test_an_admin_with_a_proof_then_a_user_then_nobody(app: Flask, phone: Phone, examples: int) -> None:
    """One after the other, as what schemathesis makes of the description is kept by the process."""
    modes = BOTH if examples == MANY else WHAT_IS_TAKEN
    user = Browser(app)
    user.sign_in("frank")
    found = ask(app, by_session(at_console(app, "ada", phone)), examples)
    found += ask(app, by_session(user), examples, modes)
    found += ask(app, lambda: {"headers": {"Accept": "application/json"}}, examples, modes)
    assert not found, "\n\n".join(found)
