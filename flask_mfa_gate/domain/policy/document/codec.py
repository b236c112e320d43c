"""All policies and named networks of one gate as one text, TOML or JSON, and back."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from typing import Literal, NoReturn

from ....errors import PolicyError
from ....sentences import Sentence
from ..addresses import Network
from ..conditions.registry import Registry
from ..reading import at_key
from .condition_table import Vocabulary
from .fields import at_index, read_fields, read_list
from .networks import read_network, write_network
from .policy import Policy, PolicySet, read_policy_table
from .schema import MOST_POLICIES, VERSION
from .toml_text import write_toml

MOST_BYTES = 5_000_000

_BY_NAME = attrgetter("name")
_DEEP_KEY = re.compile(r"""(?<![\w.-])(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){32}""")


def read_document(text: str, *, registry: Registry, networks: Collection[str] = ()) -> PolicySet:
    """All that a document says. The first fault raises :class:`PolicyError`, which says where it is.

    :param text: JSON when it begins with a brace, else TOML; at most 5 MB and 10,000 policies.
    :param registry: the condition words of this app.
    :param networks: names that conditions may use besides the document's own, for one that is merged.
    """
    table = read_fields(_parse(text), "", known=("version", "networks", "policies"))
    _require_version(table.get("version"))
    own = _read_networks(table.get("networks", ()))
    vocabulary = Vocabulary(registry, {*networks, *(network.name for network in own)})
    return PolicySet(_read_policies(table.get("policies", ()), vocabulary), own)


def read_policy(value: object, *, registry: Registry, where: str = "") -> Policy:
    """One policy from its table. A fault raises :class:`PolicyError`. Names of networks are not looked up.

    :param registry: the condition words of this app.
    :param where: path of the table; empty when it stands alone.
    """
    return read_policy_table(value, where, Vocabulary(registry))


def _parse(text: object) -> object:
    if not isinstance(text, str):
        raise PolicyError("must be a string")
    # SECURITY: both parsers take memory many times the size of their text, so a huge one could end the worker.
    if len(text) > MOST_BYTES or len(text.encode(errors="surrogatepass")) > MOST_BYTES:
        raise PolicyError(Sentence("is larger than %(most_bytes)s bytes", most_bytes=MOST_BYTES))
    text = text.removeprefix("\ufeff")
    is_json = text.lstrip().startswith("{")
    try:
        return _parse_json(text) if is_json else _parse_toml(text)
    except RecursionError:
        raise PolicyError("is nested too deep") from None
    except ValueError as problem:
        raise PolicyError(
            Sentence("is not valid %(value)s: %(problem)s", value="JSON" if is_json else "TOML", problem=problem)
        ) from None


def _parse_json(text: str) -> object:
    return json.loads(text, object_pairs_hook=_table_of_pairs, parse_constant=_refuse_constant)


def _parse_toml(text: str) -> object:
    # SECURITY: the parser takes the square of a key's parts, so a line of a few kilobytes would hold up the worker.
    if _DEEP_KEY.search(text):
        raise RecursionError
    return tomllib.loads(text)


def _table_of_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    # SECURITY: of two equal keys parsers take different ones, so a reviewer could be shown another policy.
    if len(table) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return table


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _require_version(version: object) -> None:
    if version is None:
        raise PolicyError("is missing", path="version")
    if version != VERSION or not isinstance(version, int) or isinstance(version, bool):
        raise PolicyError(Sentence("must be %(version)s, the only version there is", version=VERSION), path="version")


def _read_networks(value: object) -> tuple[Network, ...]:
    networks = tuple(read_network(entry, at) for at, entry in read_list(value, "networks"))
    _require_unique([network.name for network in networks], "networks")
    return networks


def _read_policies(value: object, vocabulary: Vocabulary) -> tuple[Policy, ...]:
    entries = list(read_list(value, "policies"))
    if len(entries) > MOST_POLICIES:
        raise PolicyError(
            Sentence("must not be more than %(most_policies)s", most_policies=MOST_POLICIES), path="policies"
        )
    policies = tuple(read_policy_table(entry, at, vocabulary) for at, entry in entries)
    _require_unique([policy.name for policy in policies], "policies")
    return policies


def _require_unique(names: Sequence[str], where: str) -> None:
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        first = seen.setdefault(name, index)
        if first != index:
            path = at_key(at_index(where, index), "name")
            raise PolicyError(
                Sentence("is the name of %(at_index)s already", at_index=at_index(where, first)), path=path
            )


def write_document(policy_set: PolicySet, form: Literal["toml", "json"] = "toml") -> str:
    """The whole set as text, sorted by name, so that equal sets give equal texts."""
    document: dict[str, object] = {
        "version": VERSION,
        "networks": [write_network(network) for network in sorted(policy_set.networks, key=_BY_NAME)],
        "policies": [policy.to_document() for policy in sorted(policy_set.policies, key=_BY_NAME)],
    }
    document = {key: value for key, value in document.items() if value}
    return write_toml(document) if form == "toml" else _write_json(document)


def _write_json(document: Mapping[str, object]) -> str:
    """One line for each network and policy: a large set stays small enough to be read again, and compares well."""
    return "{\n" + ",\n".join(f"{_json(key)}: {_json_lines(value)}" for key, value in document.items()) + "\n}\n"


def _json_lines(value: object) -> str:
    if not isinstance(value, list):
        return _json(value)
    return "[\n" + ",\n".join(f"  {_json(entry)}" for entry in value) + "\n]"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
