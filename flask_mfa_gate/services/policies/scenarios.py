"""Expected decisions, written down: who opens what from where, and what has to come of it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ...domain.access import APP
from ...domain.authorization.decision import Ask
from ...domain.policy.document.policy import PolicySet
from ...domain.policy.facts import Environment
from ...domain.policy.reading import nearest
from ...domain.view_protection import NO_VIEWS, Views
from ...errors import MFAGateError, PolicyError
from ...sentences import Sentence
from .environment_input import environment_from
from .simulation import Simulator

_FACTS = frozenset(one.name for one in fields(Environment))
_OWN = frozenset({"name", "user", "resource", "expect"})
_WORDS = frozenset(word.value for word in Ask)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One expected decision.

    :param expect: a verdict's word.
    """

    name: str
    user: str
    expect: str
    resource: str
    environment: Environment


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one.

    :param found: the verdict's word, or the sentence of what went wrong.
    """

    scenario: Scenario
    found: str

    @property
    def is_as_expected(self) -> bool:
        """Whether it is what was written down."""
        return self.found == self.scenario.expect


def read_scenarios(text: str, *, address: str | None = None) -> Sequence[Scenario]:
    """Every ``[[scenarios]]`` of a TOML text.

    :param address: where those come from that do not say.
    :raises PolicyError: for a fault, with its path.
    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise PolicyError(Sentence("is not valid TOML: %(problem)s", problem=problem)) from None
    rows = document.get("scenarios")
    if not isinstance(rows, list) or not rows or set(document) != {"scenarios"}:
        raise PolicyError("has to hold [[scenarios]], at least one, and nothing else")
    found = [_read(row, f"scenarios[{place}]") for place, row in enumerate(rows)]
    return [_from(one, address) if one.environment.address is None else one for one in found]


def run_scenarios(
    simulator: Simulator, scenarios: Sequence[Scenario], *, draft: PolicySet | None = None,
    views: Views = NO_VIEWS,
) -> Iterator[Outcome]:  # fmt: skip
    """Decide each, under a draft or the policies of today."""
    for one in scenarios:
        try:
            explained = simulator.simulate(
                one.user, resource=one.resource, environment=one.environment, draft=draft,
                views=views,
            )  # fmt: skip
            yield Outcome(one, explained.verdict)
        except MFAGateError as error:
            yield Outcome(one, str(error))


def _from(scenario: Scenario, address: str | None) -> Scenario:
    return replace(scenario, environment=replace(scenario.environment, address=address))


def _read(row: object, where: str) -> Scenario:
    if not isinstance(row, Mapping):
        raise PolicyError("has to be a table", path=where)
    for key in row:
        if key not in _OWN | _FACTS:
            raise PolicyError(
                Sentence("is not known: %(key)r", key=key), path=where, nearest=nearest(key, _OWN | _FACTS)
            )
    user, expect = _text(row, "user", where), _text(row, "expect", where)
    if expect not in _WORDS:
        raise PolicyError(
            Sentence("is no verdict: %(expect)r", expect=expect),
            path=f"{where}.expect",
            nearest=nearest(expect, _WORDS),
        )
    facts = environment_from({key: value for key, value in row.items() if key in _FACTS}, where)
    resource = _text({"resource": APP, **row}, "resource", where)
    name = _text({"name": f"{user} at {resource}", **row}, "name", where)
    return Scenario(name, user, expect, resource, facts)


def _text(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise PolicyError("has to be a string", path=f"{where}.{name}")
    return value
