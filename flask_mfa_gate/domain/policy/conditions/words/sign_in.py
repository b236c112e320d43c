"""``sign_in``: how the first step was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...condition_tree import Condition
from ...facts import Environment, MatchResult, Subject
from ...logic import Matcher
from ...reading import read_texts, require_known, texts_of
from ..backing import Backing
from ..condition_type import Networks, Source, Wanted
from ..sampling import Sample, in_environments, texts_in

REMEMBER_ME = "remember-me"
FEDERATED = "federated"
_CHOSEN_WAYS = frozenset({"password", REMEMBER_ME})
WAYS = _CHOSEN_WAYS | {FEDERATED}
_ISSUER = FEDERATED + ":"
_WRITTEN = rf"^\s*({'|'.join(sorted(_CHOSEN_WAYS))}|{FEDERATED}(:.+)?)\s*$"


@dataclass(frozen=True, slots=True)
class SignInWord:
    """Holds when the user signed in one of the wanted ways; ``federated:ISSUER`` names one provider."""

    word: str = "sign_in"
    is_always_known: bool = True
    facts: frozenset[str] = frozenset({"sign_in", "provider"})

    def read(self, wanted: object, where: str) -> Wanted:
        """A list of ways. An issuer is compared as it stands (OpenID Connect Core, section 3.1.3.7)."""
        ways = read_texts(wanted, where)
        for index, way in enumerate(ways):
            if not way.startswith(_ISSUER) or way == _ISSUER:
                require_known(way, f"{where}[{index}]", WAYS)
        return ways

    def compile(self, wanted: Wanted, networks: Networks, where: str) -> Matcher:
        """A test for the way, and for the provider where one is named."""
        ways = frozenset(texts_of(wanted))
        issuers = frozenset(way.removeprefix(_ISSUER) for way in ways if way.startswith(_ISSUER))

        def match(subject: Subject, environment: Environment) -> MatchResult:
            # SECURITY: a way that is not known, as in a session older than the gate, must not pass as "not remembered".
            if environment.sign_in not in WAYS:
                return MatchResult.UNKNOWN
            if environment.sign_in in ways:
                return MatchResult.HIT
            return _issuer_mark(environment, issuers)

        return match

    def looked_at(self, subject: Subject, environment: Environment, wanted: Wanted) -> str:
        """The way, with the provider where there is one."""
        return ":".join(filter(None, (environment.sign_in, environment.provider)))

    def backing(self, wanted: Wanted, networks: Networks, *, negated: bool) -> Backing:
        """A provider vouches for a federated sign-in; the rest takes a password, or a cookie that may be left out."""
        chosen = _CHOSEN_WAYS.intersection(texts_of(wanted))
        return Backing.CHOSEN if (chosen != _CHOSEN_WAYS if negated else chosen) else Backing.EVIDENCE

    @property
    def schema(self) -> Mapping[str, object]:
        """As a document may write it."""
        return {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": _WRITTEN}}

    def samples(self, conditions: Sequence[Condition], networks: Networks) -> Iterable[Sample]:
        """Each way; what names no issuer stands for one that nobody named."""
        issuers = [text.removeprefix(_ISSUER) for text in texts_in(conditions)]
        federated = [Environment(sign_in=FEDERATED, provider=issuer) for issuer in issuers]
        return in_environments([*(Environment(sign_in=way) for way in sorted(_CHOSEN_WAYS)), *federated])

    def needs(self, wanted: Wanted) -> frozenset[Source]:
        """Nothing beside the gate itself."""
        return frozenset()


def _issuer_mark(environment: Environment, issuers: frozenset[str]) -> MatchResult:
    if environment.sign_in != FEDERATED or not issuers:
        return MatchResult.MISS
    if environment.provider is None:
        return MatchResult.UNKNOWN
    return MatchResult.HIT if environment.provider in issuers else MatchResult.MISS


SIGN_IN = SignInWord()
