"""``upstream_amr``: what a provider that is believed says the user was authenticated with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...condition_tree import Condition
from ...facts import Environment, MatchResult, Subject
from ...logic import Matcher
from ...reading import read_texts, texts_of
from ..backing import Backing
from ..condition_type import TEXTS, Networks, Source, Wanted
from ..sampling import Sample, in_environments, subsets, texts_in

COMMON = ("face", "fpt", "hwk", "mfa", "otp", "pin", "sms", "swk")
"""Those of RFC 8176 that a form offers."""


@dataclass(frozen=True, slots=True)
class UpstreamAmrWord:
    """Holds when the provider named one of the wanted methods. A sign-in by no provider has none."""

    word: str = "upstream_amr"
    is_always_known: bool = False
    facts: frozenset[str] = frozenset({"upstream_amr"})

    def read(self, wanted: object, where: str) -> Wanted:
        """A list of methods. Providers have words of their own beside those of RFC 8176, compared as they stand."""
        return read_texts(wanted, where)

    def compile(self, wanted: Wanted, networks: Networks, where: str) -> Matcher:
        """A test for one method in common."""
        words = frozenset(texts_of(wanted))

        def match(subject: Subject, environment: Environment) -> MatchResult:
            # SECURITY: what a provider that nobody believes says, or leaves out, is not known.
            if environment.upstream_amr is None:
                return MatchResult.UNKNOWN
            return MatchResult.MISS if words.isdisjoint(environment.upstream_amr) else MatchResult.HIT

        return match

    def looked_at(self, subject: Subject, environment: Environment, wanted: Wanted) -> str:
        """What was named."""
        return ", ".join(sorted(environment.upstream_amr or ()))

    def backing(self, wanted: Wanted, networks: Networks, *, negated: bool) -> Backing:
        """The provider vouches for it; not to name a method takes no more than another way to sign in."""
        return Backing.CHOSEN if negated else Backing.EVIDENCE

    @property
    def schema(self) -> Mapping[str, object]:
        """As a document may write it."""
        return TEXTS

    def samples(self, conditions: Sequence[Condition], networks: Networks) -> Iterable[Sample] | None:
        """Every part of the methods that are wanted."""
        named = subsets(texts_in(conditions))
        return None if named is None else in_environments(Environment(upstream_amr=words) for words in named)

    def needs(self, wanted: Wanted) -> frozenset[Source]:
        """Somebody has to be believed."""
        return frozenset({Source.UPSTREAM})


UPSTREAM_AMR = UpstreamAmrWord()
