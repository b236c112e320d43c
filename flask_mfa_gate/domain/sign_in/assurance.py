"""What a session has proved, and when. Levels are derived from these facts, never stored."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto
from functools import cache
from operator import attrgetter
from typing import ClassVar

from ..open_words import OpenWord
from .upstream import Upstream, UpstreamTrust

ACR_SINGLE = "https://refeds.org/profile/sfa"
ACR_MULTI = "https://refeds.org/profile/mfa"


class Strength(Enum):
    """What a proof is good for."""

    FACTOR = auto()
    """Proof of a factor that the user holds: signs in, and answers every step-up that takes its kind."""
    RECOVERY = auto()
    """A way back in for a user who holds a factor: signs in, opens the setup of another, answers no step-up."""
    PASS = auto()
    """The same, given out by an admin, and also for a user without any factor."""
    UPSTREAM = auto()
    """Proof of a factor that another provider knows: signs in, and answers every step-up that names no factor."""
    SETUP = auto()
    """Opens the setup of a factor, and nothing else."""


class FactorKind(OpenWord):
    """A factor that a user can hold. Each kind is defined by its folder in ``factors/``.

    ``of_status`` are the kinds whose setup makes a user ENROLLED, and ``recoverable`` those that a way back in stands
    for at the sign-in, also where a policy names them.
    """

    __slots__ = ()
    of_status: ClassVar[frozenset[FactorKind]] = frozenset()
    recoverable: ClassVar[frozenset[FactorKind]] = frozenset()

    @classmethod
    def define(cls, text: str, *, is_of_status: bool = False, is_recoverable: bool = False) -> FactorKind:
        """A new kind. The method by which it is proved is called the same."""
        kind = cls._define(text)
        cls.of_status |= {kind} if is_of_status else frozenset()
        cls.recoverable |= {kind} if is_recoverable else frozenset()
        return kind


class Method(OpenWord):
    """How something was proved: with a factor, or with a way back in. Each is defined by its folder in ``factors/``.

    ``amr`` are its authentication method references (RFC 8176).
    """

    __slots__ = ()
    of_factors: ClassVar[frozenset[Method]] = frozenset()
    ways_back: ClassVar[frozenset[Method]] = frozenset()
    passes: ClassVar[frozenset[Method]] = frozenset()
    setup_only: ClassVar[frozenset[Method]] = frozenset()
    at_sign_in: ClassVar[frozenset[Method]] = frozenset()
    at_step_up: ClassVar[frozenset[Method]] = frozenset()
    at_setup: ClassVar[frozenset[Method]] = frozenset()
    amr: ClassVar[dict[Method, tuple[str, ...]]] = {}

    @classmethod
    def define(cls, text: str, strength: Strength, *, amr: tuple[str, ...] = ()) -> Method:
        """A new method."""
        method = cls._define(text)
        only = frozenset({method})
        cls.of_factors |= only if strength is Strength.FACTOR else frozenset()
        cls.ways_back |= only if strength in {Strength.RECOVERY, Strength.PASS} else frozenset()
        cls.passes |= only if strength in {Strength.PASS, Strength.SETUP} else frozenset()
        cls.setup_only |= only if strength is Strength.SETUP else frozenset()
        cls.at_step_up |= only if strength in {Strength.FACTOR, Strength.UPSTREAM} else frozenset()
        # A recovery code or an access pass signs in; a pass for enrollment only opens the setup of a factor.
        cls.at_sign_in, cls.at_setup = cls.at_step_up | cls.ways_back, cls.of_factors | cls.ways_back | cls.setup_only
        cls.amr[method] = amr
        return method


UPSTREAM = Method.define("upstream", Strength.UPSTREAM, amr=("mfa",))


class SignIn(StrEnum):
    """How the first step was done."""

    PASSWORD = "password"  # noqa: S105 - a word of the vocabulary, not a secret
    REMEMBER_ME = "remember-me"
    FEDERATED = "federated"
    SESSION = "session"
    TOKEN = "token"  # noqa: S105


_SEEN = frozenset({SignIn.PASSWORD, SignIn.FEDERATED})
"""Those that a user does with this app, or with a provider for it."""


@cache
def methods_of(kinds: frozenset[FactorKind]) -> frozenset[Method]:
    """What is proved with these factors."""
    return frozenset([Method(kind.value) for kind in kinds])


@dataclass(frozen=True, slots=True)
class Proof:
    """One accepted proof.

    :param at: when; None where the provider that has it told of no time.
    """

    method: Method
    at: datetime | None

    def is_within(self, age: timedelta, *, now: datetime) -> bool:
        """Whether it is at most so old; one from the future, or of no known time, has no age."""
        return self.at is not None and timedelta(0) <= now - self.at <= age


_moment = attrgetter("at")


@dataclass(frozen=True, slots=True)
class Assurance:
    """The facts of one session.

    :param signed_in_at: when the first step was done.
    :param proofs: accepted proofs, oldest first, at most one a method.
    :param upstream: what the provider said that signed the user in. It proves nothing unless it is believed.
    """

    sign_in: SignIn
    signed_in_at: datetime
    proofs: tuple[Proof, ...] = field(default=())
    upstream: Upstream | None = None

    @property
    def methods(self) -> frozenset[Method]:
        """Every method proved in this session."""
        return frozenset(proof.method for proof in self.proofs)

    @property
    def amr(self) -> tuple[str, ...]:
        """Authentication method references (RFC 8176), in a stable order without repeats.

        A password counts where it was seen, and not where a cookie or a token stands for one of any age; what another
        provider named counts where it is believed.
        """
        words = list(self._first_words)
        for proof in self.proofs:
            words += [word for word in Method.amr[proof.method] if word not in words]
        return tuple(words)

    @property
    def _first_words(self) -> tuple[str, ...]:
        if self.sign_in is not SignIn.FEDERATED:
            return ("pwd",) if self.sign_in is SignIn.PASSWORD else ()
        # SECURITY: this app vouches to others for nothing that it doesn't believe itself.
        return self.upstream.amr if self.upstream is not None and UPSTREAM in self.methods else ()

    @property
    def acr(self) -> str:
        """Authentication context class reference: one factor, or more (REFEDS profiles)."""
        return ACR_MULTI if self.methods & Method.at_sign_in else ACR_SINGLE

    @property
    def authenticated_at(self) -> datetime:
        """When the user last proved anything; the password given once more makes no proof younger."""
        return max(filter(None, map(_moment, self.proofs)), default=self.signed_in_at)

    @property
    def witnessed_at(self) -> datetime | None:
        """The same as far as anybody can vouch for it; None for what may be of any age: what a cookie or a token stands
        for, and what a provider tells no time of.
        """
        if any(map(_moment, self.proofs)):
            return self.authenticated_at
        if self.sign_in is not SignIn.FEDERATED:
            return self.signed_in_at if self.sign_in is SignIn.PASSWORD else None
        # SECURITY: a provider may sign users in who last proved anything there long ago.
        said_at = self.upstream.at if self.upstream is not None else None
        return None if said_at is None else min(said_at, self.signed_in_at)

    def with_proof(self, method: Method, *, at: datetime) -> Assurance:
        """These facts and one more; a later proof by the same method takes the place of the earlier."""
        kept = tuple(proof for proof in self.proofs if proof.method is not method)
        return replace(self, proofs=(*kept, Proof(method, at)))

    def signed_in_again(self, *, at: datetime, upstream: Upstream | None = None) -> Assurance:
        """These facts after the same user signed in once more; what was proved stands, and is no younger.

        :param upstream: what a provider said now; None where it was the password.
        """
        if upstream is None:
            return replace(self, sign_in=SignIn.PASSWORD, signed_in_at=at)
        spent_at = upstream.spent_at or (self.upstream.spent_at if self.upstream is not None else None)
        return replace(
            self, sign_in=SignIn.FEDERATED, signed_in_at=at, upstream=replace(upstream, spent_at=spent_at)
        )  # fmt: skip

    def believing(self, trust: UpstreamTrust, *, now: datetime) -> Assurance:
        """These facts with what is believed of the provider that signed the user in, and only that."""
        proofs = [proof for proof in self.proofs if proof.method is not UPSTREAM]
        if self.upstream is not None and trust.counts(self.upstream, now=now):
            proofs.append(Proof(UPSTREAM, self.upstream.at))
        return replace(self, proofs=tuple(proofs))

    def proved(self, methods: Collection[Method], *, now: datetime, max_age: timedelta | None = None) -> bool:
        """Whether one of ``methods`` was proved, at most ``max_age`` ago."""
        for proof in self.proofs:
            if proof.method in methods and (max_age is None or proof.is_within(max_age, now=now)):
                return True
        return False

    def is_fresh_sign_in(self, *, now: datetime, within: timedelta) -> bool:
        """Whether the user signed in with the password itself or at a provider, not longer than ``within`` ago."""
        return self.sign_in in _SEEN and timedelta(0) <= now - self.signed_in_at <= within
