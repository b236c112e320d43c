"""``request``: the method and the view, never the raw path, which has many spellings for one view."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

from .....errors import PolicyError
from ...condition_tree import Condition
from ...facts import Environment, MatchResult, Subject
from ...logic import Matcher, every_of
from ...reading import read_table, read_texts, read_words, table_of
from ..backing import Backing
from ..condition_type import TEXTS, Networks, Source, Wanted
from ..sampling import Sample, entries_in, in_environments, with_another

HIT, MISS, UNKNOWN = MatchResult.HIT, MatchResult.MISS, MatchResult.UNKNOWN
_HTTP = "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE CONNECT QUERY REPORT SEARCH"
_WEBDAV = "PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK"
METHODS = frozenset((*_HTTP.split(), *_WEBDAV.split()))
_OTHER = "~"
_KEYS = ("methods", "endpoints")
_ENDPOINT = re.compile(r"[^\s*/]+(\.\*)?")


@dataclass(frozen=True, slots=True)
class RequestWord:
    """Holds when the method is one of ``methods`` and the view one of ``endpoints``, where they are given."""

    word: str = "request"
    is_always_known: bool = True
    facts: frozenset[str] = frozenset({"method", "endpoint"})

    def read(self, wanted: object, where: str) -> Wanted:
        """A table of ``methods`` and ``endpoints``, at least one of them; ``bp.*`` is a whole blueprint."""
        table = read_table(wanted, where, _KEYS)
        if not table:
            raise PolicyError("must have methods or endpoints", path=where)
        read: dict[str, object] = {}
        if "methods" in table:
            read["methods"] = read_words(table["methods"], f"{where}.methods", METHODS, upper=True)
        if "endpoints" in table:
            read["endpoints"] = _read_endpoints(table["endpoints"], f"{where}.endpoints")
        return MappingProxyType(read)

    def compile(self, wanted: Wanted, networks: Networks, where: str) -> Matcher:
        """A test for both."""
        table = table_of(wanted)
        parts = []
        if "methods" in table:
            parts.append(_method_matcher(_texts(table["methods"])))
        if "endpoints" in table:
            parts.append(_endpoint_matcher(_texts(table["endpoints"])))
        return every_of(parts)

    def looked_at(self, subject: Subject, environment: Environment, wanted: Wanted) -> str:
        """Method and endpoint."""
        return " ".join(filter(None, (environment.method, environment.endpoint)))

    def backing(self, wanted: Wanted, networks: Networks, *, negated: bool) -> Backing:
        """A method is the client's choice; a view is what anybody wants to reach."""
        return Backing.CHOSEN if "methods" in table_of(wanted) else Backing.NEUTRAL

    @property
    def schema(self) -> Mapping[str, object]:
        """As a document may write it."""
        return {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": dict.fromkeys(_KEYS, TEXTS),
        }

    def samples(self, conditions: Sequence[Condition], networks: Networks) -> Iterable[Sample]:
        """Each method and view that is wanted, and others."""
        methods = with_another(entries_in(conditions, "methods"), METHODS)
        endpoints = {name.replace("*", _OTHER) for name in entries_in(conditions, "endpoints")} | {_OTHER}
        return in_environments(Environment(method=one, endpoint=name) for one, name in product(methods, endpoints))

    def needs(self, wanted: Wanted) -> frozenset[Source]:
        """Nothing beside the gate itself."""
        return frozenset()


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()


def _read_endpoints(value: object, where: str) -> tuple[str, ...]:
    names = read_texts(value, where)
    for index, name in enumerate(names):
        if not _ENDPOINT.fullmatch(name):
            raise PolicyError("must be a Flask endpoint, or BLUEPRINT.* for all of one", path=f"{where}[{index}]")
    return names


def _method_matcher(methods: tuple[str, ...]) -> Matcher:
    wanted = frozenset(methods)
    # SECURITY: Flask answers HEAD with the view of GET, so anyone who is refused GET would learn of it by HEAD.
    if "GET" in wanted:
        wanted |= {"HEAD"}

    def match(subject: Subject, environment: Environment) -> MatchResult:
        method = environment.method
        if not method:
            return UNKNOWN
        return HIT if method in wanted or method.upper() in wanted else MISS

    return match


def _endpoint_matcher(endpoints: tuple[str, ...]) -> Matcher:
    names = frozenset(endpoints)
    prefixes = tuple(name[:-1] for name in endpoints if name.endswith(".*"))

    def match(subject: Subject, environment: Environment) -> MatchResult:
        endpoint = environment.endpoint
        if not endpoint:
            return UNKNOWN
        return HIT if endpoint in names or endpoint.startswith(prefixes) else MISS

    return match


REQUEST = RequestWord()
