"""The word of this kind."""

from __future__ import annotations

from ...domain.sign_in.assurance import Method, Strength

METHOD = Method.define("recovery_code", Strength.RECOVERY, amr=("mfa",))
