"""The words of this kind."""

from __future__ import annotations

from ...domain.sign_in.assurance import FactorKind, Method, Strength

KIND = FactorKind.define("totp", is_of_status=True, is_recoverable=True)
METHOD = Method.define("totp", Strength.FACTOR, amr=("otp", "mfa"))
