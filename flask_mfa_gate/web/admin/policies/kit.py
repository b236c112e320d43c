"""What the pages of policies share: where the admin is, which version they read, and people by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import current_app

from ....domain.access import APP, MFA_ADMIN
from ....domain.policy.analysis.finding import LintFinding
from ....domain.policy.document.policy import Policy, PolicySet
from ....domain.policy.document.users import user_keys
from ....domain.policy.facts import Environment
from ....errors import BadRequest
from ....sentences import Sentence
from ....services.policies.edits import find
from ....services.policies.writing import EditContext
from ...endpoints import ADMIN
from ...translation import gettext
from ...view_marks.protection import marked_resources
from ..console import Console, console_url

_USER = "user:"


def here(console: Console) -> Environment:
    """As much of where the admin is as the lint looks at."""
    address = console.origin.address
    return Environment(address=address, country=console.state.sign_in.places.of(address).country)


def context(console: Console, *, version: int | None = None) -> EditContext:
    """What the author of a change had before them: the version that the form carries, and the place."""
    return EditContext(version if version is not None else read_version(console.fields), here(console))


def read_version(fields: Mapping[str, Any], name: str = "version") -> int | None:
    """The version that a form or a program carries; None where it does not say.

    :raises BadRequest: for what is no number.
    """
    given = fields.get(name)
    if given in (None, ""):
        return None
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 10:
        return int(given)
    if type(given) is int and 0 <= given < 2**31:
        return given
    raise BadRequest(Sentence("%(name)s has to be the number of a version.", name=name))


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """A text field without blanks around it.

    :raises BadRequest: for what is no text.
    """
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise BadRequest(Sentence("%(name)s has to be text.", name=name))
    return value.strip()


def reason_of(console: Console) -> str | None:
    """Why, as the author says."""
    return text_of(console.fields, "reason") or None


def names_in(console: Console, *sets: PolicySet | None, actors: Iterable[str] = ()) -> Mapping[str, str]:
    """People whom policies name, and authors, by key."""
    policies = [one for policy_set in sets if policy_set is not None for one in policy_set.policies]
    keys = {key for one in policies for key in user_keys((*one.users.include, *one.users.exclude))}
    return names_of(console, keys | {one.removeprefix(_USER) for one in actors if one.startswith(_USER)})


def names_of(console: Console, keys: Iterable[str]) -> Mapping[str, str]:
    """Those of these people whom the gate knows by name or email."""
    wanted = set(keys)
    if not wanted:
        return {}
    with console.state.store.database.read() as tx:
        known = console.state.store.people.known(tx, wanted, now=console.now)
    return {key: one.person.name or one.person.email or key for key, one in known.items()}


def known_resources(console: Console, policies: PolicySet) -> list[str]:
    """What can be opened: the app, the console, what views are marked with, clients, and what somebody named."""
    named = {name for one in policies.policies for name in one.resources}
    marked = {*marked_resources(current_app), *client_resources(console)}
    others = {*marked, *console.state.rules.default_access, *named} - {APP, MFA_ADMIN}
    return [APP, *sorted(others), MFA_ADMIN]


def client_resources(console: Console) -> list[str]:
    """Those of the apps that sign in here."""
    return [one.resource for one in console.state.oidc.clients.list()] if console.state.oidc is not None else []


def findings_of(console: Console, draft: PolicySet, name: str) -> list[LintFinding]:
    """What lint says of one policy of a set."""
    found = console.state.access.linter.remarks(
        draft, acting_admin=console.actor.user_key, here=here(console), known_resources=marked_resources(current_app),
        about=name,
    )  # fmt: skip
    return list(found)


def page_url(name: str, /, **values: str) -> str:
    """The address of a page of the console; empty where this version has no such page."""
    return console_url(name, **values) if f"{ADMIN}.{name}" in current_app.view_functions else ""


def policy_called(policies: PolicySet, name: str) -> Policy | None:
    """The policy of this name; None where there is none."""
    return find(policies.policies, name)


def names_to_choose(console: Console, chosen: str | None) -> list[tuple[str, str]]:
    """The policies that a list can be filtered by: those that there are, and the one chosen, which may be gone."""
    names = {one.name for one in console.state.access.policies.current().policies} | {chosen or ""}
    return [("", gettext("Any policy")), *((name, name) for name in sorted(names - {""}))]
