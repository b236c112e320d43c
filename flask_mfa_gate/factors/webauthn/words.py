"""The words of this kind."""

from __future__ import annotations

from ...domain.sign_in.assurance import FactorKind, Method, Strength

KIND = FactorKind.define("webauthn")
METHOD = Method.define("webauthn", Strength.FACTOR, amr=("hwk", "mfa"))
