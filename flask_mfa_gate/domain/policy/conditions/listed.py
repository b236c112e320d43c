"""A word that compares one fact with a list. Most words are one of these, and a host's easily is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..condition_tree import Condition
from ..facts import Environment, MatchResult, Subject
from ..logic import Matcher
from ..reading import read_texts, read_words, texts_of
from .backing import Backing
from .condition_type import ALL_FACTS, TEXTS, Networks, Source, Wanted
from .sampling import Sample, texts_in, with_another

HIT, MISS, UNKNOWN = MatchResult.HIT, MatchResult.MISS, MatchResult.UNKNOWN
Look = Callable[[Subject, Environment], str | None]


@dataclass(frozen=True, slots=True)
class ListedWord:
    """Holds when the fact is one of the wanted values.

    :param look: gives the fact; None when it is not known.
    :param known: values that may be wanted; empty for any text, compared as it stands.
    :param upper: whether the known values are upper case rather than lower.
    :param holding: how much an ``allow`` can stand on it. What nobody vouches for counts as the client's choice.
    :param missing: the same for its ``not``; that something was not seen is seldom evidence.
    :param sample: a context in which the fact is this; None for a word whose facts only its host knows.
    :param is_always_known: whether the gate knows this fact of every request.
    :param facts: what ``look`` reads of the environment; nothing else may be collected for it.
    """

    word: str
    look: Look
    known: frozenset[str] = frozenset()
    upper: bool = False
    holding: Backing = Backing.CHOSEN
    missing: Backing = Backing.CHOSEN
    sources: frozenset[Source] = frozenset()
    sample: Callable[[str], Sample] | None = None
    is_always_known: bool = False
    facts: frozenset[str] = ALL_FACTS

    def read(self, wanted: object, where: str) -> Wanted:
        """A list of known values, or of any texts where none are known."""
        return read_words(wanted, where, self.known, upper=self.upper) if self.known else read_texts(wanted, where)

    def compile(self, wanted: Wanted, networks: Networks, where: str) -> Matcher:
        """A test for membership."""
        values = frozenset(texts_of(wanted))

        def match(subject: Subject, environment: Environment) -> MatchResult:
            fact = self._fact(subject, environment)
            if fact is None:
                return UNKNOWN
            return HIT if fact in values else MISS

        return match

    def looked_at(self, subject: Subject, environment: Environment, wanted: Wanted) -> str:
        """The fact itself."""
        return self._fact(subject, environment) or ""

    def backing(self, wanted: Wanted, networks: Networks, *, negated: bool) -> Backing:
        """As the word says of itself, whatever is wanted."""
        return self.missing if negated else self.holding

    def needs(self, wanted: Wanted) -> frozenset[Source]:
        """As the word says of itself, whatever is wanted."""
        return self.sources

    @property
    def schema(self) -> Mapping[str, object]:
        """As a document may write it."""
        return TEXTS

    def samples(self, conditions: Sequence[Condition], networks: Networks) -> Iterable[Sample] | None:
        """Each value that is wanted, and one that is not."""
        return None if self.sample is None else map(self.sample, with_another(texts_in(conditions), self.known))

    def _fact(self, subject: Subject, environment: Environment) -> str | None:
        """An empty fact says nothing, so it is no fact."""
        fact = self.look(subject, environment)
        # SECURITY: the number 5 is never the text "5", so a host's deny on it would pass for one that surely fails.
        if not isinstance(fact, str | None):
            raise TypeError("a fact is a string, or None where it is not known")
        if not fact or not self.known:
            return fact or None
        return fact.upper() if self.upper else fact.lower()
