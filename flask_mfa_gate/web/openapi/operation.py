"""What one method of an address takes and answers, as its description needs it beside its route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from .schema import FLAG, NUMBER, TEXT, Schema, listed, maybe, table, words

NOTHING: Mapping[str, Schema] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    :param answer: what is answered; None for an answer without a body.
    :param status: of that answer.
    :param body: what is sent; None where nothing is.
    :param is_form: whether that is a form and no JSON.
    :param query: what the address may name, by parameter.
    :param files: media types beside JSON that ``format`` can ask for.
    """

    answer: Schema | None
    status: int = 200
    body: Schema | None = None
    is_form: bool = False
    query: Mapping[str, Schema] = field(default_factory=lambda: NOTHING)
    files: Sequence[str] = ()


Operations: TypeAlias = Mapping[str, Operation]
"""By method and endpoint, such as ``GET mfa_gate.status``."""

CSV, LINES, TOML = "text/csv", "application/x-ndjson", "application/toml"
_FORMATS = {CSV: "csv", LINES: "jsonl", TOML: "toml"}


def list_answer(row: Schema) -> Schema:
    """A page of a list."""
    return table(items=listed(row), next_cursor=maybe(TEXT), count=maybe(NUMBER), count_is_exact=FLAG)


def formats(files: Sequence[str]) -> Schema:
    """What ``format`` may say."""
    return words(["json", *(_FORMATS[media] for media in files)])
