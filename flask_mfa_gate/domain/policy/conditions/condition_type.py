"""What a condition word is, to those who read, judge, explain and lint policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, TypeAlias, runtime_checkable

from ..addresses import Network
from ..facts import Environment, Subject
from ..logic import Matcher
from .backing import Backing

Wanted: TypeAlias = "tuple[str, ...] | Mapping[str, object]"
Networks: TypeAlias = Mapping[str, Network]
TEXTS: Mapping[str, object] = MappingProxyType({"$ref": "#/$defs/texts"})


class Source(StrEnum):
    """Where a fact comes from that not every app has."""

    GEOIP = "geoip"
    GROUPS = "groups"
    CLIENT = "client"
    MANAGED = "device-managed"
    CERTIFICATE = "device-certificate"
    TIME_ZONE = "time-zone"
    UPSTREAM = "upstream"


class ConditionType(Protocol):
    """One word of conditions. Frozen and without state; a host may add its own."""

    @property
    def word(self) -> str:
        """As it stands in a document."""

    def read(self, wanted: object, where: str) -> Wanted:
        """The document's value, checked and normalised.

        :param where: path of the value, for the message of the :class:`PolicyError` that a bad one raises.
        """

    def compile(self, wanted: Wanted, networks: Networks, where: str) -> Matcher:
        """A test for a value that :meth:`read` returned. What it raises later counts as unknown."""

    def looked_at(self, subject: Subject, environment: Environment, wanted: Wanted) -> str:
        """The fact that the test looks at, as text; empty when it is not known."""

    def backing(self, wanted: Wanted, networks: Networks, *, negated: bool) -> Backing:
        """How much an ``allow`` can stand on this, or on its ``not``.

        Where one of several values is enough, the weakest of them counts; under a ``not``, which needs them all to
        fail, the strongest.
        """

    def needs(self, wanted: Wanted) -> frozenset[Source]:
        """Sources without which the fact is never known."""


ALL_FACTS = frozenset(one.name for one in fields(Environment))


@runtime_checkable
class Frugal(Protocol):
    """A condition word that says which facts it looks at, so that no others are collected for it."""

    @property
    def facts(self) -> frozenset[str]:
        """Names of fields of :class:`Environment`."""


def facts_of(word: ConditionType) -> frozenset[str]:
    """The facts that the word looks at: all of them where it does not say."""
    return word.facts if isinstance(word, Frugal) else ALL_FACTS


@runtime_checkable
class Described(Protocol):
    """A condition word that can say in JSON Schema what a document may want of it."""

    @property
    def schema(self) -> Mapping[str, object]:
        """The schema of its value; ``#/$defs/texts`` is a list of strings that are not blank."""
