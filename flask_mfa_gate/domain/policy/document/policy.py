"""A policy, as a value and as a table of a document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from ....errors import PolicyError
from ....sentences import Sentence
from ...access import APP
from ..addresses import Network
from ..condition_tree import And, Expression
from ..conditions.registry import BUILT_IN
from ..reading import at_key
from .condition_table import Vocabulary, read_conditions, write_conditions
from .effect import Effect, read_effect, write_effect
from .fields import listed, read_fields, read_name, read_names, read_text, read_word
from .users import Users, read_users, write_users

_KEYS = ("name", "description", "state", "users", "resources", "conditions", "effect", "message", "help_link")
# Pages of the console under the same address as policies, and what a browser takes for a way up.
_TAKEN = frozenset({"new", "export", "import", "preview", ".", ".."})
_WEB_ADDRESS = re.compile(r"https?://[!#-;=?-\[\]_a-z~]+")


class PolicyState(StrEnum):
    """Whether a policy counts."""

    ON = "on"
    OFF = "off"
    REPORT_ONLY = "report-only"


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule of conditional access.

    :param resources: names of what is opened; empty means the whole app.
    :param message: shown to those whom the policy refuses.
    """

    name: str
    effect: Effect
    description: str = ""
    state: PolicyState = PolicyState.OFF
    users: Users = Users()
    resources: tuple[str, ...] = ()
    conditions: Expression = And()
    message: str = ""
    help_link: str = ""

    @classmethod
    def from_document(cls, table: Mapping[str, object]) -> Policy:
        """A policy from its table in a document, with the built-in condition words.

        A fault raises :class:`~flask_mfa_gate.errors.PolicyError` with the path of what is wrong.
        """
        return read_policy_table(table, "", Vocabulary(BUILT_IN))

    def to_document(self) -> dict[str, object]:
        """This policy as a table of a document, keys in the product's order; what is empty is left out."""
        table: dict[str, object] = {
            "name": self.name,
            "description": self.description,
            "state": str(self.state),
            "users": write_users(self.users),
            "resources": listed(self.resources),
            "conditions": write_conditions(self.conditions),
            "effect": write_effect(self.effect),
            "message": self.message,
            "help_link": self.help_link,
        }
        return {key: value for key, value in table.items() if value not in ("", [], {})}


@dataclass(frozen=True, slots=True)
class PolicySet:
    """All policies and named networks of one gate, as one version of the document holds them."""

    policies: tuple[Policy, ...] = ()
    networks: tuple[Network, ...] = ()


def read_policy_table(value: object, where: str, vocabulary: Vocabulary) -> Policy:
    """A policy from its table. A fault raises :class:`PolicyError`.

    :param where: path of the table, for the faults; empty when the policy stands alone.
    """
    table = read_fields(value, where, known=_KEYS)
    for key in ("name", "effect"):
        if key not in table:
            raise PolicyError("is missing", path=at_key(where, key))
    policy = Policy(
        name=read_name(table["name"], at_key(where, "name")),
        description=read_text(table.get("description", ""), at_key(where, "description")),
        state=read_word(table.get("state", PolicyState.OFF), at_key(where, "state"), PolicyState),
        users=read_users(table.get("users", {}), at_key(where, "users")),
        resources=read_names(table.get("resources", ()), at_key(where, "resources")),
        conditions=read_conditions(table.get("conditions", {}), at_key(where, "conditions"), vocabulary),
        effect=read_effect(table["effect"], at_key(where, "effect")),
        message=read_text(table.get("message", ""), at_key(where, "message")),
        help_link=_read_link(table.get("help_link", ""), at_key(where, "help_link")),
    )
    _require_app_without_grants(policy, at_key(where, "effect"))
    return policy


def require_addressable(name: str) -> None:
    """Raise :class:`PolicyError` for a name that could have no page of its own."""
    if name in _TAKEN:
        raise PolicyError(
            Sentence("must not be %(name)r, which is another page of the console", name=name), path="name"
        )
    if "/" in name:
        raise PolicyError("must not contain a slash", path="name")


def _require_app_without_grants(policy: Policy, where: str) -> None:
    if policy.effect.max_age == timedelta(0) and APP in (policy.resources or (APP,)):
        raise PolicyError("cannot be 0 for the whole app, only for other resources", path=at_key(where, "max_age"))


def _read_link(value: object, where: str) -> str:
    link = read_text(value, where)
    # SECURITY: the link is shown to everybody who is refused; any other scheme could run script on the gate's own page.
    if link and not (_WEB_ADDRESS.fullmatch(link) and _has_host(link)):
        raise PolicyError("must be an address that begins with https:// or http://", path=where)
    return link


def _has_host(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return bool(parts.hostname)
