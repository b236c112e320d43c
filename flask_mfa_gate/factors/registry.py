"""Every kind of factor and way back in that there is. A new one is a folder here, its pages, and a line below."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import cast

from ..domain.sign_in.assurance import FactorKind, Method
from . import access_pass
from .access_pass import AccessPasses
from .base import Companion, Factor, Verifier, WayBack
from .parts import FactorParts
from .recovery_codes import RecoveryCodes
from .totp import TotpFactor
from .webauthn import words as _  # noqa: F401 - policies and settings may name it; there is nothing to build yet

BUILDERS: tuple[Callable[[FactorParts], Verifier], ...] = (TotpFactor, RecoveryCodes, AccessPasses)


@dataclass(frozen=True, slots=True)
class FactorRegistry:
    """The kinds of one app, in the order in which they are offered.

    :param built: all of them.
    :param verifiers: what may be tried.
    :param factors: what users set up, disabled kinds included.
    :param companion: handed out with the first factor.
    """

    built: Mapping[Method, Verifier]
    verifiers: Mapping[Method, Verifier]
    factors: Mapping[FactorKind, Factor]
    ways_back: tuple[WayBack, ...]
    companion: Companion
    access_passes: AccessPasses

    @property
    def opens_first(self) -> Method:
        """What users without any factor can prove."""
        return self.access_passes.method


def build(parts: FactorParts, enabled: Collection[FactorKind]) -> FactorRegistry:
    """The kinds of one app.

    :param enabled: enabled kinds.
    """
    built = {one.method: one for one in (builder(parts) for builder in BUILDERS)}
    factors = {one.kind: one for one in (cast(Factor, built[method]) for method in built if _is_factor(method))}
    # SECURITY: answers for a disabled kind are not even tried.
    off = {one.method for kind, one in factors.items() if kind not in enabled}
    ways_back = tuple(cast(WayBack, built[method]) for method in built if method in Method.ways_back)
    return FactorRegistry(
        built=built,
        verifiers={method: one for method, one in built.items() if method not in off},
        factors=factors,
        ways_back=ways_back,
        companion=cast(Companion, next(one for one in ways_back if one.method not in Method.passes)),
        access_passes=cast(AccessPasses, built[access_pass.METHOD]),
    )


def _is_factor(method: Method) -> bool:
    return method in Method.of_factors
