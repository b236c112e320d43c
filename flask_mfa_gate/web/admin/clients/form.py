"""The form of a client: what was typed, as metadata, and what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response

from ....domain.oidc.client import OPENID, SCOPES, AuthMethod, GrantType, OidcClient, SigningAlgorithm
from ....domain.oidc.registration import BadClient, client_words
from ....domain.people.roles import Role
from ....errors import BadRequest, Conflict, MFAGateError
from ....services.oidc.client_overview import overview_json
from ....services.oidc.clients import NewSecret
from ...responses import answers
from ...translation import gettext
from ..console import WRITE, Console, ConsoleRoute, console_url
from . import words
from .kit import overview_of, provider
from .page import draw_client

_LINES = re.compile(r"[\r\n]+")
_LISTS = ("redirect_uris", "post_logout_redirect_uris")
_TEXTS = (
    "client_id", "client_name", "token_endpoint_auth_method", "id_token_signed_response_alg", "client_uri",
    "backchannel_logout_uri",
)  # fmt: skip
_NO_WORDS = frozenset({"csrf_token", "back", "reason", "version", "client_id"})
_SCOPE, _REFRESH = "scope", "refreshes"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientForm:
    """What stands in the fields.

    :param client_id: of the client that is edited; empty for a new one.
    :param problem: why it was not saved.
    :param field: which field that is about; empty where it is about none.
    """

    client_id: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset({OPENID, "profile", "email"})
    refreshes: bool = True
    skips_consent: bool = False
    version: str = ""
    problem: str = ""
    field: str = ""

    def error(self, name: str) -> str:
        """What is wrong with a field."""
        return self.problem if self.field == name else ""


def new(console: Console) -> Response:
    """An empty form."""
    provider(console)
    return _draw(console, ClientForm(values={"token_endpoint_auth_method": AuthMethod.BASIC.value}))


def edit(console: Console, client_id: str) -> Response:
    """The form of one client."""
    found = overview_of(console, client_id)
    if found.client.is_configured:
        raise Conflict("configured", gettext("This client is set in MFA_GATE_OIDC_CLIENTS. Change it there."))
    return _draw(console, _form_of(found.client, found.version))


def add(console: Console) -> Response:
    """Register a client; its secret is in this answer and never again."""
    sent = {word: value for word, value in _sent(console).items() if value is not None}
    try:
        made = provider(console).clients.add(sent, actor=console.actor, reason=_reason(console.fields))
    except (BadRequest, Conflict) as error:
        return _refused(console, "", error)
    return _shown(console, made, status=201)


def save(console: Console, client_id: str) -> Response:
    """Put what was typed in the place of what was known of a client. Programs may send a part of it."""
    overview_of(console, client_id)
    sent = {word: value for word, value in _sent(console).items() if word != "client_id"}
    given = console.fields.get("version")
    version = given if isinstance(given, str) and given else None
    try:
        made = provider(console).clients.change(
            client_id, sent, actor=console.actor, reason=_reason(console.fields), version=version
        )
    except (BadRequest, Conflict) as error:
        return _refused(console, client_id, error)
    if made.secret is None and not console.auth.wants_json:
        return answers.see_other(console_url("client", client_id=client_id))
    return _shown(console, made, status=200)


def _shown(console: Console, made: NewSecret, *, status: int) -> Response:
    found = overview_of(console, made.client.client_id)
    if console.auth.wants_json:
        secret = {} if made.secret is None else {"client_secret": made.secret}
        return answers.json_answer({**overview_json(found), **secret}, status)
    return draw_client(console, found, secret=made.secret, status=status)


def _sent(console: Console) -> dict[str, Any]:
    """Metadata from a form, or from a program, which speaks in its words already."""
    fields = console.fields
    if console.auth.wants_json:
        known = {name: value for name, value in fields.items() if name not in _NO_WORDS}
        return {**known, **({"client_id": fields["client_id"]} if "client_id" in fields else {})}
    # An empty field takes a word away.
    sent: dict[str, Any] = {name: _text(fields, name) or None for name in _TEXTS}
    sent |= {name: _lines(fields, name) for name in _LISTS}
    sent["scope"] = " ".join(_ticked(fields))
    sent["grant_types"] = [GrantType.CODE, *([GrantType.REFRESH] if fields.get(_REFRESH) == "1" else [])]
    sent["skip_consent"] = fields.get("skip_consent") == "1"
    sent["jwks"] = _json(_text(fields, "jwks"))
    sent["default_max_age"] = _number(_text(fields, "default_max_age"))
    return sent


def _refused(console: Console, client_id: str, error: MFAGateError) -> Response:
    """What was typed, and why it was not saved."""
    if console.auth.wants_json:
        raise error
    fields = console.fields
    word = error.word if isinstance(error, BadClient) else ""
    # At its field the sentence need not name it.
    sentence = str(error).replace(word, gettext("This"), 1) if word else str(error)
    is_taken = isinstance(error, Conflict) and error.reason == "taken"
    texts = {name: _typed(fields, name) for name in (*_TEXTS, *_LISTS, "jwks", "default_max_age")}
    form = ClientForm(
        client_id=client_id, values=texts, scopes=frozenset(_ticked(fields)), refreshes=fields.get(_REFRESH) == "1",
        skips_consent=fields.get("skip_consent") == "1", version=_typed(fields, "version"), problem=sentence,
        field="client_id" if is_taken else word,
    )  # fmt: skip
    return _draw(console, form, error.status)


def _form_of(client: OidcClient, version: str) -> ClientForm:
    known = client_words(client)
    values = {name: str(known[name]) for name in _TEXTS if name in known}
    values |= {name: "\n".join(known[name]) for name in _LISTS}
    values["jwks"] = json.dumps(known["jwks"], indent=2) if "jwks" in known else ""
    values["default_max_age"] = str(known.get("default_max_age", ""))
    return ClientForm(
        client_id=client.client_id, values=values, scopes=client.scopes,
        refreshes=GrantType.REFRESH in client.grant_types, skips_consent=client.skip_consent, version=version,
    )  # fmt: skip


def _draw(console: Console, form: ClientForm, status: int = 200) -> Response:
    return console.page(
        "clients/form.html", status, form=form,
        methods=[(method.value, words.method_word(method)) for method in AuthMethod],
        algorithms=[(one.value, one.value) for one in SigningAlgorithm],
        scopes=[(scope, words.scope_word(scope)) for scope in SCOPES if scope != OPENID],
    )  # fmt: skip


def _ticked(fields: Mapping[str, Any]) -> list[str]:
    given = fields.get(_SCOPE, [])
    chosen = [given] if isinstance(given, str) else given
    return [OPENID, *(one for one in chosen if isinstance(one, str) and one != OPENID)]


def _lines(fields: Mapping[str, Any], name: str) -> list[str]:
    return [line.strip() for line in _LINES.split(_text(fields, name)) if line.strip()]


def _text(fields: Mapping[str, Any], name: str) -> str:
    """A text field without blanks around it.

    :raises BadRequest: for what is no text.
    """
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise BadRequest(f"{name} has to be text.")
    return value.strip()


def _typed(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, "")
    return value if isinstance(value, str) else ""


def _json(text: str) -> Any:
    """What is no JSON stays text, which is refused as such."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return text


def _number(text: str) -> Any:
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    return int(text) if is_number else text or None


def _reason(fields: Mapping[str, Any]) -> str | None:
    return _text(fields, "reason") or None


ROUTES = (
    ConsoleRoute(rule="/clients/new", name="client_new", view=new, least=Role.ADMIN),
    ConsoleRoute(rule="/clients", name="clients_add", view=add, methods=WRITE),
    ConsoleRoute(rule="/clients/<client_id>/edit", name="client_edit", view=edit, least=Role.ADMIN),
    ConsoleRoute(rule="/clients/<client_id>", name="client_save", view=save, methods=WRITE),
)
