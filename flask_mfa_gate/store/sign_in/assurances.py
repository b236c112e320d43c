"""The facts of a session as columns, in the tables of sessions and of grants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ...domain.sign_in.assurance import UPSTREAM, Assurance, Method, Proof, SignIn
from ...domain.sign_in.upstream import Upstream


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
    return tuple([Proof(Method(proof["method"]), datetime.fromisoformat(proof["at"])) for proof in written])


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
