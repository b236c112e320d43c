"""The description itself: the routes of the app that are the gate's, with what each one takes and answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from ...domain.policy.document.schema import document_schema
from ..csrf import HEADER
from ..endpoints import ADMIN, OIDC, OWN, is_own, is_provider
from ..responses.codes import all_codes
from ..responses.host_names import PLACE
from ..state import GateState
from . import account, clients, people, policies, provider, records
from .operation import NOTHING, Operation, Operations, formats
from .schema import NUMBER, TEXT, URL, Schema, listed, table, words

VERSION = "3.1.0"
# Pages for people only, and files: whatever asks for them, the answer is no JSON.
FOR_PEOPLE = frozenset({
    f"{OWN}.static", *(f"{ADMIN}.{name}" for name in (
        "policy_new", "policy_edit", "policies_import_form", "network_new", "client_new", "client_edit",
        "client_remove_form", "user_select",
    )), *(f"{OIDC}.{name}" for name in ("authorize", "resume", "answer", "end_session")),
})  # fmt: skip
_METHODS = ("GET", "POST", "DELETE")
_ARGUMENT = re.compile(r"<(?:(\w+):)?(\w+)>")
_TYPES: Mapping[str | None, Schema] = {"int": {**NUMBER, "minimum": 0, "maximum": 2**31}}
_PROBLEM: Schema = {"$ref": "#/components/schemas/problem"}
_ERROR: Schema = {"$ref": "#/components/schemas/oauth-error"}
_INFO = (
    "JSON that the gate speaks beside its pages. Sign in through the app; the session cookie says who asks. Ask with "
    "Accept: application/json. Each write sends the csrf_token of /mfa/status as X-CSRFToken. Each refusal is a "
    "problem document (RFC 9457) with a stable code; the OpenID provider answers programs in the words of OAuth 2.0."
)


def all_operations() -> Operations:
    """Every operation of the gate, by method and endpoint."""
    rooms = (people, records, policies, clients)
    return {
        **account.operations(),
        **{_within(ADMIN, key): one for room in rooms for key, one in room.operations().items()},
        **{_within(OIDC, key): one for key, one in provider.operations().items()},
    }


def _within(blueprint: str, key: str) -> str:
    method, _, name = key.partition(" ")
    return f"{method} {blueprint}.{name}"


def described_routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Each address and method of the gate that speaks JSON; one that answers under many names is listed once."""
    seen = set()
    for rule in sorted(app.url_map.iter_rules(), key=lambda one: (one.rule, one.endpoint)):
        if not is_own(rule.endpoint) or rule.endpoint in FOR_PEOPLE:
            continue
        for method in _METHODS:
            if method in (rule.methods or ()) and (rule.rule, method) not in seen:
                seen.add((rule.rule, method))
                yield rule, method


def openapi(app: Flask, state: GateState) -> dict[str, Any]:
    """The description of this app's gate, as OpenAPI 3.1."""
    known, paths = all_operations(), dict[str, dict[str, Any]]()
    for rule, method in described_routes(app):
        view, operation = app.view_functions[rule.endpoint], known[f"{method} {rule.endpoint}"]
        path = paths.setdefault(_ARGUMENT.sub(r"{\2}", rule.rule), {})
        path[method.lower()] = _described(rule, method, operation, view.__doc__ or "")
    return {
        "openapi": VERSION,
        "info": {"title": "Flask MFA Gate", "version": version("flask-mfa-gate"), "description": _INFO},
        "paths": paths,
        "components": {"schemas": _schemas(state), "securitySchemes": _security(state)},
    }


