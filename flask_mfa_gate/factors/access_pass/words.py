"""The words of this kind. What a pass proves is in its scope."""

from __future__ import annotations

from ...domain.sign_in.assurance import Method, Strength

METHOD = Method.define("access_pass", Strength.PASS, amr=("mfa",))
FOR_SETUP = Method.define("enrollment_pass", Strength.SETUP)
