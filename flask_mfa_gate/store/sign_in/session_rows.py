"""The row of a gate session: the one SELECT of a request, and what its columns mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Join, Select, bindparam, select

from ...crypto import Keyring
from ...domain.authorization.decision import AuthnRequirement
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.sign_in.assurance import UPSTREAM, Assurance, Method, Proof, SignIn
from ...domain.sign_in.session import Ending, GateSession, StepUp
from ...domain.sign_in.upstream import Upstream
from ..enrollment.states import read_standing, standing_columns
from ..tables.tables import Tables
from .private import PrivateTexts


class SessionRows:
    """Finds a session by the digest of the id in the cookie, reads its row, and writes it."""

    def __init__(self, tables: Tables, keyring: Keyring) -> None:
        self._tables, self._private = tables, PrivateTexts(keyring)
        self._table = tables.session
        self._names, self._loading = tables.session.columns.keys(), _loading(tables)

    def load(self, tx: Connection, id_digest: str, *, now: datetime) -> tuple[GateSession, EnrollmentState] | None:
        """A session with its user's enrollment state: the one SELECT of a request."""
        row = tx.execute(self._loading, {"id_digest": id_digest}).first()
        if row is None:
            return None
        session = self.read(dict(zip(self._names, row, strict=False)))
        return session, read_standing(row, user_key=session.user_key, now=now)

    def _write(self, session: GateSession) -> dict[str, Any]:
        # SECURITY: a stolen copy of the database must not lead to a page by a token, nor name the host's session.
        return self._private.seal(_write(session))

    def read(self, row: Mapping[str, Any]) -> GateSession:
        """A session from the columns of its row, wherever they were selected.

        Private texts are opened when they are read: most requests don't.
        """
        open_text, lineage = self._private.open, row["lineage"]
        target, host_id, step_up = row["target"], row["host_user_id"], row["step_up"]
        if step_up is not None:
            step_up = _read_step_up({**step_up, "target": open_text(step_up["target"], "step_up", lineage) or "/"})
        return GateSession(
            assurance=read_assurance(row),
            step_up=step_up,
            ending=Ending(row["ending"]) if row["ending"] else None,
            kept_target=None if target is None else partial(open_text, target, "target", lineage),
            kept_host_user_id=None if host_id is None else partial(open_text, host_id, "host_user_id", lineage),
            **dict(zip(_PLAIN_COLUMNS, _plain(row), strict=True)),
        )


@cache
def _loading(tables: Tables) -> Select[Any]:
    """Building it takes longer than running it."""
    return select(*loaded_columns(tables)).select_from(with_enrollment(tables)).where(is_asked_for(tables))


def loaded_columns(tables: Tables) -> Sequence[ColumnElement[Any]]:
    """A session's columns first, then those of its user's enrollment."""
    own = [column.label(f"session_{column.name}") for column in tables.session.c]
    return [*own, *standing_columns(tables, tables.session.c.user_key)]


def with_enrollment(tables: Tables) -> Join:
    """Sessions, with the enrollment of their users where there is one."""
    mine, enrollment = tables.session, tables.enrollment
    return mine.outerjoin(enrollment, enrollment.c.user_key == mine.c.user_key)


def is_asked_for(tables: Tables) -> ColumnElement[bool]:
    """The session that the cookie names."""
    return tables.session.c.id_digest == bindparam("id_digest")


def _write(session: GateSession) -> dict[str, Any]:
    return {
        "id_digest": session.id_digest,
        "lineage": session.lineage,
        "user_key": session.user_key,
        **write_assurance(session.assurance),
        "began_at": session.began_at,
        "seen_at": session.seen_at,
        "superseded_at": session.superseded_at,
        "deferred_at": session.deferred_at,
        "parked": session.parked,
        "parked_at": session.parked_at,
        "parked_endpoint": session.parked_endpoint,
        "target": session.target,
        "step_up": _write_step_up(session.step_up),
        "host_user_id": session.host_user_id,
        "address": session.address,
        "user_agent": session.user_agent,
        "stamp": session.stamp,
        "pass_id": session.pass_id,
        "ends_at": session.ends_at,
        "risk": None if session.risk is None else dict(session.risk),
        "ended_at": session.ended_at,
        "ending": session.ending.value if session.ending else None,
    }


_PLAIN_COLUMNS = (
    "id_digest", "lineage", "user_key", "began_at", "seen_at", "superseded_at", "deferred_at", "parked", "parked_at",
    "parked_endpoint", "address", "user_agent", "stamp", "pass_id", "ends_at", "risk", "ended_at",
)  # fmt: skip
_plain = itemgetter(*_PLAIN_COLUMNS)


def _write_step_up(step_up: StepUp | None) -> dict[str, Any] | None:
    if step_up is None:
        return None
    max_age = step_up.requirement.max_age
    return {
        "methods": sorted(step_up.requirement.methods),
        "max_age": None if max_age is None else max_age.total_seconds(),
        "endpoint": step_up.endpoint,
        "act": step_up.act,
        "target": step_up.target,
        "deferrable_until": step_up.deferrable_until.isoformat() if step_up.deferrable_until else None,
    }


def _read_step_up(facts: dict[str, Any]) -> StepUp:
    max_age = facts["max_age"]
    demand = AuthnRequirement(
        frozenset(Method(word) for word in facts["methods"]), None if max_age is None else timedelta(seconds=max_age)
    )
    until = facts.get("deferrable_until")
    return StepUp(
        demand, facts["endpoint"], facts.get("act"), facts["target"], datetime.fromisoformat(until) if until else None
    )


def write_assurance(assurance: Assurance) -> dict[str, Any]:
    """Columns. What is believed of a provider is never one: it is told each time by what the provider said."""
    upstream = assurance.upstream
    return {
        "sign_in": assurance.sign_in.value,
        "signed_in_at": assurance.signed_in_at,
        "proofs": write_proofs(assurance.proofs),
        "upstream": None if upstream is None else _write_upstream(upstream),
    }


def read_assurance(row: Mapping[str, Any]) -> Assurance:
    """Those columns, wherever they were selected."""
    said = row["upstream"]
    upstream = None if said is None else _read_upstream(said)
    return Assurance(SignIn(row["sign_in"]), row["signed_in_at"], read_proofs(row["proofs"]), upstream)


def write_proofs(proofs: Iterable[Proof]) -> list[dict[str, str]]:
    """Those of the user's own factors and ways back."""
    return [
        {"method": proof.method.value, "at": proof.at.isoformat()}
        for proof in proofs
        if proof.at is not None and proof.method is not UPSTREAM
    ]


def read_proofs(written: Iterable[Mapping[str, str]]) -> tuple[Proof, ...]:
    """The same from their column."""
    return tuple([Proof(Method.known[proof["method"]], datetime.fromisoformat(proof["at"])) for proof in written])


def _write_upstream(upstream: Upstream) -> dict[str, Any]:
    return {
        "issuer": upstream.issuer,
        "amr": list(upstream.amr),
        "mfa": upstream.is_multi_factor,
        "at": upstream.at.isoformat() if upstream.at else None,
        "exhausted": upstream.is_exhausted,
        "spent": upstream.spent_at.isoformat() if upstream.spent_at else None,
    }


def _read_upstream(said: Mapping[str, Any]) -> Upstream:
    at, spent_at = said["at"], said.get("spent")
    return Upstream(
        said["issuer"], tuple(said["amr"]), said["mfa"], datetime.fromisoformat(at) if at else None, said["exhausted"],
        datetime.fromisoformat(spent_at) if spent_at else None,
    )  # fmt: skip
