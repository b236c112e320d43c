"""What a session has proved, and when. Levels are derived from these facts, never stored."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

ACR_SINGLE = "https://refeds.org/profile/sfa"
ACR_MULTI = "https://refeds.org/profile/mfa"


class FactorKind(StrEnum):
    """A factor that a user can hold."""

    TOTP = "totp"
    WEBAUTHN = "webauthn"


class Method(StrEnum):
    """How something was proved: with a factor, or with a way back in."""

    TOTP = "totp"
    WEBAUTHN = "webauthn"
    RECOVERY_CODE = "recovery_code"
    ACCESS_PASS = "access_pass"  # noqa: S105 - a word of the vocabulary, not a secret
    ENROLLMENT_PASS = "enrollment_pass"  # noqa: S105


class SignIn(StrEnum):
    """How the first step was done."""

    PASSWORD = "password"  # noqa: S105 - a word of the vocabulary, not a secret
    REMEMBER_ME = "remember-me"
    SESSION = "session"
    TOKEN = "token"  # noqa: S105


FACTOR_METHODS = frozenset({Method.TOTP, Method.WEBAUTHN})
PASS_METHODS = frozenset({Method.ACCESS_PASS, Method.ENROLLMENT_PASS})
# A recovery code or an access pass signs in; a pass for enrollment only opens the setup of a factor.
SIGN_IN_METHODS = FACTOR_METHODS | {Method.RECOVERY_CODE, Method.ACCESS_PASS}
SETUP_METHODS = SIGN_IN_METHODS | {Method.ENROLLMENT_PASS}
_AMR = {
    Method.TOTP: ("otp", "mfa"),
    Method.WEBAUTHN: ("hwk", "mfa"),
    Method.RECOVERY_CODE: ("mfa",),
    Method.ACCESS_PASS: ("mfa",),
    Method.ENROLLMENT_PASS: (),
}


@cache
def methods_of(kinds: frozenset[FactorKind]) -> frozenset[Method]:
    """What is proved with these factors."""
    return frozenset([Method(kind.value) for kind in kinds])


@dataclass(frozen=True, slots=True)
class Proof:
    """One accepted proof."""

    method: Method
    at: datetime


@dataclass(frozen=True, slots=True)
class Assurance:
    """The facts of one session.

    :param signed_in_at: when the first step was done.
    :param proofs: accepted proofs, oldest first, at most one a method.
    """

    sign_in: SignIn
    signed_in_at: datetime
    proofs: tuple[Proof, ...] = field(default=())

    @property
    def methods(self) -> frozenset[Method]:
        """Every method proved in this session."""
        return frozenset(proof.method for proof in self.proofs)

    @property
    def amr(self) -> tuple[str, ...]:
        """Authentication method references (RFC 8176), in a stable order without repeats."""
        words = ["pwd"]
        for proof in self.proofs:
            words += [word for word in _AMR[proof.method] if word not in words]
        return tuple(words)

    @property
    def acr(self) -> str:
        """Authentication context class reference: one factor, or more (REFEDS profiles)."""
        return ACR_MULTI if self.methods & SIGN_IN_METHODS else ACR_SINGLE

    @property
    def authenticated_at(self) -> datetime:
        """When the user last proved anything; the password given once more makes no proof younger."""
        return max((proof.at for proof in self.proofs), default=self.signed_in_at)

    def with_proof(self, method: Method, *, at: datetime) -> Assurance:
        """These facts and one more; a later proof by the same method takes the place of the earlier."""
        kept = tuple(proof for proof in self.proofs if proof.method is not method)
        return replace(self, proofs=(*kept, Proof(method, at)))

    def signed_in_again(self, *, at: datetime) -> Assurance:
        """These facts after the password was given once more; what was proved stands, and is no younger."""
        return replace(self, sign_in=SignIn.PASSWORD, signed_in_at=at)

    def counting(self, enabled: Collection[FactorKind]) -> Assurance:
        """These facts without proofs of a factor that is not switched on."""
        if not self.proofs:
            return self
        off = FACTOR_METHODS - methods_of(frozenset(enabled))
        kept = tuple([proof for proof in self.proofs if proof.method not in off])
        return self if len(kept) == len(self.proofs) else replace(self, proofs=kept)

    def proved(self, methods: Collection[Method], *, now: datetime, max_age: timedelta | None = None) -> bool:
        """Whether one of ``methods`` was proved, at most ``max_age`` ago; a proof from the future has no age."""
        for proof in self.proofs:
            if proof.method in methods and (max_age is None or timedelta(0) <= now - proof.at <= max_age):
                return True
        return False

    def is_fresh_sign_in(self, *, now: datetime, within: timedelta) -> bool:
        """Whether the password itself was given, not longer than ``within`` ago."""
        return self.sign_in is SignIn.PASSWORD and timedelta(0) <= now - self.signed_in_at <= within
