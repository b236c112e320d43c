"""Conditional access."""

from __future__ import annotations

from collections.abc import Iterator

from ....errors import PolicyError
from ..findings import Finding, error
from ..registry import Inspection, Needs, check


@check(Needs.TABLES)
def readable_policies(on: Inspection) -> Iterator[Finding]:
    """Policies that can't be read let nobody in."""
    try:
        on.state.policies.current()
    except PolicyError as failure:
        yield error(
            "policies",
            f"The policies can't be read, so nobody can sign in. {failure}",
            fix="flask mfa policies import FILE, or: flask mfa policies rollback VERSION",
        )
