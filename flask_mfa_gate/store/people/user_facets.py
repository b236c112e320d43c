"""Where a user's enrollment is, without the time of day, as one word in the user's row of ``person``.

A list that is filtered by status, requirement or factor then reads one index, whatever is filtered by and however few
there are; how many there are of each kind is one scan of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import chain, combinations
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, and_, case, exists, func, literal, or_, select, update

from ...domain.people.user_list import NO_DEADLINE
from ...domain.sign_in.assurance import FactorKind
from ..database.sets import among
from ..tables.tables import Tables

_REQUIRED = "!"


class Stage(StrEnum):
    """Grounds of a status, in the order of :func:`~flask_mfa_gate.domain.enrollment.enrollment.status_of`, reversed."""

    NOTHING = "nothing"
    KEY_SHOWN = "key-shown"
    WAITING = "waiting"
    PERIOD = "period"
    ENROLLED = "enrolled"


@dataclass(frozen=True, slots=True)
class Facets:
    """What the word says.

    :param required: the stored flag; default access may demand MFA all the same.
    :param factors: kinds of confirmed factors.
    """

    stage: Stage
    required: bool
    factors: frozenset[FactorKind]

    @property
    def word(self) -> str:
        """As it is stored: ``period! webauthn``."""
        return f"{self.stage}{_REQUIRED * self.required}{''.join(f' {kind}' for kind in sorted(self.factors))}"


def every_facets() -> Iterator[Facets]:
    """All there can be, of the kinds that there are."""
    kinds = sorted(FactorKind)
    for held in chain.from_iterable(combinations(kinds, count) for count in range(len(kinds) + 1)):
        is_enrolled = not FactorKind.of_status.isdisjoint(held)
        for stage in Stage:
            if (stage is Stage.ENROLLED) == is_enrolled:
                yield from (Facets(stage, required, frozenset(held)) for required in (False, True))


class UserFacets:
    """Brings the words of users up to date from the rows that they rest on."""

    def __init__(self, tables: Tables) -> None:
        self._person = tables.person
        self._values = _values(tables)

    def refresh(self, tx: Connection, keys: Collection[str]) -> None:
        """After any change of these users' requirement, period or factors, in the same transaction."""
        if keys:
            tx.execute(update(self._person).where(among(tx, self._person.c.user_key, keys)).values(self._values))


@cache
def _values(tables: Tables) -> Mapping[str, Any]:
    """Built once for all apps on tables of these names, as building it takes much of an app's start."""
    row, factor, user_key = tables.enrollment.c, tables.factor.c, tables.person.c.user_key

    def stored(column: ColumnElement[Any]) -> ScalarSelect[Any]:
        return select(column).where(row.user_key == user_key).correlate(tables.person).scalar_subquery()

    live = and_(factor.user_key == user_key, factor.voided_at.is_(None))
    confirmed = and_(live, factor.confirmed_at.is_not(None))
    held = {kind: exists().where(confirmed, factor.kind == kind).correlate(tables.person) for kind in FactorKind}
    unconfirmed = select(func.max(factor.created_at)).where(live, factor.confirmed_at.is_(None))
    shown_at = unconfirmed.correlate(tables.person).scalar_subquery()
    stage = case(
        (or_(*(held[kind] for kind in FactorKind.of_status)), Stage.ENROLLED.value),
        (stored(row.ends_at).is_not(None), Stage.PERIOD.value),
        (stored(row.days).is_not(None), Stage.WAITING.value),
        (shown_at.is_not(None), Stage.KEY_SHOWN.value),
        else_=Stage.NOTHING.value,
    )
    word: ColumnElement[Any] = stage + case((stored(row.required).is_(True), _REQUIRED), else_="")
    for kind in sorted(held):
        word = word + case((held[kind], f" {kind}"), else_="")
    return {
        "facets": word,
        "deadline_sort": func.coalesce(stored(row.ends_at), literal(NO_DEADLINE, row.ends_at.type)),
        "key_shown_at": shown_at,
    }
