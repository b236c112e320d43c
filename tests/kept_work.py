"""What each of the thousands of apps of one test process would do for itself, with the same result every time.

A long-running app does it once, so it is kept: statements as SQLAlchemy compiled them, how Werkzeug reads rules and
builds URLs, and templates as Jinja compiled them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Map
from werkzeug.routing.rules import Rule

_STATEMENTS = 3_000
_CACHE = "compiled_cache"
_REPOSITORY = Path(__file__).parents[1]
_OPTIONS = (
    "block_start_string", "block_end_string", "variable_start_string", "variable_end_string", "comment_start_string",
    "comment_end_string", "line_statement_prefix", "line_comment_prefix", "trim_blocks", "lstrip_blocks",
    "newline_sequence", "keep_trailing_newline", "is_async", "optimized", "sandboxed",
)  # fmt: skip


class Statements:
    """Compiled statements of all engines whose dialects are set up alike.

    SQLAlchemy's key begins with the dialect object, and each engine has one of its own.
    """

    def __init__(self) -> None:
        self._compiled: LRUCache[Any, Any] = LRUCache(_STATEMENTS)

    def get(self, key: tuple[Any, ...]) -> Any:
        return self._compiled.get(key[1:])

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        self._compiled[key[1:]] = compiled


@cache
def statements_of(_set_up: Hashable) -> Statements:
    return Statements()


def set_up_of(dialect: Dialect) -> Hashable:
    """What a dialect was told, and what it has found out of its server; of parts that it made of that, their class."""
    return type(dialect), *sorted((name, _counted(name, value)) for name, value in vars(dialect).items())


def _counted(name: str, value: Any) -> str:
    is_told = name.startswith("_json_") or isinstance(value, (str, int, tuple, ModuleType, type))
    return repr(value if is_told else type(value))


def share_statements(connection: Connection) -> None:
    engine = connection.engine
    if _CACHE not in engine.get_execution_options():
        shared: Any = statements_of(set_up_of(engine.dialect))
        engine.update_execution_options(compiled_cache=shared)
        connection.execution_options(compiled_cache=shared)


def keep_builders() -> None:
    """Werkzeug makes two functions of every rule, by way of Python's own compiler."""
    compile_builder = Rule._compile_builder
    kept: dict[Hashable, Callable[..., tuple[str, str]]] = {}

    def once(self: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        # Defaults are put into the function by converters, which are the app's.
        if self.defaults:
            return compile_builder(self, append_unknown)
        key = (append_unknown, self.rule, *self._trace)
        if key not in kept:
            kept[key] = compile_builder(self, append_unknown)
        return kept[key]

    Rule._compile_builder = once  # type: ignore[method-assign]


def keep_rules() -> None:
    """Seventy rules of each app are read piece by piece."""
    parse_rule = Rule._parse_rule
    kept: dict[str, tuple[list[Any], list[tuple[bool, str]], dict[str, Any]]] = {}

    def once(self: Rule, rule: str) -> Iterable[Any]:
        # What an app's own converters make of a rule is its own business.
        if self.map is None or self.map.converters != Map.default_converters:
            return parse_rule(self, rule)
        if rule not in kept:
            begun = len(self._trace)
            parts, trace = list(parse_rule(self, rule)), self._trace[begun:]
            kept[rule] = parts, trace, {name: self._converters[name] for is_variable, name in trace if is_variable}
            return parts
        parts, trace, converters = kept[rule]
        self._trace.extend(trace)
        self._converters.update(converters)
        self.arguments.update(converters)
        return parts

    Rule._parse_rule = once  # type: ignore[method-assign]


class Templates(BytecodeCache):
    """Compiled templates from files of this repository, for each way in which an app reads them."""

    def __init__(self) -> None:
        self._codes: dict[Hashable, CodeType] = {}

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        options = [getattr(environment, option) for option in _OPTIONS]
        escape = environment.autoescape(name) if callable(environment.autoescape) else environment.autoescape
        key = repr((name, filename, options, escape, *environment.extensions))
        bucket = Bucket(environment, key, self.get_source_checksum(source))
        is_ours = filename is not None and Path(filename).is_relative_to(_REPOSITORY)
        # What a finalizer does is not in its name, and names in a test's own templates are other ones in the next test.
        bucket.is_kept = is_ours and environment.finalize is None  # type: ignore[attr-defined]
        self.load_bytecode(bucket)
        return bucket

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.is_kept:  # type: ignore[attr-defined]
            bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        if bucket.is_kept:  # type: ignore[attr-defined]
            self._codes[bucket.key, bucket.checksum] = bucket.code


def keep_work() -> None:
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Templates()}
    event.listen(Engine, "engine_connect", share_statements)
    keep_rules()
    keep_builders()