def _described(rule: Rule, method: str, operation: Operation, doc: str) -> dict[str, Any]:
    is_for_programs = is_provider(rule.endpoint)
    described: dict[str, Any] = {
        "operationId": f"{rule.endpoint}.{method.lower()}",
        "summary": " ".join(doc.partition("\n\n")[0].split()),
        "tags": [rule.endpoint.partition(".")[0]],
        "parameters": [*_arguments(rule), *_queries(operation)],
        "responses": _responses(operation, _ERROR if is_for_programs else _PROBLEM, is_for_programs=is_for_programs),
        "security": _needs(rule, method),
    }
    if operation.body is not None:
        media = "application/x-www-form-urlencoded" if operation.is_form else "application/json"
        described["requestBody"] = {"content": {media: {"schema": operation.body}}, "required": True}
    return described


def _arguments(rule: Rule) -> Iterator[dict[str, Any]]:
    for kind, name in _ARGUMENT.findall(rule.rule):
        if name != PLACE:
            schema = _TYPES.get(kind, {**TEXT, "minLength": 1, "pattern": "^[^/]+$"})
            yield {"name": name, "in": "path", "required": True, "schema": schema}


def _queries(operation: Operation) -> Iterator[dict[str, Any]]:
    query = {**operation.query, **({"format": formats(operation.files)} if operation.files else NOTHING)}
    for name, schema in query.items():
        yield {"name": name, "in": "query", "required": False, "schema": schema}


def _responses(operation: Operation, error: Schema, *, is_for_programs: bool) -> dict[str, Any]:
    media: dict[str, Any] = {} if operation.answer is None else {"application/json": {"schema": operation.answer}}
    media |= {file: {"schema": TEXT} for file in operation.files}
    refusal = "application/json" if is_for_programs else "application/problem+json"
    refused = {"description": "Refused", "content": {refusal: {"schema": error}}}
    done = {"description": "Done", **({"content": media} if media else {})}
    return {str(operation.status): done, "4XX": refused, "503": refused}


def _needs(rule: Rule, method: str) -> list[dict[str, list[str]]]:
    endpoint = rule.endpoint
    if not is_provider(endpoint):
        return [{"session": [], **({"csrf": []} if method != "GET" else {})}]
    if endpoint.endswith(".userinfo"):
        return [{"bearer": []}]
    return [] if method == "GET" else [{"client": []}, {}]


def _security(state: GateState) -> dict[str, Any]:
    return {
        "session": {"type": "apiKey", "in": "cookie", "name": state.settings.cookie_name},
        "csrf": {"type": "apiKey", "in": "header", "name": HEADER},
        "client": {"type": "http", "scheme": "basic"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }


def _schemas(state: GateState) -> dict[str, Any]:
    document: dict[str, Any] = {**document_schema(state.access.policies.registry)}
    parts: dict[str, Any] = document.pop("$defs")
    own = {"document": document, "problem": problem(all_codes()), "oauth-error": OAUTH_ERROR}
    return {name: _pointed(schema) for name, schema in {**parts, **own}.items()}


def _pointed(schema: Any) -> Any:
    """As plain values, with references to where the parts of the document stand here."""
    if isinstance(schema, Mapping):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/") if key == "$ref" else _pointed(value)
            for key, value in schema.items() if key != "$schema"
        }  # fmt: skip
    if isinstance(schema, list | tuple):
        return [_pointed(one) for one in schema]
    return str(schema) if isinstance(schema, str) else schema


def problem(codes: Iterable[str]) -> Schema:
    """A problem document (RFC 9457)."""
    return table(
        _FACTS, optional=_FACTS.keys(), type={"const": "about:blank"},
        status={**NUMBER, "minimum": 400, "maximum": 503}, code=words(codes), detail=TEXT,
    )  # fmt: skip


_FACTS: dict[str, Schema] = {
    "next": TEXT, "reason_id": TEXT, "factors": listed(TEXT), "max_age": {"type": ["integer", "null"]},
    "continue_url": {"type": ["string", "null"], "format": "uri-reference"}, "reference": TEXT, "help_link": TEXT,
    "hint": TEXT, "retry_after": NUMBER, "reason": TEXT, "token_url": URL,
}  # fmt: skip
OAUTH_ERROR: Schema = table(
    optional=("error", "error_description", "error_uri"), error=TEXT, error_description=TEXT, error_uri=TEXT
)
