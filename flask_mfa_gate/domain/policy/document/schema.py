"""The JSON Schema (draft 2020-12) of a document, made of what its readers and condition words say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from ...access import APP
from ...people.person import LONGEST_KEY
from ...sign_in.assurance import FactorKind
from ..conditions.condition_type import Described
from ..conditions.registry import COMBINING, Registry
from .effect import LONGEST_AGE, LONGEST_GRACE, Action
from .fields import LONGEST_NAME, LONGEST_TEXT
from .policy import PolicyState
from .users import EVERYBODY, GROUP, USER

VERSION = 1
MOST_POLICIES = 10_000

Schema: TypeAlias = Mapping[str, object]
_CONTROLS = r"\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_NAMES: Schema = {"type": "array", "items": {"$ref": "#/$defs/name"}}
_TEXT: Schema = {"$ref": "#/$defs/text"}
_TEXTS: Schema = {"$ref": "#/$defs/texts"}
_CONDITIONS: Schema = {"$ref": "#/$defs/conditions"}


def document_schema(registry: Registry) -> Schema:
    """The schema of documents with these condition words.

    It can't say all that a reader checks: that names are unique, that networks exist, how deep conditions are nested.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Policies of Flask MFA Gate",
        "description": "Conditional access: named networks and policies. The same document may be written in TOML. "
        "A reader also checks what a schema cannot say: that names are unique, that networks exist, that conditions "
        "are nested at most 10 deep.",
        "required": ["version"],
        **_table(
            version={"const": VERSION, "type": "integer"},
            networks={"type": "array", "items": {"$ref": "#/$defs/network"}},
            policies={"type": "array", "maxItems": MOST_POLICIES, "items": {"$ref": "#/$defs/policy"}},
        ),
        "$defs": {
            **_texts(),
            "network": _network(),
            "policy": _policy(),
            "users": _users(),
            "effect": _effect(),
            "conditions": _conditions(registry),
        },
    }


def _table(**properties: Schema) -> dict[str, object]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _texts() -> dict[str, Schema]:
    outer = f"[^\\s{_CONTROLS}]"
    return {
        "name": {
            "description": "One printable line, without blanks around it.",
            "type": "string",
            "maxLength": LONGEST_NAME,
            "pattern": f"^{outer}([^{_CONTROLS}]*{outer})?$",
        },
        "text": {
            "description": "May have several lines.",
            "type": "string",
            "maxLength": LONGEST_TEXT,
            "pattern": f"^([^{_CONTROLS}]|[\\n\\t])*$",
        },
        "texts": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "\\S"}},
    }


def _network() -> Schema:
    entries = {
        "description": "Single addresses, CIDR blocks and ranges, IPv4 and IPv6.",
        "type": "array",
        "items": {"type": "string", "pattern": "^[0-9a-fA-F.:/ -]+$"},
    }
    return {
        "description": "A name for addresses. Conditions use the name.",
        "required": ["name", "entries"],
        **_table(name={"$ref": "#/$defs/name"}, entries=entries),
    }


def _policy() -> Schema:
    asks_for_one_request = {"properties": {"max_age": {"const": 0}}, "required": ["max_age"]}
    what = "What is opened: app, a name put on views, client:NAME, mfa-admin. Empty means app."
    return {
        "required": ["name", "effect"],
        **_table(
            name={"$ref": "#/$defs/name"},
            description=_TEXT,
            state={"enum": list(PolicyState), "default": PolicyState.OFF},
            users={"$ref": "#/$defs/users"},
            resources={"description": what, **_NAMES},
            conditions={"anyOf": [_CONDITIONS, {"type": "object", "maxProperties": 0}]},
            effect={"$ref": "#/$defs/effect"},
            message=_TEXT,
            help_link={"type": "string", "maxLength": LONGEST_TEXT, "pattern": r"^(https?://[!#-;=?-\[\]_a-z~]+)?$"},
        ),
        "if": {"properties": {"effect": asks_for_one_request}},
        "then": {
            "description": "A proof for this one request cannot be asked for the whole app.",
            "required": ["resources"],
            "properties": {"resources": {"minItems": 1, "not": {"contains": {"const": APP}}}},
        },
    }


def _users() -> Schema:
    group, user = (rf"\S(.{{0,{longest - 2}}}\S)?" for longest in (LONGEST_NAME, LONGEST_KEY))
    pattern = f"^({EVERYBODY}|{GROUP}{group}|{USER}{user})$"
    words = {"type": "array", "items": {"type": "string", "pattern": pattern}}
    return {
        "description": "Whom the policy is about. An exclude beats every include.",
        **_table(include={**words, "default": [EVERYBODY]}, exclude=words),
    }


def _effect() -> Schema:
    kinds = {"enum": list(FactorKind)}
    return {
        "required": ["action"],
        "oneOf": [
            _table(action={"enum": [Action.ALLOW, Action.DENY]}),
            _table(
                action={"const": Action.REQUIRE},
                factors={"description": "Accepted ones; empty means any enabled.", "type": "array", "items": kinds},
                max_age={"description": "How old the proof may be, in seconds; 0 asks for this one request; "
                         "left out, it lasts as long as the session.", **_number(LONGEST_AGE)},
                grace_days={"description": "Days of soft prompt before the demand is hard.", **_number(LONGEST_GRACE)},
            ),
        ],
    }  # fmt: skip


def _number(most: int) -> Schema:
    return {"type": "integer", "minimum": 0, "maximum": most}


def _conditions(registry: Registry) -> Schema:
    several = {"type": "array", "minItems": 1, "items": _CONDITIONS}
    joining = {name: _CONDITIONS if name == "not" else several for name in sorted(COMBINING)}
    words = {name: word.schema if isinstance(word, Described) else {} for name, word in registry.words.items()}
    return {
        "description": "Several keys in one table must all hold. Besides these words, a host may add its own.",
        "type": "object",
        "minProperties": 1,
        "properties": {**joining, **words},
    }
