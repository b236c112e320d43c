"""JSON Schema (draft 2020-12, as OpenAPI 3.1 has it) in few words."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from datetime import date, datetime
from enum import Enum
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

Schema: TypeAlias = Mapping[str, Any]
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "integer"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
DAY: Schema = {"type": "string", "format": "date"}
URL: Schema = {"type": "string", "format": "uri-reference"}
FREE: Schema = {"type": "object"}
NO_KEYS: Mapping[str, Schema] = {}
_PLAIN: Mapping[Any, Schema] = {str: TEXT, bool: FLAG, int: NUMBER, datetime: MOMENT, date: DAY}


def table(
    known: Mapping[str, Schema] = NO_KEYS, /, *, optional: Collection[str] = (), is_open: bool = False, **more: Schema
) -> Schema:  # fmt: skip
    """An object that has these keys.

    :param optional: those that may be missing.
    :param is_open: whether it may have others.
    """
    properties = {**known, **more}
    required = [name for name in properties if name not in optional]
    closed = {} if is_open else {"additionalProperties": False}
    return {"type": "object", "properties": properties, **({"required": required} if required else {}), **closed}


def fields_of(**properties: Schema) -> Schema:
    """What may be sent: nothing of it has to be."""
    return table(properties, optional=tuple(properties), is_open=True)


def listed(schema: Schema) -> Schema:
    """Any number of these."""
    return {"type": "array", "items": schema}


def maybe(schema: Schema) -> Schema:
    """This, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(*schemas: Schema) -> Schema:
    """Any of these."""
    return {"anyOf": list(schemas)}


def words(known: Iterable[str]) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": sorted({str(word.value if isinstance(word, Enum) else word) for word in known})}


def joined(schema: Schema, *, optional: Collection[str] = (), **properties: Schema) -> Schema:
    """An object with more keys."""
    known = {**schema["properties"], **properties}
    was_optional = set(schema["properties"]) - set(schema.get("required", ()))
    return table(known, optional=was_optional | set(optional), is_open="additionalProperties" not in schema)


def row_of(columns: Iterable[str], schemas: Mapping[str, Schema]) -> Schema:
    """The row of a list: its columns, each with its schema."""
    return table({name: schemas[name] for name in columns})


def of_class(one: type, *, without: Collection[str] = ()) -> Schema:
    """A dataclass as its fields are written in JSON."""
    hints = get_type_hints(one)
    return table({field.name: _of_type(hints[field.name]) for field in fields(one) if field.name not in without})


def _of_type(hint: Any) -> Schema:
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, inner = get_origin(hint), [one for one in get_args(hint) if one not in {type(None), Ellipsis}]
    if origin in {Union, types.UnionType}:
        return maybe(_of_type(inner[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of_type(inner[1])}
    return listed(_of_type(inner[0])) if origin is not None else of_class(hint)
